"""`kokunai:ansible:Configuration`: runs the playbooks on those hosts of a pool that changed."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from kokunai import own_address, playbooks
from kokunai.errors import KokunaiError
from kokunai.plugin.ansible.difference import broken, changes, digests, touched
from kokunai.plugin.ansible.host_keys import NOT_PINNED, jumps, known_keys, pinned, rekeyed
from kokunai.plugin.ansible.inputs import ConfigurationComputed, ConfigurationInputs
from kokunai.plugin.ansible.outcome import Outcome, Run, drift_of, outputs, reason
from kokunai.plugin.ansible.places import (
    configured_playbook,
    private_key,
    project_root,
    require_programs,
    ssh_config,
)
from kokunai.plugin.ansible.request import Host, Request, host_of
from kokunai.plugin.ansible.run import run_playbooks
from kokunai.plugin.kind import (
    Change,
    Checked,
    Created,
    Found,
    InitFailed,
    Operation,
    Props,
    Transition,
)
from kokunai.plugin.model_kind import ModelKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST_FORKS = 32
_WHOLE = "playbooks:"
"""Before a role digest that covers the provider's playbooks, beside what was given."""


class Configuration(ModelKind):
    """Configures hosts of other resources; its outputs are results, verdicts and drift by host."""

    pulumi_type = "kokunai:ansible:Configuration"
    model = ConfigurationInputs
    computed = ConfigurationComputed
    is_found_by_digest = False
    default_timeout_seconds = 3600.0
    secret_properties = frozenset({"secretVariables"})
    patience_seconds = 180

    def __init__(self) -> None:
        self._config: Mapping[str, Any] = {}

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take the configuration, which may name a folder of playbooks."""
        self._config = config

    async def check(self, transition: Transition) -> Checked:
        """Check the inputs; the role digest covers the playbooks that the provider names, too."""
        checked = await super().check(transition)
        given = checked.inputs.get("roleDigest")
        playbook = None if checked.failures else configured_playbook(self._config)
        # With ignoreChanges the engine hands in the recorded digest, which covers them already.
        if playbook is None or not isinstance(given, str) or given.startswith(_WHOLE):
            return checked
        digest = playbooks.folder_digest(playbook.parent)
        whole = hashlib.sha256(f"{given} {digest}".encode()).hexdigest()
        return Checked({**checked.inputs, "roleDigest": f"{_WHOLE}{whole}"})

    def diff(self, transition: Transition) -> list[Change]:
        """Changes by host, and drift or unfinished runs that the state records."""
        return changes(transition.state, transition.old, transition.new)

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Configure every host; after a killed create all of it is repeated."""
        return Created(op.digest, await self._configure(op, op.digest, {}, transition.new))

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Configure only the hosts that changed, failed or drifted."""
        return await self._configure(op, transition.id, transition.state, transition.new)

    async def read(self, op: Operation, transition: Transition) -> Found | None:
        """Run the playbooks in check mode; what they would change becomes the drift."""
        inputs, state = transition.old, transition.state
        if not inputs:
            raise KokunaiError(
                ja="構成は import できません。作成すれば既存のホストにもそのまま適用されます",
                en="a configuration cannot be imported; creating it adopts the hosts as they are",
            )
        results = (state.get("results") or {}).items()
        done = {name for name, result in results if result["status"] == "ok"}
        hosts = [host for host in map(host_of, inputs["hosts"]) if host.name in done]
        if not hosts:
            return Found(transition.id, inputs, state)
        try:
            run = await self._run(op, inputs, state, hosts, check=True)
        except KokunaiError as error:
            op.warn(f"{error.ja}。ホストは確かめていません\n{error.en}; the hosts were not checked")
            return Found(transition.id, inputs, state)
        return Found(transition.id, inputs, _with_check_results(op, state, hosts, run))

    async def delete(self, op: Operation, transition: Transition) -> None:
        """Do nothing: the hosts belong to other resources, and nothing else was made."""

    async def _configure(self, op: Operation, id_: str, state: Props, new: Props) -> Props:
        wanted = digests(new, op.urn)
        names = set(touched(wanted, state))
        hosts = [host for host in map(host_of, new["hosts"]) if host.name in names]
        run = await self._run(op, new, state, hosts, check=False) if hosts else Run.of(())
        run = _with_reasons(run)
        after = outputs(new, state, wanted, hosts, run)
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
        config = inputs.get("sshConfigFile", "")
        key, playbook = private_key(inputs["privateKeyFile"], config), _playbook(op)
        known = known_keys(hosts, state)
        strange = await rekeyed(hosts, known)
        lines = [*(line for keys in known.values() for line in keys), *pinned(hosts, known)]
        lines += jumps(hosts)
        request = Request(
            playbook=playbook,
            project=str(project_root()),
            hosts=tuple(host for host in hosts if host.name not in strange),
            variables=inputs["variables"],
            secrets=inputs.get("secretVariables") or {},
            private_key_file=str(key),
            ssh_config_file=ssh_config(config),
            known_hosts=tuple(lines),
            check=check,
            forks=min(_MOST_FORKS, 4 * (os.cpu_count() or 1), len(hosts)),
            patience_seconds=self.patience_seconds,
            repair=() if check else tuple(broken(state)),
        )
        run = await run_playbooks(op, request, inputs["pool"]) if request.hosts else Run.of(())
        run.hosts |= {name: Outcome(status="rekeyed") for name in strange}
        for name, outcome in run.hosts.items():
            outcome.is_first = name not in known
        return run


def _playbook(op: Operation) -> str:
    """The site.yml that the provider names, or empty; then the project's overrides are reported."""
    if path := configured_playbook(op.config):
        return str(path)
    if own := ", ".join(playbooks.overrides(project_root())):
        op.info(f"プロジェクトの playbooks を使います: {own}\nusing the project's playbooks: {own}")
    return ""


