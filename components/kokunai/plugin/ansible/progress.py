"""Shows how far a run is; counts the tasks, because Ansible does not tell their number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from kokunai.language import halves, worded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# Only Ansible knows how many tasks these add, for some of them only while it runs.
_UNCOUNTED = frozenset({"import_playbook", "import_role", "include_role", "include_tasks"})


# How Ansible names the task that it adds before a role with argument_specs.
_VALIDATES = "Validating arguments against arg spec"
_VALIDATION = ("変数を確かめます", "Check its variables")


class _Uncountable(Exception):
    """The playbook has a part whose tasks only Ansible can count."""


def count_tasks(playbook: Path) -> int | None:
    """Number of tasks of a playbook and its roles, skipped ones included; None if unknown.

    Handlers run only after a change and are not counted.
    """
    try:
        plays = yaml.safe_load(playbook.read_text(encoding="utf-8"))
        return sum(_play(play, playbook.parent / "roles") for play in plays)
    # The file is encrypted with ansible-vault, or Ansible itself will refuse it with a reason.
    except (_Uncountable, OSError, ValueError, yaml.YAMLError, AttributeError, TypeError, KeyError):
        return None


def _play(play: Mapping[str, Any], roles: Path) -> int:
    if "import_playbook" in _short_names(play):
        raise _Uncountable
    count = sum(_tasks(play.get(part), roles) for part in ("pre_tasks", "tasks", "post_tasks"))
    return count + sum(_role(roles / _role_name(entry)) for entry in play.get("roles") or [])


def _role_name(entry: str | Mapping[str, Any]) -> str:
    return entry if isinstance(entry, str) else str(entry.get("role") or entry["name"])


def _role(role: Path) -> int:
    has_dependencies = (role / "meta" / "main.yml").is_file()
    if has_dependencies or not (role / "tasks" / "main.yml").is_file():
        raise _Uncountable
    # Ansible checks a role's argument_specs in an additional task.
    typed = (role / "meta" / "argument_specs.yml").is_file()
    return typed + _file(role / "tasks" / "main.yml")


def _file(path: Path) -> int:
    return _tasks(yaml.safe_load(path.read_text(encoding="utf-8")), path.parent)


def _tasks(tasks: Iterable[Mapping[str, Any]] | None, directory: Path) -> int:
    return sum(_task(task, directory) for task in tasks or [])


def _task(task: Mapping[str, Any], directory: Path) -> int:
    names = _short_names(task)
    if _UNCOUNTED & names.keys():
        raise _Uncountable
    if "import_tasks" in names:
        return _file(directory / names["import_tasks"])
    if "block" in task:
        return _tasks(task["block"], directory)
    return 0 if "meta" in names else 1


def _short_names(task: Mapping[str, Any]) -> dict[str, Any]:
    return {key.removeprefix("ansible.builtin."): value for key, value in task.items()}


class Progress:
    """The progress line of a run."""

    def __init__(self, pool: str, host_count: int) -> None:
        self._pool = pool
        self._host_count = host_count
        self._done = 0
        self.total: int | None = None
        """Number of tasks of the run; None leaves it out of the line."""

    def line(self, task: Mapping[str, Any]) -> str:
        """The line for a task that has begun; handlers are not counted."""
        self._done += not task.get("handler")
        done, count = str(self._done), self._host_count
        if self.total is not None:
            done = f"{min(self._done, self.total)}/{self.total}"
        ja, en = _places(str(task.get("role", "")), str(task.get("name", "")))
        return worded(
            f"プール {self._pool}: {done} タスク、{count} 台、{ja}",
            f"pool {self._pool}: {done} tasks, {count} hosts, {en}",
            " | ",
        )


def _places(role: str, name: str) -> tuple[str, str]:
    """Where the run is: the role and what its task does, each in its language."""
    ja, en = _VALIDATION if name.startswith(_VALIDATES) else halves(name)
    if not (role and name):
        return role or ja, role or en
    return f"{role}（{ja}）", f"{role}: {en}"
