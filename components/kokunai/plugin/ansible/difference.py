"""Finds the hosts to configure: changed inputs, unfinished runs, and drift."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from kokunai.plugin.comparison import differences
from kokunai.plugin.kind import UNKNOWN, Change, ChangeKind, Props

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# About 50 ms and 16 MiB each, so that a digest in the state does not help to guess a password.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1


def changes(state: Props, old: Props, new: Props) -> list[Change]:
    """Every change; a host that only moved within the list is not one."""
    return [*_inputs(old, new), *_hosts(old, new), *_left_over(state, new)]


def _inputs(old: Props, new: Props) -> list[Change]:
    by_leaf = differences(
        {key: value for key, value in old.items() if key not in ("hosts", "secretVariables")},
        {key: value for key, value in new.items() if key not in ("hosts", "secretVariables")},
    )
    # The names of secret variables must not be shown, so the property is compared as a whole.
    if old.get("secretVariables") != new.get("secretVariables"):
        by_leaf.append(Change("secretVariables"))
    return by_leaf


def _hosts(old_inputs: Props, new_inputs: Props) -> Iterator[Change]:
    """Changes of hosts: the path has the index that the engine needs, the reason has the name."""
    old, new = old_inputs.get("hosts", []), new_inputs.get("hosts", [])
    if old is UNKNOWN or new is UNKNOWN:
        if old is not new:
            yield Change("hosts")
        return
    before = {name: (index, host) for index, (name, host) in enumerate(_named(old))}
    for index, (name, host) in enumerate(_named(new)):
        path = f"hosts[{index}]"
        if name not in before:
            yield Change(path, ChangeKind.ADD, reason=f"{name} を構成します / {name} is configured")
        elif before.pop(name)[1] != host:
            yield Change(path, reason=f"{name} を構成し直します / {name} is configured again")
    for name, (index, _) in before.items():
        yield Change(
            f"hosts[{index}]", ChangeKind.DELETE, reason=f"{name} を外します / {name} leaves"
        )


def _named(hosts: list[Any]) -> list[tuple[str, Any]]:
    return [
        (str(index) if host is UNKNOWN or host["name"] is UNKNOWN else host["name"], host)
        for index, host in enumerate(hosts)
    ]


def _left_over(state: Props, new: Props) -> Iterator[Change]:
    hosts = new.get("hosts", [])
    names = {name for name, _ in _named(hosts)} if hosts is not UNKNOWN else set()
    for name, differing in (state.get("drift") or {}).items():
        if differing and name in names:
            what = ", ".join(differing)
            yield Change(
                f'drift["{name}"]',
                ChangeKind.UPDATE,
                reason=f"構成と違います: {what} / differs from its configuration: {what}",
                of_state=True,
            )
    for name, result in (state.get("results") or {}).items():
        if result.get("status") != "ok" and name in names:
            yield Change(
                f'results["{name}"].status',
                reason=f"{name} は未完了です / {name} is not finished",
                of_state=True,
            )


def fingerprint(secrets: Mapping[str, Any], salt: str) -> str:
    """A digest of secrets from which they cannot be guessed; `salt` is the resource's URN."""
    if not secrets:
        return ""
    return hashlib.scrypt(
        _canonical(secrets), salt=salt.encode(), n=_COST, r=_BLOCK, p=_PARALLEL, dklen=16
    ).hex()


def host_digest(
    role_digest: str,
    variables: Mapping[str, Any],
    host: Mapping[str, Any],
    secrets: str,
    share_ids: Sequence[str] | None = None,
) -> str:
    """Digest of everything that decides how a host is configured, and nothing of its peers."""
    decisive = [role_digest, variables, host, secrets, *([share_ids] if share_ids else [])]
    return hashlib.sha256(_canonical(decisive)).hexdigest()


def digests(inputs: Props, urn: str) -> dict[str, str]:
    """Digest of every host by name; another SSH key is another one, and a login proves the key."""
    secrets = fingerprint(inputs.get("secretVariables") or {}, urn) + str(inputs.get("keyId", ""))
    return {
        host["name"]: host_digest(
            inputs["roleDigest"], inputs["variables"], host, secrets, inputs.get("shareIds")
        )
        for host in inputs["hosts"]
    }


def touched(wanted: Mapping[str, str], state: Props) -> list[str]:
    """Names of hosts that changed, failed, were cut short or drifted."""
    applied, unfinished = state.get("hostDigests") or {}, broken(state)
    return [
        name for name, digest in wanted.items() if applied.get(name) != digest or name in unfinished
    ]


def broken(state: Props) -> set[str]:
    """Names of hosts that drifted or whose last run did not end well."""
    drifted = {name for name, paths in (state.get("drift") or {}).items() if paths}
    results = (state.get("results") or {}).items()
    return drifted | {name for name, result in results if result["status"] != "ok"}


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
