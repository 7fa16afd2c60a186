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


def find_root(start: Path) -> Path | None:
    """The same folder, or None outside of a project."""
    folders = (start, *start.parents)
    return next((folder for folder in folders if (folder / SETTINGS_FILE).is_file()), None)
