"""Finds the Pulumi project that a folder belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS_FILE = "Pulumi.yaml"


def root(start: Path) -> Path:
    """Nearest folder with Pulumi.yaml, from `start` upwards. Raises KokunaiError without one."""
    folder = find_root(start)
    if folder is None:
        raise KokunaiError(
            ja=f"{SETTINGS_FILE} のあるフォルダーの中で実行してください。",
            en=f"run this inside a folder with {SETTINGS_FILE}.",
        )
    return folder


def name(folder: Path) -> str:
    """What Pulumi.yaml calls the project; empty where it cannot be read."""
    from kokunai import yaml_reader  # most commands do without YAML

    try:
        content = yaml_reader.read(folder / SETTINGS_FILE)
    except (OSError, yaml_reader.NotYaml):
        return ""
    return str(content.get("name") or "") if isinstance(content, dict) else ""


def find_root(start: Path) -> Path | None:
    """The same folder, or None outside of a project."""
    folders = (start, *start.parents)
    return next((folder for folder in folders if (folder / SETTINGS_FILE).is_file()), None)
