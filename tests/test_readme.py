"""The READMEs show what is really there."""

from pathlib import Path

import pytest

from kokunai.cli import _COMMANDS

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.ja.md"]


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_the_shown_stack_file_is_the_shipped_one(path: Path):
    shipped = (ROOT / "stacks/Pulumi.local.yaml").read_text()

    # Pulumi adds the salt of the local passphrase to a stack that was used.
    shown = "".join(line for line in shipped.splitlines(True) if "encryptionsalt" not in line)
    assert shown in path.read_text()


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_every_command_is_explained_and_no_placeholder_is_left(path: Path):
    text = path.read_text()

    assert all(f"kokunai {name}" in text for name in _COMMANDS)
    assert "<!--" not in text
