"""An API that fails now and then, refuses one server, or is full must not cost an orphan."""

from __future__ import annotations

import pytest

from support.pulumi_project import Sandbox, matches_state

FAULTS = [
    {**fault, "rate": 0.025, "when": when}
    for when in ("before", "after")
    for fault in (
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 429},
        {"kind": "reset"},
    )
]


@pytest.mark.parametrize("seed", [1, 2])
def test_an_up_converges_although_every_seventh_call_fails(sandbox: Sandbox, seed: int):
    sandbox.pool["node_count"] = 2
    for number, fault in enumerate(FAULTS):
        sandbox.lab("faults", "POST", {**fault, "seed": seed * 100 + number})

    sandbox.up(timeout=560)

    sandbox.lab("faults", "DELETE")
    matches_state(sandbox)
    assert len(sandbox.of_type("sakura:Server")) == 2


def test_one_refused_server_leaves_the_other_two_and_is_all_the_next_up_makes(sandbox: Sandbox):
    sandbox.pool["node_count"] = 3
    refusal = {"kind": "status", "status": 400, "method": "POST", "path": "/server$", "count": 1}
    sandbox.lab("faults", "POST", {**refusal, "when": "before", "rate": 1})

    first = sandbox.up(check=False)
    kept = {one["urn"] for one in sandbox.of_type("sakura:Server") if not one.get("initErrors")}
    steps = sandbox.steps()
    sandbox.up()

    assert first.returncode != 0
    assert "train-" in first.stdout
    assert len(kept) == 2
    assert len([name for name in steps.get("create", []) if "sakura:Server" in name]) == 1
    assert len(sandbox.of_type("sakura:Server")) == 3
    matches_state(sandbox)
