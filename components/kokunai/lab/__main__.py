"""Starts the lab's daemon with the packages that it was installed with."""

from __future__ import annotations

import sys

from kokunai.surroundings import prefer_installed_packages

if __name__ == "__main__":
    prefer_installed_packages()
    # Imported after the line above, so that an old package on PYTHONPATH hides none of ours.
    from kokunai.lab.daemon import main

    sys.exit(main())
