"""What the roles are told of a host before they change it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[2] / "playbooks/library/kokunai_host.py"


@pytest.mark.parametrize(
    ("present", "said"),
    [
        ([], {"simulated": False, "systemd": False}),
        (["etc/kokunai-simulation"], {"simulated": True, "systemd": False}),
        (["run/systemd/system"], {"simulated": False, "systemd": True}),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_a_host_is_seen_as_what_it_is(tmp_path: Path, present, said, check):
    for path in present:
        (tmp_path / path).mkdir(parents=True)
    arguments = {"root": str(tmp_path), "_ansible_check_mode": check}

    ended = subprocess.run(
        [sys.executable, MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        check=True,
    )

    result = json.loads(ended.stdout)
    assert {name: result[name] for name in ("simulated", "systemd")} == said
    assert result["changed"] is False
