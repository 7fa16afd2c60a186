"""What the engine was asked to replace is read from its command line, the only place that says."""

from __future__ import annotations

import re
import subprocess
import sys

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


def test_the_process_above_the_one_that_started_the_plugin_is_read_too() -> None:
    inner = (
        "from kokunai.plugin.serving import command_line\n"
        f"print(command_line.replaces({URN!r}), command_line.replaces('urn:pulumi:other'))"
    )
    starts = (
        "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', sys.argv[1]]))"
    )
    command = [sys.executable, "-c", starts]
    outer = [sys.executable, "-c", f"import subprocess; subprocess.call({[*command, inner]!r})"]

    ended = subprocess.run([*outer, "--replace", URN], capture_output=True, text=True, check=True)

    assert ended.stdout.split() == ["True", "False"]
