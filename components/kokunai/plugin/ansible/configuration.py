"""`kokunai:ansible:Configuration`: the playbooks on one pool, only where something changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kokunai import playbooks
from kokunai.errors import KokunaiError
from kokunai.plugin import schema
from kokunai.plugin.ansible.difference import changes
from kokunai.plugin.ansible.digest import broken, digests, touched
from kokunai.plugin.ansible.host_keys import rekeyed
from kokunai.plugin.ansible.inputs import ConfigurationInputs
from kokunai.plugin.ansible.outcome import Outcome, Run, drift_of, known_keys, outputs, reason
from kokunai.plugin.ansible.places import (
    configured_playbook,
    private_key,
    project_root,
    require_programs,
)
from kokunai.plugin.ansible.request import Host, Request, host_of
from kokunai.plugin.ansible.run import run_playbooks
from kokunai.plugin.inputs import checked
from kokunai.plugin.kind import Change, Checked, Created, Found, InitFailed, Operation, Props

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST_FORKS = 32


class Configuration:
    """Hosts belong to other resources; this one holds what was done to them and what was seen."""

    token = "kokunai:ansible:Configuration"  # noqa: S105 - a type token
    default_timeout_seconds = 3600.0
    secret_properties = frozenset({"secretVariables"})
    patience_seconds = 180

    def schema(self) -> dict[str, Any]:
        """Pulumi schema of the resource."""
        return schema.resource(ConfigurationInputs, _COMPUTED_SCHEMA, self.secret_properties)

    async def check(self, op: Operation, olds: Props | None, news: Props) -> Checked:  # noqa: ARG002
        """Every mistake at once; an address may be unknown in preview."""
        return checked(ConfigurationInputs, news)

    def diff(self, id: str, state: Props, old_inputs: Props, news: Props) -> list[Change]:  # noqa: A002, ARG002
        """By host, and what a check run or an unfinished run left in the state."""
        return changes(state, old_inputs, news)

    async def create(self, op: Operation, inputs: Props) -> Created:
        """Configure every host; a create that was killed is simply done again."""
        return Created(op.digest, await self._configure(op, op.digest, {}, inputs))

    async def update(
        self,
        op: Operation,
        id: str,  # noqa: A002
        state: Props,
        old_inputs: Props,  # noqa: ARG002
        news: Props,
    ) -> Props:
        """Configure the hosts that changed, failed or drifted, and no other."""
        return await self._configure(op, id, state, news)

    async def read(self, op: Operation, id: str, state: Props, inputs: Props) -> Found | None:  # noqa: A002
        """A check run on the configured hosts; what it would change is the drift."""
        if not inputs:
            raise KokunaiError(
                ja="構成は import できません。作成すれば既存のホストにもそのまま適用されます",
                en="a configuration cannot be imported; creating it adopts the hosts as they are",
            )
        done = {n for n, one in (state.get("results") or {}).items() if one["status"] == "ok"}
        hosts = [host for host in map(host_of, inputs["hosts"]) if host.name in done]
        if not hosts:
            return Found(id, inputs, state)
        try:
            run = await self._run(op, inputs, state, hosts, check=True)
        except KokunaiError as error:
            op.warn(f"{error.ja}。ホストは確かめていません\n{error.en}; the hosts were not checked")
            return Found(id, inputs, state)
        return Found(id, inputs, _seen(op, state, hosts, run))

    async def delete(self, op: Operation, id: str, state: Props) -> None:  # noqa: A002
        """Nothing: the hosts go away themselves, and nothing else was made."""

    async def _configure(self, op: Operation, id_: str, state: Props, news: Props) -> Props:
        wanted = digests(news, op.urn)
        names = set(touched(wanted, state))
        hosts = [host for host in map(host_of, news["hosts"]) if host.name in names]
        run = await self._run(op, news, state, hosts, check=False) if hosts else Run.of(())
        after = outputs(news, state, wanted, hosts, run)
        reasons = []
        for host in hosts:
            outcome = run.hosts[host.name]
            if outcome.status == "ok":
                op.info(_done(host, outcome))
            else:
                reasons.append(reason(host, outcome))
        if reasons:
            raise InitFailed(id_, after, reasons)
        return after

    async def _run(
        self, op: Operation, inputs: Props, state: Props, hosts: list[Host], *, check: bool
    ) -> Run:
        require_programs()
        key, playbook = private_key(inputs["privateKeyFile"]), _playbook(op)
        known = known_keys(hosts, state)
        strange = await rekeyed(hosts, known)
        request = Request(
            playbook=playbook,
            project=str(project_root()),
            hosts=tuple(host for host in hosts if host.name not in strange),
            variables=inputs["variables"],
            secrets=inputs.get("secretVariables") or {},
            private_key_file=str(key),
            known_hosts=tuple(line for lines in known.values() for line in lines),
            check=check,
            forks=min(_MOST_FORKS, 4 * (os.cpu_count() or 1), len(hosts)),
            patience_seconds=self.patience_seconds,
            repair=() if check else tuple(broken(state)),
        )
        run = await run_playbooks(op, request, inputs["pool"]) if request.hosts else Run.of(())
        run.hosts |= {name: Outcome(status="rekeyed") for name in strange}
        return _explained(run)


def _playbook(op: Operation) -> str:
    """The one the provider names; else none, and what the project puts in is said."""
    if path := configured_playbook(op.config):
        return str(path)
    if own := ", ".join(playbooks.overrides(project_root())):
        op.info(f"プロジェクトの playbooks を使います: {own}\nusing the project's playbooks: {own}")
    return ""


def _explained(run: Run) -> Run:
    """A run that ended by itself before its hosts did has said why, for example a syntax error."""
    if run.ended in ("finished", "crashed") and run.said:
        for outcome in run.hosts.values():
            if outcome.status == "interrupted":
                outcome.status, outcome.task = "failed", "ansible-playbook"
                outcome.message = " ".join(run.said)[-600:]
    if run.ended == "timeout":
        for outcome in run.hosts.values():
            outcome.message = outcome.message or "(時間切れ / timed out: customTimeouts)"
    return run


def _done(host: Host, outcome: Outcome) -> str:
    return (
        f"{host.name} ({host.address}): 構成しました。変更 {outcome.changed} 件"
        f" / configured, {outcome.changed} changed"
    )


def _seen(op: Operation, state: Props, hosts: Iterable[Host], run: Run) -> Props:
    """The state with what the check run saw; what could not be seen stays, with a warning."""
    drift, verified = dict(state.get("drift") or {}), dict(state.get("verified") or {})
    for host in hosts:
        outcome = run.hosts[host.name]
        if outcome.status in ("unreachable", "interrupted"):
            op.warn(_not_seen(host, outcome))
            continue
        drift.pop(host.name, None)
        found = ["hostKeys"] if outcome.status == "rekeyed" else drift_of(outcome)
        if found:
            drift[host.name] = found
            op.warn(_drifted(host, found))
        verified[host.name] = outcome.verified
    return {**state, "drift": drift, "verified": verified}


def _not_seen(host: Host, outcome: Outcome) -> str:
    return (
        f"{host.name} ({host.address}) は確認できず、前回の状態のままです: {outcome.message}\n"
        f"{host.name} ({host.address}) could not be checked; its last state is kept"
    )


def _drifted(host: Host, found: list[str]) -> str:
    what = ", ".join(found)
    return (
        f"{host.name} は構成と違っています。次の pulumi up で直します: {what}\n"
        f"{host.name} differs from its configuration; the next pulumi up repairs it: {what}"
    )


def _map(values: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values, "description": text}


_ANY: dict[str, Any] = {"$ref": "pulumi.json#/Any"}
_LINES: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
_COMPUTED_SCHEMA: dict[str, Any] = {
    "hostDigests": _map({"type": "string"}, "適用済みの内容 / What was applied, by host."),
    "results": _map(_ANY, "実行結果 / How the last run of each host ended."),
    "verified": _map(_ANY, "検証結果 / Verdict of each check, by host: pass, fail, not-verified."),
    "hostKeys": _map(_LINES, "SSH ホスト鍵 / Lines of known_hosts, by host."),
    "drift": _map(_LINES, "構成との差 / What a check run would change, by host."),
}
