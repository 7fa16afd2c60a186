"""The scan for host keys gets nothing of the plugin's environment but where programs are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kokunai.plugin.ansible import host_keys

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_the_scan_does_not_see_the_stacks_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = tmp_path / "ssh-keyscan"
    program.write_text("#!/bin/sh\nexec env\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PULUMI_CONFIG", '{"p:password": "in clear"}')

    lines = await host_keys._scan(22, [])

    names = {line.partition("=")[0] for line in lines}
    ours = {"PATH", "HOME", "LANG", "LC_ALL", "PYTHONWARNINGS"}
    assert {"PATH", "LANG"} <= names <= {*ours, "PWD", "SHLVL", "_", "OLDPWD"}
