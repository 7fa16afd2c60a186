"""Changes of a configuration: hosts by name, what runs left unfinished, and drift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.plugin.comparison import differences
from kokunai.plugin.kind import UNKNOWN, Change, ChangeKind, Props

if TYPE_CHECKING:
    from collections.abc import Iterator


def changes(state: Props, old_inputs: Props, news: Props) -> list[Change]:
    """Every change; a host that moved in the list without changing is none."""
    return [*_inputs(old_inputs, news), *_hosts(old_inputs, news), *_left_over(state, news)]


def _inputs(old: Props, new: Props) -> list[Change]:
    found = differences(
        {key: value for key, value in old.items() if key not in ("hosts", "secretVariables")},
        {key: value for key, value in new.items() if key not in ("hosts", "secretVariables")},
    )
    # Its inside is nobody's business: the property as a whole differs or does not.
    if old.get("secretVariables") != new.get("secretVariables"):
        found.append(Change("secretVariables"))
    return found


def _hosts(old_inputs: Props, news: Props) -> Iterator[Change]:
    """Paths carry the index the engine needs to show the host; a reason carries its name."""
    old, new = old_inputs.get("hosts", []), news.get("hosts", [])
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


def _left_over(state: Props, news: Props) -> Iterator[Change]:
    hosts = news.get("hosts", [])
    names = {name for name, _ in _named(hosts)} if hosts is not UNKNOWN else set()
    for name, found in (state.get("drift") or {}).items():
        if found and name in names:
            what = ", ".join(found)
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
