"""Reduces Ansible's events to the small records that the plugin needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.foreign_text import LONGEST, shown
from kokunai.language import halves
from kokunai.plugin.ansible.host_answer import PREFIX, NotUnderstood, checks_of
from kokunai.plugin.ansible.host_keys import told
from kokunai.plugin.redaction import masking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Record = dict[str, Any]
"""`record`: task, changed, failed, unreachable, rekeyed, verified, host_keys, stats, said."""

_RESULTS = ("runner_on_ok", "runner_on_failed", "runner_on_unreachable")
_MESSAGE_LIMIT = 600
_MOST_PATHS = 100
_LOOKING = "kokunai_host"
# The second is said of a key of another kind than the recorded one.
_STRANGE = ("REMOTE HOST IDENTIFICATION HAS CHANGED", "Host key verification failed")
VERIFYING = (
    "verify",
    "約束した構成と照らし合わせます / Compare what is there with what was promised",
)
"""Role and name of the task whose output is a host's answer, whatever it looks like."""


class Reducer:
    """Turns events into records without secrets, which a module may repeat in its result."""

    def __init__(self, secrets: Iterable[Any]) -> None:
        self.hide = masking(secrets, "***")
        self._handlers: set[str] = set()

    def records(self, event: Mapping[str, Any]) -> list[Record]:
        """The records of one event; most events have none."""
        # 'verbose' events carry no event_data.
        data = _mapping(event.get("event_data"))
        kind = event.get("event")
        if kind == "playbook_on_task_start":
            # 'meta' does nothing on a host but has an event for each of them.
            return [] if data.get("task_action", "").endswith("meta") else [self._task(data)]
        if kind in _RESULTS:
            return self._result(kind, data)
        if kind == "playbook_on_stats":
            return [{"record": "stats", "hosts": _stats(data)}]
        if kind in ("verbose", "error", "warning") and event.get("stdout"):
            return [{"record": "said", "text": self._line(event["stdout"], _MESSAGE_LIMIT)}]
        return []

    def _task(self, data: Mapping[str, Any]) -> Record:
        # ansible-runner marks a handler this way, since a handler's start has no event of its own.
        handler = bool(data.get("is_conditional"))
        if handler:
            self._handlers.add(data.get("task_uuid", ""))
        name, role = data.get("task", ""), data.get("role", "")
        return {"record": "task", "name": name, "role": role, "handler": handler}

    def _result(self, kind: str, data: Mapping[str, Any]) -> list[Record]:
        host, result = data["host"], _mapping(data.get("res"))
        try:
            verified = self._verified(kind, data, result)
        except NotUnderstood as error:
            said = f"検証の回答を解釈できません / its answer is not understood: {error}"
            return [self._failed("failed", data, said)]
        records = [] if verified is None else [_record("verified", host, checks=verified)]
        if kind == "runner_on_ok" and data.get("task_action") == _LOOKING:
            records.append(_record("host_keys", host, keys=told(result.get("host_keys"))))
        if kind == "runner_on_ok" and result.get("changed") is True:
            records.append(_record("changed", host, paths=self._changed(data, result)))
        if kind != "runner_on_ok" and not data.get("ignore_errors"):
            records.append(self._failure(kind, data, result, verified))
        elif verified and _is_verifying(data) and _reasons(verified) and kind == "runner_on_ok":
            # The script ends with an error where a check fails, but a host may say it did not.
            records.append(self._failed("failed", data, _reasons(verified)))
        return records

    def _verified(
        self, kind: str, data: Mapping[str, Any], result: Mapping[str, Any]
    ) -> dict[str, dict[str, Any]] | None:
        """The host's verdicts; None for a task that has none. Raises NotUnderstood."""
        text = result.get("stdout")
        is_answer = isinstance(text, str) and text.startswith(PREFIX)
        # Without an output a failed script did not run to its end, and the message says why.
        if is_answer or (_is_verifying(data) and (text or kind == "runner_on_ok")):
            return checks_of(text, self.hide)
        return None

    def _failure(
        self, kind: str, data: Mapping[str, Any], result: Mapping[str, Any], verified: Any
    ) -> Record:
        # A host that fails the task that waits for it is unreachable, not failed.
        waiting = str(data.get("task_action", "")).endswith("wait_for_connection")
        record = "unreachable" if waiting or kind == "runner_on_unreachable" else "failed"
        text = _reasons(verified or {}) or _message(result)
        if record == "unreachable":
            # ssh's own message comes last, after Ansible's description of what it was doing.
            text = text.rpartition("over ssh: ")[2]
            if any(words in text for words in _STRANGE):
                record = "rekeyed"
        return self._failed(record, data, text)

    def _failed(self, record: str, data: Mapping[str, Any], text: str) -> Record:
        where = " : ".join(str(part) for part in (data.get("role"), data.get("task")) if part)
        return _record(record, data["host"], task=where, message=self._line(text, _MESSAGE_LIMIT))

    def _changed(self, data: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
        """What changed: the paths of a bundle, the items of a loop, or the task itself."""
        if data.get("task_uuid") in self._handlers:
            return []
        if "paths_changed" in result:
            pending = _mapping(result.get("pending")).values()
            lists = [result["paths_changed"], *pending]
            found = {str(path) for paths in lists for path in _items(paths)}
        else:
            rows = map(_mapping, _items(result.get("results")))
            items = [row.get("item") for row in rows if row.get("changed") is True]
            # The state must not depend on the language of whoever reads it.
            name = halves(str(data.get("task", "")))[1]
            found = {f"{name}: {item}" for item in items if isinstance(item, str)} or {str(name)}
        return [self._line(path) for path in sorted(found)[:_MOST_PATHS]]

    def _line(self, text: object, longest: int = LONGEST) -> str:
        """One printable line; masked before it is cut, or a part of a secret would remain."""
        return shown(self.hide(str(text)), longest)


def _record(kind: str, host: str, **more: Any) -> Record:
    return {"record": kind, "host": host, **more}


def _is_verifying(data: Mapping[str, Any]) -> bool:
    return (data.get("role"), data.get("task")) == VERIFYING


def _mapping(value: object) -> Mapping[str, Any]:
    """A host may give anything in the place of a mapping."""
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _stats(data: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    names = {"ok": "ok", "changed": "changed", "failures": "failed", "dark": "unreachable"}
    hosts: dict[str, dict[str, int]] = {}
    for theirs, ours in names.items():
        for host, count in (data.get(theirs) or {}).items():
            hosts.setdefault(host, dict.fromkeys(names.values(), 0))[ours] = count
    return hosts


def _reasons(checks: Mapping[str, Any]) -> str:
    failed = {name: check for name, check in checks.items() if check["verdict"] == "fail"}
    return ", ".join(f"{name}: {check['reason']}" for name, check in failed.items())


def _message(result: Mapping[str, Any]) -> str:
    rows = map(_mapping, _items(result.get("results")))
    failed = [row for row in rows if row.get("failed") is True]
    texts = [str(row.get("msg", "")) for row in failed] or [str(result.get("msg", ""))]
    stderr = str(result.get("stderr") or result.get("module_stderr") or "").strip()
    return " ".join(text for text in [*texts, stderr] if text).strip()
