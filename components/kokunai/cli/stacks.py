"""The stacks of a project by their files: which are the lab's, and which one a command is for."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kokunai import project, surroundings, yaml_reader
from kokunai_policy.project import says_lab

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STATE = Path(".kokunai")
"""Folder below a project with what belongs to this checkout alone."""
_PREFIX, _SUFFIX = "Pulumi.", ".yaml"


def files(root: Path) -> dict[str, Path]:
    """The stack file of each stack of the project, by the stack's name."""
    folder = root / str(_content(root / project.SETTINGS_FILE).get("stackConfigDir") or "")
    found = sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}"))
    return {path.name[len(_PREFIX) : -len(_SUFFIX)]: path for path in found}


def config(path: Path) -> dict[str, Any]:
    """What a stack file holds under `config`; empty where that cannot be read."""
    held = _content(path).get("config")
    return held if isinstance(held, dict) else {}


def is_labs(root: Path, stack: str) -> bool:
    """Whether the stack file says that the stack runs on the lab."""
    path = files(root).get(short(stack))
    return path is not None and says_lab(config(path))


def is_real(root: Path, stack: str) -> bool:
    """Whether there is a stack file, and it is for a real account."""
    return short(stack) in files(root) and not is_labs(root, stack)


def short(stack: str) -> str:
    """The name without organisation and project."""
    return stack.rpartition("/")[2]


def backend_url(root: Path, environment: Mapping[str, str] = os.environ) -> str:
    """Where the project's state is: what the caller chose, else a folder below the project."""
    return environment.get("PULUMI_BACKEND_URL") or f"file://{quote(str(root / STATE / 'state'))}"


def of_command(
    root: Path, command: Sequence[str], environment: Mapping[str, str] = os.environ
) -> str:
    """The stack that a `pulumi` command is for; empty where it is for none or for no known one."""
    if not command or Path(command[0]).name != "pulumi":
        return ""
    named = _given(command) or environment.get("PULUMI_STACK", "")
    return named or _selected(root, environment)


_SHORT = re.compile(r"-[defjry]*s=?(.*)")
"""`-sNAME` and `-s=NAME`, also behind short options without a value."""


def _given(command: Sequence[str]) -> str:
    for word, following in zip(command, [*command[1:], ""], strict=True):
        if word == "--stack":
            return following
        if word.startswith("--stack="):
            return word.removeprefix("--stack=")
        if short := _SHORT.fullmatch(word):
            return short[1] or following
    return ""


def _selected(root: Path, environment: Mapping[str, str]) -> str:
    """What `pulumi stack select` chose for the project, from the file in which Pulumi keeps it."""
    settings = root / project.SETTINGS_FILE
    name = project.name(root)
    home = Path(environment.get("PULUMI_HOME") or surroundings.home() / ".pulumi")
    digest = hashlib.sha1(str(settings).encode(), usedforsecurity=False).hexdigest()
    try:
        text = (home / "workspaces" / f"{name}-{digest}-workspace.json").read_text("utf-8")
        kept = json.loads(text)
        chosen = (kept.get("stacks") or {}).get(backend_url(root, environment)) or kept.get("stack")
    except (OSError, ValueError, AttributeError):
        return ""
    return str(chosen or "")


def _content(path: Path) -> dict[str, Any]:
    try:
        content = yaml_reader.read(path)
    except (OSError, yaml_reader.NotYaml):
        return {}
    return content if isinstance(content, dict) else {}
