"""What the engine was asked to replace is read from its command line, the only place that says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from kokunai.plugin.serving import command_line

URN = "urn:pulumi:dev::own::kokunai:index:Environment$kokunai:sakura:Server::train-0"


def _asks(*arguments: str) -> bool:
    return any(re.fullmatch(row, URN) for row in command_line.expressions(arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ("pulumi", "preview", "--replace", URN),
        ("pulumi", "up", f"--target-replace={URN}", "--yes"),
        ("pulumi", "up", "--replace", "urn:pulumi:dev::own::other::x", "--replace", URN),
        ("pulumi", "up", "--replace", "**::train-*"),
        ("pulumi", "up", "--replace", "urn:pulumi:*::*::**$kokunai:*:Server::train-0"),
    ],
)
def test_the_options_of_pulumi_name_urns(arguments: tuple[str, ...]) -> None:
    assert _asks(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("pulumi", "up"),
        ("pulumi", "up", "--replace"),
        ("pulumi", "up", "--target", URN),
        ("pulumi", "up", "--replace", URN.replace("train-0", "train-1")),
        ("pulumi", "up", "--replace", "urn:pulumi:dev::*::train-0"),
        ("sed", "--replace", "train-0"),
    ],
)
def test_other_words_are_no_replacement(arguments: tuple[str, ...]) -> None:
    assert not _asks(*arguments)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ("pulumi destroy --yes", True),
        ("pulumi -C up down", True),
        ("pulumi --color never dn --stack up", True),
        ("pulumi up --stack destroy", False),
        ("pulumi --non-interactive --cwd=/x update", False),
        ("pulumi preview", False),
        ("pulumi something-new", None),
        ("pulumi -s pre destroy", True),
        ("pulumi --stack up destroy", True),
        ("pulumi --config-file up --otel-traces up -e destroy", True),
        ("pulumi -s down up", False),
        ("pulumi -m destroy up", False),
        ("pulumi --message=destroy -C/x -Q up", False),
        ("pulumi --new-option destroy up", None),
        ("pulumi something-new destroy", None),
        ("pulumi -- destroy", None),
        ("", None),
    ],
)
def test_a_destroy_is_told_from_an_up(arguments: str, answer: bool | None) -> None:
    assert command_line.destroys(arguments.split()) is answer


def test_the_engine_is_found_above_the_language_host_that_started_the_plugin(
    tmp_path: Path,
) -> None:
    inner = (
        "from kokunai.plugin.serving import command_line as line\n"
        f"print(line.replaces({URN!r}), line.replaces('urn:pulumi:other'), line.is_destroy())"
    )
    for name in ("pulumi", "host"):
        (tmp_path / name).symlink_to("/bin/sh")
    plugin = shlex.join([sys.executable, "-c", inner])
    host = shlex.join([str(tmp_path / "host"), "-c", f"{plugin}; :"])
    command = [tmp_path / "pulumi", "-c", f"{host}; :", "up", "--replace", URN]

    ended = subprocess.run(command, capture_output=True, text=True, check=True)

    assert ended.stdout.split() == ["True", "False", "False"]
