"""How far a run is: Ansible does not say how many tasks there are, so they are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def count_tasks(playbook: Path) -> int:
    """Tasks of a playbook and its roles; handlers run only after a change and are not counted."""
    plays = yaml.safe_load(playbook.read_text(encoding="utf-8"))
    return sum(_play(play, playbook.parent / "roles") for play in plays)


def _play(play: Mapping[str, Any], roles: Path) -> int:
    count = sum(_tasks(play.get(part), roles) for part in ("pre_tasks", "tasks", "post_tasks"))
    for entry in play.get("roles") or []:
        role = roles / (entry if isinstance(entry, str) else entry["role"])
        # Typed variables are checked in a task of their own.
        count += (role / "meta" / "argument_specs.yml").is_file()
        count += _file(role / "tasks" / "main.yml")
    return count


def _file(path: Path) -> int:
    if not path.is_file():
        return 0
    return _tasks(yaml.safe_load(path.read_text(encoding="utf-8")), path.parent)


def _tasks(tasks: Iterable[Mapping[str, Any]] | None, directory: Path) -> int:
    return sum(_task(task, directory) for task in tasks or [])


def _task(task: Mapping[str, Any], directory: Path) -> int:
    if "ansible.builtin.import_tasks" in task:
        return _file(directory / task["ansible.builtin.import_tasks"])
    if "block" in task:
        return _tasks(task["block"], directory)
    return 0 if "ansible.builtin.meta" in task else 1


class Progress:
    """The line that says where a run is."""

    def __init__(self, pool: str, total: int, host_count: int) -> None:
        self._pool = pool
        self._total = total
        self._host_count = host_count
        self._done = 0

    def line(self, task: Mapping[str, Any]) -> str:
        """One more task has begun; a handler is none of those counted."""
        self._done = min(self._done + (not task.get("handler")), self._total)
        place = task.get("role") or task.get("name", "")
        done, count = f"{self._done}/{self._total}", self._host_count
        return (
            f"プール {self._pool}: {done} タスク、{count} 台、{place}"
            f" | pool {self._pool}: {done} tasks, {count} hosts, {place}"
        )
