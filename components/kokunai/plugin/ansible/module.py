"""Describes the module `ansible` for the registry: its kinds, its settings, its start."""

from __future__ import annotations

from pydantic import field_validator

from kokunai import playbooks
from kokunai.plugin.ansible.configuration import Configuration
from kokunai.plugin.ansible.places import project_root
from kokunai.plugin.ansible.run_directory import sweep
from kokunai.plugin.module import Module
from kokunai.plugin.settings import Section, SectionModel
from kokunai.problems import refusal


class AnsibleSettings(SectionModel):
    """Where the playbooks are."""

    playbooks_directory: str | None = None
    """Folder of site.yml, absolute or from the project's root. / site.yml のあるフォルダー。"""

    @field_validator("playbooks_directory")
    @classmethod
    def _is_the_projects_or_ours(cls, given: str | None) -> str | None:
        """Playbooks run commands as the user, so they come from where the user put the project."""
        root = project_root().resolve()
        found = (root / (given or "")).resolve()
        if found.is_relative_to(root) or found.is_relative_to(playbooks.packaged()):
            return given
        raise refusal(
            ja=f"{found} はプロジェクト {root} の外にあります。"
            "プレイブックはプロジェクトの中に置いてください",
            en=f"{found} is outside of the project {root}; put the playbooks inside the project",
        )


def ansible() -> Module:
    """A new module; its start removes what a plugin left that was killed together with its run."""
    section = Section(prefix="", model=AnsibleSettings, environment={})
    return Module("ansible", kinds=(Configuration(),), section=section, start=sweep)
