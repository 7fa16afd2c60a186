"""Starts the plugin; the engine passes its own address as an argument."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kokunai.surroundings import prefer_installed_packages

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the engine whose address is the first argument that is not an option."""
    prefer_installed_packages()
    # Imported after the line above, so that an old package on PYTHONPATH hides none of ours.
    from kokunai.plugin.registry import registry
    from kokunai.plugin.serving import process

    words = list(sys.argv[1:] if arguments is None else arguments)
    addresses = [word for word in words if not word.startswith("-")]
    process.run(registry(), addresses[0] if addresses else "")


if __name__ == "__main__":
    main()
