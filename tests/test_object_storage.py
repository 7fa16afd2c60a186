"""Buckets in a stack file and in a program: what is declared, remembered, judged and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest

import kokunai
from kokunai import catalog, holders, stack_file
from kokunai.catalog import rows
from kokunai.environment import placed_parts
from kokunai.plugin.sakura.bucket import BucketInputs
from kokunai.stack_paths import place
from support.example_stack import VALUES
from support.pulumi_mocks import ANSWERS, Recorder, declared, loops, recorder, root

__all__ = ["loops", "recorder", "root"]
BUCKET = "kokunai:sakura:Bucket"
ROW = {"name": "weights", "site": "sakura-tokyo", "versioning": True}


def read(*buckets: dict[str, Any]) -> Any:
    return stack_file.read({**VALUES, "buckets": list(buckets)})


def refused(*buckets: dict[str, Any]) -> str:
    with pytest.raises(kokunai.KokunaiError) as refusal:
        read(*buckets)
    return str(refusal.value)


def test_a_stack_file_and_a_program_declare_the_same_bucket(recorder: Recorder, root: Path):
    of_file = [part for part in kokunai_parts(root) if part.pulumi_type == BUCKET]

    def program() -> None:
        given = {key: VALUES[key] for key in ("name", "data_class", "lab", "access")}
        kokunai.ObjectStorage(**ROW, settings=kokunai.StackSettings(**given, root=root))

    seen = declared(recorder, program).seen

    inputs = dict(seen[BUCKET, "weights"])
    assert inputs.pop("owner") == "is1a/demo"
    assert inputs == of_file[0].props
    assert (inputs["name"], inputs["zone"], inputs["versioning"]) == ("demo-weights", "tky01", True)
    assert set(inputs) < {*map(str, BucketInputs.model_json_schema(by_alias=True)["properties"])}
    remembered = seen[holders.TYPE, "demo-data"]["holders"]
    assert [(row["name"], row["inputs"]) for row in remembered] == [
        ("weights", {"name": "demo-weights", "zone": "tky01"})
    ]


def kokunai_parts(root: Path) -> list[Any]:
    spec = read(ROW)
    return [row.part for row in placed_parts(spec, kokunai.StackSettings.of(spec, root=root))]


def test_an_environment_has_its_buckets_by_name_with_their_keys(recorder: Recorder, root: Path):
    keys: list[str] = []
    ANSWERS["accessKeyId"] = "KEY"

    def program() -> pulumi.Output[None]:
        made = kokunai.Environment(read(ROW), root=root).buckets["weights"]
        assert made.bucket == "demo-weights"
        return made.access_key_id.apply(keys.append)

    try:
        declared(recorder, program)
    finally:
        del ANSWERS["accessKeyId"]

    assert keys == ["KEY"]


REFUSED = {
    "a site without object storage": ({**ROW, "site": "kddi-sakai"}, "buckets[0].site"),
    "a name no bucket may have": ({**ROW, "bucket": "Team_Data"}, "buckets[0].bucket"),
    "a wrong key": ({**ROW, "size_gib": 1}, "buckets[0].size_gib"),
}


@pytest.mark.parametrize(("row", "path"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_at_its_place(row: dict[str, Any], path: str):
    assert path in refused(row)


def test_two_buckets_of_one_name_are_refused():
    assert "buckets[1].name" in refused(ROW, ROW)


def test_a_finding_leads_to_the_row(root: Path):
    spec = read(ROW)
    placed = [
        row
        for row in placed_parts(spec, kokunai.StackSettings.of(spec, root=root))
        if row.part.pulumi_type == BUCKET
    ]

    assert place(placed[0], "zone") == "buckets[0].site"
    assert place(placed[0], "name") == "buckets[0].bucket"


def test_every_data_centre_with_object_storage_says_what_its_place_is_called():
    known = {key: site.storage_zones for key, site in catalog.sites().items() if site.storage_zones}

    assert known == {"sakura-ishikari": ("isk01",), "sakura-tokyo": ("tky01",)}
    assert not rows.section("sites", rows.Site)[1]