def _with_reasons(run: Run) -> Run:
    """The run, with a reason on unfinished hosts: Ansible's last lines or the time limit."""
    if run.ended in ("finished", "crashed") and run.said:
        for outcome in run.hosts.values():
            if outcome.status == "interrupted":
                outcome.status, outcome.task = "failed", "ansible-playbook"
                outcome.message = run.last_words()
    if run.ended == "timeout":
        for outcome in run.hosts.values():
            outcome.message = outcome.message or "（時間切れ / timed out: customTimeouts）"
    return run


def _done(host: Host, outcome: Outcome) -> str:
    done = (
        f"{host.name} ({host.address}): 構成しました。変更 {outcome.changed} 件"
        f" / configured, {outcome.changed} changed"
    )
    is_believed = outcome.is_first and not host.host_key
    return f"{done}\n{host.name}: {NOT_PINNED}" if is_believed else done


def _with_check_results(op: Operation, state: Props, hosts: Iterable[Host], run: Run) -> Props:
    """The state after a check run; hosts that could not be checked keep theirs, with a warning."""
    drift, verified = dict(state.get("drift") or {}), dict(state.get("verified") or {})
    for host in hosts:
        outcome = run.hosts[host.name]
        if outcome.status in ("unreachable", "interrupted"):
            # What stopped the run itself, such as a broken playbook, says nothing about a host.
            op.warn(_not_checked_text(host, outcome.message or run.last_words()))
            continue
        drift.pop(host.name, None)
        differing = ["hostKeys"] if outcome.status == "rekeyed" else drift_of(outcome)
        if differing:
            drift[host.name] = differing
            op.warn(_drifted(host, differing))
        verified[host.name] = outcome.verified
    return {**state, "drift": drift, "verified": verified}


def _not_checked_text(host: Host, why: str) -> str:
    ja, en = own_address.lockout(host.address, why)
    who = f"{host.name}（{host.address}）"
    said_ja = f"{who}は確認できず、前回の状態のままです: {why} {ja}".rstrip()
    who = f"{host.name} ({host.address})"
    return f"{said_ja}\n{who} could not be checked; its last state is kept. {en}".rstrip()


def _drifted(host: Host, differing: list[str]) -> str:
    what = ", ".join(differing)
    return (
        f"{host.name} は構成と違っています。次の pulumi up で直します: {what}\n"
        f"{host.name} differs from its configuration; the next pulumi up repairs it: {what}"
    )
