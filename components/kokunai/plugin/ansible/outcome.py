"""Folds the records of a run into the resource's outputs and keeps those of untouched hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kokunai import own_address
from kokunai.language import halves
from kokunai.plugin.ansible.host_answer import completed
from kokunai.plugin.ansible.host_keys import keys_of, known_keys, learned
from kokunai.plugin.ansible.inputs import ConfigurationComputed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kokunai.plugin.ansible.request import Host
    from kokunai.plugin.kind import Props


@dataclass
class Outcome:
    """How the run ended on one host."""

    status: str = "interrupted"
    """ok, failed, unreachable, rekeyed or interrupted."""
    task: str = ""
    message: str = ""
    changed: int = 0
    ok: int = 0
    failed: int = 0
    paths: list[str] = field(default_factory=list)
    """Paths that changed, or that would change in a check run."""
    verified: dict[str, Any] = field(default_factory=dict)
    own_keys: list[str] = field(default_factory=list)
    """Public host keys that the host told as its own."""
    is_first: bool = False
    """Nothing was recorded of the host's keys before this run."""


@dataclass
class Run:
    """The outcomes of a run so far, by host."""

    hosts: dict[str, Outcome]
    ended: str = ""
    """Empty while it runs; then finished, cancelled, timeout or crashed."""
    known_hosts: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """Last lines Ansible printed outside of tasks, for a run that did not start."""

    @staticmethod
    def of(names: Iterable[str]) -> Run:
        """A run that has not begun."""
        return Run({name: Outcome() for name in names})

    def take(self, record: Mapping[str, Any]) -> None:
        """Add one record of the runner."""
        kind = record["record"]
        if kind == "stats":
            self._take_stats(record["hosts"])
        elif kind == "end":
            self.known_hosts = record["known_hosts"]
        elif kind == "said":
            self.said = [*self.said, record["text"]][-10:]
        elif "host" in record:
            self._take_result(kind, self.hosts[record["host"]], record)

    def last_words(self) -> str:
        """What Ansible printed last, at most 600 characters."""
        return " ".join(self.said)[-600:]

    def _take_result(self, kind: str, host: Outcome, record: Mapping[str, Any]) -> None:
        if kind == "changed":
            host.paths.extend(record["paths"])
        elif kind == "verified":
            host.verified = _dated(completed(record["checks"]))
        elif kind == "host_keys":
            host.own_keys = record["keys"]
        else:
            host.status, host.task, host.message = kind, record["task"], record["message"]

    def _take_stats(self, hosts: Mapping[str, Mapping[str, int]]) -> None:
        for name, counts in hosts.items():
            host = self.hosts[name]
            host.ok, host.changed, host.failed = counts["ok"], counts["changed"], counts["failed"]
            if host.status == "interrupted" and not counts["failed"] + counts["unreachable"]:
                host.status = "ok"


def _dated(checks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The checks, each with the time at which this machine was told its verdict."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {name: {**check, "takenAt": now} for name, check in checks.items()}


def outputs(
    new: Props, state: Props, digests: Mapping[str, str], hosts: Iterable[Host], run: Run
) -> Props:
    """All outputs after a run; untouched hosts keep theirs, hosts without inputs are removed."""
    after = {key: _kept(state.get(key), digests) for key in ConfigurationComputed.names()}
    for host in hosts:
        outcome = run.hosts[host.name]
        after["results"][host.name] = _result(host, outcome)
        # Verdicts of an earlier run say nothing about the host after this run.
        after["verified"][host.name] = outcome.verified
        for key in ("hostDigests", "drift"):
            after[key].pop(host.name, None)
        if outcome.status == "ok":
            after["hostDigests"][host.name] = digests[host.name]
        if outcome.status != "rekeyed":
            # An interrupted run reports no keys; without the known ones any key would pass next.
            known = known_keys([host], state).get(host.name, [])
            seen = keys_of(host, run.known_hosts) or known
            fresh = learned(host, outcome.own_keys, run.known_hosts)
            after["hostKeys"][host.name] = seen if known else fresh
    return {**new, **after}


def _kept(values: Mapping[str, Any] | None, names: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in (values or {}).items() if name in names}


def _result(host: Host, outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "changed": outcome.changed,
        "ok": outcome.ok,
        "failed": outcome.failed,
        "message": outcome.message,
        "serverId": host.server_id,
        "firstKey": host.host_key,
    }


def reason(host: Host, outcome: Outcome) -> str:
    """Why the run did not finish on a host, Japanese then English."""
    who = f"{host.name} ({host.address})"
    ja, en = own_address.lockout(host.address, outcome.message)
    task_ja, task_en = task_of(outcome)
    texts = {
        "unreachable": (
            f"{who} に接続できません。{ja}",
            f"{who} cannot be reached: {outcome.message} {en}".rstrip(),
        ),
        "failed": (
            f"{who} は「{task_ja}」で失敗しました。",
            f'{who} failed in "{task_en}": {outcome.message}',
        ),
        "rekeyed": _strange_at_first(who)
        if outcome.is_first or host.is_handed_over
        else (
            (
                f"{who} の SSH ホスト鍵が、同じサーバー {host.server_id} なのに変わりました。"
                "心当たりがなければ、なりすましを疑ってください。"
                "OS を入れ直したのなら、この構成を pulumi up --replace で作り直せば受け入れます"
            ),
            (
                f"{who} shows another SSH host key, yet is the same server {host.server_id}; "
                "unless you know why, suspect an impostor. "
                "After a new installation, pulumi up --replace of this configuration accepts it"
            ),
        ),
    }
    cut = (
        f"{who} の構成は途中で止まりました。次の pulumi up で続けます。",
        f"{who} was cut short; the next pulumi up continues. {outcome.message}".rstrip(),
    )
    return "\n".join(texts.get(outcome.status, cut))


def task_of(outcome: Outcome) -> tuple[str, str]:
    """Role and name of the task that failed, in Japanese and in English."""
    role, joint, name = outcome.task.rpartition(" : ")
    ja, en = halves(name)
    return f"{role}{joint}{ja}", f"{role}{joint}{en}"


def _strange_at_first(who: str) -> tuple[str, str]:
    ja = (
        f"{who} は、前もって決めた SSH ホスト鍵とは別の鍵を返しました。何も送らずに中止しました。"
        "なりすましか、最初の起動でスクリプトが動かなかったか、OS が入れ直されています。"
        "コンソールで確かめ、作ったサーバーなら pulumi up --replace で作り直し、"
        "契約のサーバーなら正しいホスト鍵を書いてください"
    )
    en = (
        f"{who} shows another SSH host key than the one known beforehand; nothing was sent to it. "
        "An impostor answers, or its script did not run at the first boot, or its system was "
        "installed anew: look at its console; make your own server anew with pulumi up --replace, "
        "and correct the host key of one that was handed over"
    )
    return ja, en


def drift_of(outcome: Outcome) -> list[str]:
    """The drift that a check run found: paths and tasks that would change, checks that fail."""
    failed = [name for name, check in outcome.verified.items() if check["verdict"] == "fail"]
    differing = [*outcome.paths, *(f"verified.{name}" for name in failed)]
    if outcome.status == "failed" and not failed:
        differing.append(task_of(outcome)[1])
    return sorted(set(differing))
