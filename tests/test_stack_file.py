"""A stack file's mistakes are all reported at once, each with its path and what is allowed."""

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from kokunai import model, stack_file
from kokunai.errors import KokunaiError
from support.broken_stack_files import BROKEN, RIGHT, Broken
from support.senseless_stack_files import FINE, LOOK_ALIKES, SENSELESS

STACKS = sorted((Path(__file__).parents[1] / "stacks").glob("Pulumi.*.yaml"))


def test_the_file_that_is_broken_in_every_way_is_right_before(tmp_path: Path):
    path = tmp_path / "Pulumi.right.yaml"
    path.write_text(RIGHT)

    assert stack_file.read_file(path).pools


ALL_BROKEN = {**BROKEN, **SENSELESS}


@pytest.mark.parametrize("broken", ALL_BROKEN.values(), ids=ALL_BROKEN)
def test_a_broken_stack_file_is_refused_once_naming_the_path_in_both_languages(
    tmp_path: Path, broken: Broken
):
    path = tmp_path / "Pulumi.broken.yaml"
    path.write_text(broken.text)

    with pytest.raises(KokunaiError) as refusal:
        stack_file.read_file(path)

    assert broken.expected in refusal.value.ja
    assert str(refusal.value).count(f"{broken.place}: ") <= 2
    assert broken.place in refusal.value.en


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_a_neighbour_of_what_makes_no_sense_is_accepted(tmp_path: Path, text: str):
    path = tmp_path / "Pulumi.fine.yaml"
    path.write_text(text)

    assert text != RIGHT
    assert stack_file.read_file(path).name == "local"


@pytest.mark.parametrize("change", LOOK_ALIKES, ids=lambda change: ascii(change[1])[-30:])
def test_a_character_of_an_input_method_is_named_with_its_line(
    tmp_path: Path, change: tuple[str, str]
):
    old, new = change
    line, column, code = LOOK_ALIKES[change]
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(RIGHT.replace(old, new))

    with pytest.raises(KokunaiError) as refusal:
        stack_file.read_file(path)

    assert f"line {line}, column {column}: " in refusal.value.en
    assert f"{line} 行 {column} 列: " in refusal.value.ja
    assert all(code in text for text in (refusal.value.ja, refusal.value.en))


def test_many_repeated_rows_are_told_once_each(tmp_path: Path):
    raw = yaml.safe_load(LOCAL)["config"]["kokunai:environment"]
    raw["storage"] = raw["storage"] * 400

    with pytest.raises(KokunaiError) as refusal:
        stack_file.read(raw)

    # Name, host number and mount of each but the first, however many it repeats.
    assert refusal.value.en.startswith(f"{3 * 399} mistake(s)")


def test_a_number_that_the_engine_reads_otherwise_is_refused_there_too():
    written = {"config": {stack_file.KEY: {"pools": [{"node_count": "08", "gpu": "08"}]}}}
    value = {"pools": [{"node_count": 8, "gpu": "08"}]}

    with pytest.raises(KokunaiError, match=r"environment\.pools\[0\]\.node_count: .*plain decimal"):
        stack_file.refuse_other_reading(written, stack_file.KEY, value)


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem)
def test_every_shipped_stack_file_can_be_read(path: Path):
    assert stack_file.read_file(path).pools


