"""Describes the module `contract` for the registry: its kinds, and the login of BMCs."""

from __future__ import annotations

from kokunai.plugin.contract.board import SECTION
from kokunai.plugin.contract.declared import Network, Share
from kokunai.plugin.contract.host import Host
from kokunai.plugin.contract.slurm import SlurmCluster
from kokunai.plugin.module import Module


def contract() -> Module:
    """A new module."""
    return Module("contract", kinds=(Host(), Network(), Share(), SlurmCluster()), section=SECTION)
