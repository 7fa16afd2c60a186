"""Describes the module `contract` for the registry."""

from __future__ import annotations

from kokunai.plugin.contract.slurm import SlurmCluster
from kokunai.plugin.module import Module


def contract() -> Module:
    """A new module of what contracts hand over."""
    return Module("contract", kinds=(SlurmCluster(),))