def test_mistakes_of_every_section_are_reported_together(tmp_path: Path):
    path = tmp_path / "Pulumi.x.yaml"
    environment = {
        "name": "Local",
        "data_class": "secret",
        "access": {"private_key_file": "k", "ssh_from": []},
        "networks": [{"name": "n", "site": "nowhere", "cidr": "10.0.0.0/24"}],
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


LOCAL = (Path(__file__).parents[1] / "stacks/Pulumi.local.yaml").read_text()
HOSTILE = {
    "nesting": LOCAL.replace("name: local", "name: " + "[" * 20_000),
    "a number of 5000 digits": LOCAL.replace("node_count: 2", "node_count: " + "9" * 5000),
    "a list that holds itself": "config: &a\n  kokunai:environment:\n    pools: &b [*b]\n",
    "a tag": "config: !!python/object/apply:os.system [ls]\n",
    "a byte that is no text": b"config: \xff",
    "anchors that multiply": "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(9))
    + "config:\n  kokunai:environment: {pools: *a9, networks: *a9}\n",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_one_refusal_naming_it(what: str, tmp_path: Path):
    path = tmp_path / "Pulumi.hostile.yaml"
    text = HOSTILE[what]
    path.write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(KokunaiError) as refusal:
        stack_file.read_file(path)

    assert str(path) in refusal.value.ja
    assert str(path) in refusal.value.en


@pytest.mark.parametrize("text", [LOCAL.replace("\n", "\r\n"), "\ufeff" + LOCAL, "---\n" + LOCAL])
def test_line_ends_and_byte_order_marks_change_nothing(text: str, tmp_path: Path):
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(text, encoding="utf-8", newline="")

    assert stack_file.read_file(path).name == "local"


def test_a_day_is_text_as_it_is_for_pulumi(tmp_path: Path):
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(LOCAL.replace("name: local", "name: 2026-13-45"))

    with pytest.raises(KokunaiError, match="'2026-13-45'"):
        stack_file.read_file(path)


def test_a_secret_in_the_environment_is_refused_because_it_would_stand_in_clear(tmp_path: Path):
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(LOCAL.replace("name: local", "name: {secure: 'v1:a:b'}"))

    with pytest.raises(KokunaiError, match="must hold no secret"):
        stack_file.read_file(path)


def test_a_network_with_a_mistake_is_not_called_missing():
    raw = yaml.safe_load(LOCAL)["config"]["kokunai:environment"]
    raw["networks"][0]["cidr"] = "10.0.0.0"

    with pytest.raises(KokunaiError) as refusal:
        stack_file.read(raw)

    assert refusal.value.en.startswith("1 mistake(s)")


POOL = {"name": "train", "site": "sakura-ishikari", "gpu": "h100", "network": "cluster"}
CHANGES: dict[str, tuple[tuple[str | int, ...], Any, bool]] = {
    "nothing": (("name",), "local", True),
    "no network": (("pools", 0, "network"), None, True),
    "a source": (("hosts",), {"package_sources": [{"uri": "https://a/", "suites": ["x"]}]}, True),
    "a number as text": (("pools", 0, "node_count"), "2", False),
    "a boolean as number": (("pools", 0, "node_count"), True, False),
    "a number as boolean": (("lab",), 1, False),
    "a word as boolean": (("lab",), "yes", False),
    "a fraction": (("pools", 0, "node_count"), 2.5, False),
    "too many": (("pools", 0, "node_count"), 201, False),
    "GPUs": (("pools", 0), {**POOL, "gpus": 2, "node_count": None}, True),
    "no size": (("pools", 0), POOL, False),
    "two sizes": (("pools", 0, "gpus"), 2, False),
    "no domain": (("pools", 0), {**POOL, "nvlink_domains": 0}, False),
    "an unknown key": (("access", "port"), 22, False),
    "another class": (("data_class",), "secret", False),
    "a netmask": (("networks", 0, "cidr"), "10.0.0.0/255.255.255.0", False),
    "an address alone": (("access", "ssh_from", 0), "10.0.0.1", False),
    "capitals": (("name",), "Local", False),
    "nothing where text belongs": (("name",), None, False),
    "the root as mount": (("storage", 0, "mount"), "//", False),
    "two sources in one": (
        ("hosts",),
        {"package_sources": [{"uri": "https://a/ https://b/", "suites": ["x"]}]},
        False,
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_json_schema_accepts_what_the_model_accepts(what: str):
    keys, value, good = CHANGES[what]
    content = yaml.safe_load(LOCAL)
    at = content["config"]["kokunai:environment"]
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = copy.deepcopy(value)

    accepted = not list(jsonschema.Draft7Validator(model.schema()).iter_errors(content))
    try:
        stack_file.read(content["config"]["kokunai:environment"])
    except KokunaiError:
        read = False
    else:
        read = True

    assert (accepted, read) == (good, good)


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem)
def test_every_shipped_stack_file_fits_the_json_schema(path: Path):
    jsonschema.validate(yaml.safe_load(path.read_text()), model.schema())
