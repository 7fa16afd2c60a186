"""Describes the module `ansible` for the registry: its kinds, its settings, its start."""

from __future__ import annotations

from kokunai.plugin.ansible.configuration import Configuration
from kokunai.plugin.ansible.run_directory import sweep
from kokunai.plugin.module import Module
from kokunai.plugin.settings import Section, SectionModel


class AnsibleSettings(SectionModel):
    """Where the playbooks are."""

    playbooks_directory: str | None = None
    """Folder of site.yml, absolute or from the project's root. / site.yml のあるフォルダー。"""


def ansible() -> Module:
    """A new module; its start removes what a plugin left that was killed together with its run."""
    section = Section(prefix="", model=AnsibleSettings, environment={})
    return Module("ansible", kinds=(Configuration(),), section=section, start=sweep)
