"""Which hosts a run must touch: those whose inputs differ from what was applied to them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kokunai.plugin.kind import Props

# About 50 ms and 16 MiB: a digest in the state must not help to guess a short password.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1


def fingerprint(secrets: Mapping[str, Any], salt: str) -> str:
    """Changes with any secret and tells nothing about it; `salt` is the resource's URN."""
    if not secrets:
        return ""
    return hashlib.scrypt(
        _canonical(secrets), salt=salt.encode(), n=_COST, r=_BLOCK, p=_PARALLEL, dklen=16
    ).hex()


def host_digest(
    role_digest: str, variables: Mapping[str, Any], host: Mapping[str, Any], secrets: str
) -> str:
    """Digest of all that decides what a host is like; says nothing of its peers."""
    return hashlib.sha256(_canonical([role_digest, variables, host, secrets])).hexdigest()


def digests(inputs: Props, urn: str) -> dict[str, str]:
    """Digest of every host by name."""
    secrets = fingerprint(inputs.get("secretVariables") or {}, urn)
    return {
        host["name"]: host_digest(inputs["roleDigest"], inputs["variables"], host, secrets)
        for host in inputs["hosts"]
    }


def touched(wanted: Mapping[str, str], state: Props) -> list[str]:
    """Names of hosts that changed, failed, were cut short or drifted."""
    applied, torn = state.get("hostDigests") or {}, broken(state)
    return [name for name, digest in wanted.items() if applied.get(name) != digest or name in torn]


def broken(state: Props) -> set[str]:
    """Names of hosts that drifted or whose last run did not end well."""
    drifted = {name for name, found in (state.get("drift") or {}).items() if found}
    results = (state.get("results") or {}).items()
    return drifted | {name for name, result in results if result["status"] != "ok"}


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
