"""Reduces Ansible's events to the small records that the plugin needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kokunai.plugin.redaction import masking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Record = dict[str, Any]
"""Its key `record` is task, changed, failed, unreachable, rekeyed, verified, stats or said."""

_RESULTS = ("runner_on_ok", "runner_on_failed", "runner_on_unreachable")
_MESSAGE_LIMIT = 600


class Reducer:
    """Turns events into records without secrets, which a module may repeat in its result."""

    def __init__(self, secrets: Iterable[Any]) -> None:
        self.hide = masking(secrets, "***")
        self._handlers: set[str] = set()

    def records(self, event: Mapping[str, Any]) -> list[Record]:
        """The records of one event; most events have none."""
        # 'verbose' events carry no event_data.
        data = event.get("event_data") or {}
        kind = event.get("event")
        if kind == "playbook_on_task_start":
            # 'meta' does nothing on a host but has an event for each of them.
            return [] if data.get("task_action", "").endswith("meta") else [self._task(data)]
        if kind in _RESULTS:
            return self._result(kind, data)
        if kind == "playbook_on_stats":
            return [{"record": "stats", "hosts": _stats(data)}]
        if kind in ("verbose", "error", "warning") and event.get("stdout"):
            return [{"record": "said", "text": self.hide(str(event["stdout"]))}]
        return []

    def _task(self, data: Mapping[str, Any]) -> Record:
        # ansible-runner marks a handler this way, since a handler's start has no event of its own.
        handler = bool(data.get("is_conditional"))
        if handler:
            self._handlers.add(data.get("task_uuid", ""))
        name, role = data.get("task", ""), data.get("role", "")
        return {"record": "task", "name": name, "role": role, "handler": handler}

    def _result(self, kind: str, data: Mapping[str, Any]) -> list[Record]:
        host, result = data["host"], data.get("res") or {}
        records = []
        verified = _verified(result)
        if verified is not None:
            records.append({"record": "verified", "host": host, "checks": verified})
        if kind == "runner_on_ok" and result.get("changed"):
            paths = [] if data.get("task_uuid") in self._handlers else _changed(data, result)
            records.append({"record": "changed", "host": host, "paths": paths})
        if kind != "runner_on_ok" and not data.get("ignore_errors"):
            records.append(self._failure(kind, data, result, verified))
        return records

    def _failure(
        self, kind: str, data: Mapping[str, Any], result: Mapping[str, Any], verified: Any
    ) -> Record:
        # A host that fails the task that waits for it is unreachable, not failed.
        waiting = data.get("task_action", "").endswith("wait_for_connection")
        record = "unreachable" if waiting or kind == "runner_on_unreachable" else "failed"
        text = _reasons(verified) if verified is not None else _message(result)
        if record == "unreachable":
            # ssh's own message comes last, after Ansible's description of what it was doing.
            text = text.rpartition("over ssh: ")[2]
            if "REMOTE HOST IDENTIFICATION HAS CHANGED" in text:
                record = "rekeyed"
        where = " : ".join(part for part in (data.get("role"), data.get("task")) if part)
        return {
            "record": record,
            "host": data["host"],
            "task": where,
            "message": self.hide(text)[:_MESSAGE_LIMIT],
        }


def _stats(data: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    names = {"ok": "ok", "changed": "changed", "failures": "failed", "dark": "unreachable"}
    hosts: dict[str, dict[str, int]] = {}
    for theirs, ours in names.items():
        for host, count in (data.get(theirs) or {}).items():
            hosts.setdefault(host, dict.fromkeys(names.values(), 0))[ours] = count
    return hosts


def _verified(result: Mapping[str, Any]) -> Any:
    text = result.get("stdout")
    if not isinstance(text, str) or not text.startswith('{"kokunai_verified"'):
        return None
    return json.loads(text)["kokunai_verified"]


def _reasons(checks: Mapping[str, Any]) -> str:
    failed = {name: check for name, check in checks.items() if check["verdict"] == "fail"}
    return ", ".join(f"{name}: {check['reason']}" for name, check in failed.items())


def _changed(data: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    if "paths_changed" in result:
        pending = {path for paths in (result.get("pending") or {}).values() for path in paths}
        return sorted({*result["paths_changed"], *pending})
    items = [row.get("item") for row in result.get("results", []) if row.get("changed")]
    named = [f"{data.get('task', '')}: {item}" for item in items if isinstance(item, str)]
    return named or [str(data.get("task", ""))]


def _message(result: Mapping[str, Any]) -> str:
    failed = [row for row in result.get("results", []) if row.get("failed")]
    texts = [str(row.get("msg", "")) for row in failed] or [str(result.get("msg", ""))]
    stderr = str(result.get("stderr") or result.get("module_stderr") or "").strip()
    return " ".join(text for text in [*texts, stderr] if text).strip()
