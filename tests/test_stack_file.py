"""A stack file's mistakes are all reported at once, each with its path and what is allowed."""

from pathlib import Path

import pytest
import yaml

from kokunai import model, stack_file
from kokunai.errors import KokunaiError

BROKEN = sorted((Path(__file__).parent / "data/broken_stack_files").glob("*.yaml"))
STACKS = sorted((Path(__file__).parents[1] / "stacks").glob("Pulumi.*.yaml"))


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_stack_file_is_refused_once_naming_the_path_in_both_languages(path: Path):
    expected = path.read_text().splitlines()[0].removeprefix("# expect: ")

    with pytest.raises(KokunaiError) as refusal:
        stack_file.read_file(path)

    assert expected in refusal.value.ja
    place = expected.split(": ")[0]
    assert str(refusal.value).count(f"{place}: ") <= 2
    assert place in refusal.value.en


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem)
def test_every_shipped_stack_file_can_be_read(path: Path):
    assert stack_file.read_file(path).pools


def test_mistakes_of_every_section_are_reported_together(tmp_path: Path):
    path = tmp_path / "Pulumi.x.yaml"
    environment = {
        "name": "Local",
        "data_class": "secret",
        "access": {"private_key_file": "k", "ssh_from": []},
        "networks": [{"name": "n", "site": "kddi-sakai", "cidr": "10.0.0.0/24"}],
        "pools": [{"name": "a", "site": "sakura-ishikari", "gpu": "h300", "node_count": -1}],
    }
    path.write_text(yaml.safe_dump({"config": {"kokunai:environment": environment}}))

    with pytest.raises(KokunaiError) as refusal:
        stack_file.read_file(path)

    places = (".name", ".data_class", ".access.ssh_from", ".networks[0].site", "node_count")
    assert all(place in refusal.value.en for place in places)


def test_a_missing_file_is_named():
    with pytest.raises(KokunaiError, match="nowhere"):
        stack_file.read_file(Path("nowhere.yaml"))


def test_the_json_schema_describes_units_and_refuses_unknown_keys():
    schema = model.schema()

    pool = schema["definitions"]["GpuNodePool"]
    assert pool["additionalProperties"] is False
    assert "order_timeout_seconds" in pool["properties"]
    assert "usable" in pool["properties"]["order_timeout_seconds"]["description"]
