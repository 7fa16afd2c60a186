"""Real Linux hosts for the lab, of the best kind that this machine can run."""

from __future__ import annotations

import os

from kokunai.lab.hosts.choosing import (
    choose,
    missing_packages,
    prepare,
    prepare_start,
    probe,
    tear_down,
)
from kokunai.lab.hosts.rootless import inside, is_open, leave

__all__ = [
    "choose",
    "inside",
    "is_open",
    "leave",
    "missing_packages",
    "prepare",
    "prepare_start",
    "probe",
    "tear_down",
]

# nft, ip and mount lie in sbin, which an ordinary user's PATH may lack.
os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
