"""What a stack remembers of its data: which parts, under which names, and how well protected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest

import kokunai
from kokunai import environment, holders, model, stack_file
from kokunai.parts import Data, Part
from kokunai.plugin.kind import Holding
from kokunai.plugin.registry import registry
from support.example_stack import VALUES
from support.pulumi_mocks import Recorder, declared, loops, recorder, root

__all__ = ["loops", "recorder", "root"]
STACK: dict[str, Any] = {
    **VALUES,
    "storage": [{"name": "data", "network": "cluster", "size_gib": 100, "mount": "/mnt/data"}],
}


def spec(**changes: Any) -> model.Environment:
    return model.Environment.model_validate({**STACK, **changes})


def row(section: str, **changes: Any) -> dict[str, Any]:
    return {section: [{**STACK[section][0], **changes}]}


def parts(root: Path, **changes: Any) -> list[Part]:
    wanted = spec(**changes)
    return environment.parts_of(wanted, kokunai.StackSettings.of(wanted, root=root))


def test_a_stack_remembers_every_part_that_holds_data(recorder: Recorder, root: Path):
    seen = declared(recorder, lambda: kokunai.Environment(spec(), root=root)).seen

    rows = seen[holders.TYPE, "demo-data"]["holders"]
    assert [(one["name"], one.get("pool"), one["address"]) for one in rows] == [
        ("data", None, "192.168.10.9"),
        ("train-0", "train", "192.168.10.11"),
        ("train-1", "train", "192.168.10.12"),
    ]
    assert rows[0]["inputs"]["sizeGib"] == 100
    assert rows[1]["inputs"]["disks"][0]["sizeGib"] == 100
    assert not any(one["protected"] for one in rows)


def test_what_a_program_declares_last_is_remembered_too(recorder: Recorder, root: Path):
    def program() -> None:
        ours = kokunai.StackSettings(**{key: STACK[key] for key in list(STACK)[:4]}, root=root)
        for name, host in (("a", 11), ("b", 21)):
            given = {**STACK["pools"][0], "name": name, "first_host": host, "network": None}
            kokunai.GpuNodePool(**given, settings=ours)

    rows = declared(recorder, program).seen[holders.TYPE, "demo-data"]["holders"]

    assert [one["name"] for one in rows] == ["a-0", "a-1", "b-0", "b-1"]


def test_half_a_program_is_not_taken_for_the_whole(recorder: Recorder, root: Path):
    def program() -> None:
        ours = kokunai.StackSettings(**{key: STACK[key] for key in list(STACK)[:4]}, root=root)
        given = {**STACK["pools"][0], "network": None, "settings": ours}
        kokunai.GpuNodePool(**given)
        kokunai.GpuNodePool(**{**given, "name": "b", "gpu": "h300"})

    with pytest.raises(kokunai.KokunaiError, match="does not sell GPU h300"):
        declared(recorder, program)

    assert holders.TYPE not in [kind for kind, _ in recorder.seen]


def test_a_refusal_that_a_program_gets_over_is_forgotten(recorder: Recorder, root: Path):
    def program() -> None:
        ours = kokunai.StackSettings(**{key: STACK[key] for key in list(STACK)[:4]}, root=root)
        given = {**STACK["pools"][0], "network": None, "settings": ours}
        with pytest.raises(kokunai.KokunaiError):
            kokunai.GpuNodePool(**{**given, "gpu": "h300"})
        kokunai.GpuNodePool(**given)

    assert len(declared(recorder, program).seen[holders.TYPE, "demo-data"]["holders"]) == 2


def test_a_part_has_data_where_its_kind_holds_data(loops: None, root: Path):
    kinds = registry().kinds

    for part in parts(root):
        assert isinstance(kinds[part.pulumi_type], Holding) == (part.data is not None)
        if part.data:
            remembered = {name: part.props[name] for name in part.data.made_of}
            held = kinds[part.pulumi_type].held(remembered)  # type: ignore[attr-defined]
            assert held.gib == 100


def test_the_ids_of_the_shares_are_inputs_of_the_configuration(recorder: Recorder, root: Path):
    seen = declared(recorder, lambda: kokunai.Environment(spec(), root=root)).seen

    assert seen["kokunai:ansible:Configuration", "train"]["shareIds"] == ["is1a/data"]


@pytest.mark.parametrize(
    ("stack", "given", "expected"),
    [
        ({"lab": True}, None, None),
        ({"lab": False}, None, True),
        ({"lab": True}, False, False),
        ({"lab": True}, True, True),
        ({"lab": False, "allow_data_loss": ["train-0"]}, None, False),
        ({"lab": False, "allow_data_loss": ["train"]}, None, False),
        ({"lab": False, "allow_data_loss": ["train"]}, True, False),
        ({"lab": False, "allow_data_loss": ["tune"]}, None, True),
    ],
)
def test_data_on_a_real_account_is_protected_unless_its_loss_is_allowed(
    recorder: Recorder, root: Path, stack: dict[str, Any], given: bool | None, expected: bool | None
):
    settings = kokunai.StackSettings.of(spec(**stack), root=root)
    part = Part("kokunai:sakura:Server", "train-0", {}, data=Data((), "train", protect=given))

    assert holders.protect(part, settings) is expected
    assert holders.protect(Part("kokunai:sakura:Switch", "x", {}), settings) is None


def test_permission_comes_from_the_stack_file_and_from_the_configuration(
    recorder: Recorder, root: Path
):
    pulumi.runtime.set_all_config({"kokunai:allowDataLoss": "train, old"}, [])
    wanted = spec(allow_data_loss=["data"])

    try:
        seen = declared(recorder, lambda: kokunai.Environment(wanted, root=root)).seen
    finally:
        pulumi.runtime.set_all_config({}, [])

    assert seen["pulumi:providers:kokunai", "demo"]["allowDataLoss"] == "data,old,train"


def test_a_rename_names_what_every_part_was(loops: None, root: Path):
    renamed = parts(
        root,
        **row("networks", name="lan", was="cluster"),
        **row("storage", name="sets", was="data", network="lan"),
        **row("pools", name="tune", was="train", network="lan"),
    )

    former = {part.key: part.former_name for part in renamed}
    assert former["kokunai:sakura:Switch", "lan"] == "cluster"
    assert former["kokunai:sakura:Nfs", "sets"] == "data"
    assert former["kokunai:sakura:Server", "tune-1"] == "train-1"
    assert former["kokunai:ansible:Configuration", "tune"] == "train"


@pytest.mark.parametrize(
    ("section", "rows", "said"),
    [
        ("pools", [{"was": "infer"}, {"name": "infer"}], "pools[0].was: pools[1] is called infer"),
        ("pools", [{"was": "train"}], "pools[0].was: pools[0] is called train"),
        ("storage", [{"was": "data"}], "storage[0].was: storage[0] is called data"),
        ("networks", [{"was": "cluster"}], "networks[0].was: networks[0] is called cluster"),
        ("pools", [{"was": "x"}, {"name": "b", "was": "x"}], "pools[0] says was: x, too"),
        ("pools", [{"was": "X!"}], "pools[0].was: has the wrong form"),
    ],
)
def test_a_former_name_that_is_still_in_use_is_refused(
    section: str, rows: list[dict[str, Any]], said: str
):
    base = {**STACK[section][0], **({"network": None} if section == "pools" else {})}
    raw = {**STACK, section: [{**base, **changes} for changes in rows]}

    with pytest.raises(kokunai.KokunaiError) as refusal:
        stack_file.read(raw)

    assert said in refusal.value.en


def test_the_schema_knows_the_permission_in_both_places():
    written = model.schema()

    assert written["properties"]["config"]["properties"]["kokunai:allowDataLoss"]
    assert (
        "allow_data_loss"
        in written["properties"]["config"]["properties"]["kokunai:settings"]["properties"]
    )
