"""What the IaaS API allows at most, as data for all who check before the API is asked."""

from __future__ import annotations

from typing import Final

MOST_RULES: Final = 30
"""Rules of a packet filter (Sakura's manual)."""
MOST_TAGS: Final = 10
LONGEST_TAG: Final = 32
LONGEST_NAME: Final = 64
LONGEST_DESCRIPTION: Final = 512
MOST_INTERFACES: Final = 10
"""Of a server."""
MOST_DISKS: Final = 4
"""Of a server."""
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 128
