"""Where the playbooks lie: beside the package, in the checkout it is installed from."""

from __future__ import annotations

from pathlib import Path

from kokunai.errors import KokunaiError


def directory() -> Path:
    """Folder with site.yml. Raises KokunaiError when the installation lacks it."""
    found = Path(__file__).parents[2] / "playbooks"
    if (found / "site.yml").is_file():
        return found
    raise KokunaiError(
        ja="playbooks/site.yml が見つかりません。チェックアウトで pip install -e . を",
        en="playbooks/site.yml was not found; install from the checkout with pip install -e .",
    )
