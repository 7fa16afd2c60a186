"""Stock checks, which a rule file names with parameters instead of having code of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kokunai import catalog
from kokunai.errors import path_text
from kokunai_policy import hosts
from kokunai_policy.property_names import is_variable
from kokunai_policy.regions import plain
from kokunai_policy.verdicts import Judgement, Verdict, shown, unknown
from kokunai_policy.walker import OPEN, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kokunai.catalog.facts import Use
    from kokunai_policy.resource import Inspected
    from kokunai_policy.walker import Keys, Node

_MAPS = ("variables", "secretVariables")


@dataclass(frozen=True, kw_only=True)
class KnownHosts:
    """A role variable of hosts names known domestic ones, or ones inside the user's own network.

    It is read wherever a configuration can hold it: for all hosts, secretly, and host by host.
    """

    variable: str
    use: Use
    """Which list of known hosts counts."""
    ja: str
    en: str
    """What messages call such a host, in English."""
    unless_site_has: str = ""
    """Field of the site that is used if the variable is left out; empty if it is required."""

    def __call__(self, inspected: Inspected) -> Iterator[Judgement]:
        """Judge the values of the variable, and whether it may be left out."""
        yield from self.given(inspected)
        if not _site_has(inspected, self.unless_site_has):
            yield from self.left_out(inspected)

    def given(self, inspected: Inspected) -> Iterator[Judgement]:
        """A judgement on each value of the variable."""
        for keys in places(inspected, self.variable):
            # Variables that are unknown as a whole may have any value.
            node = inspected.node(*keys)
            if node is not None and node.state in OPEN:
                yield unknown(node, self.ja, f"the {self.en}")
                continue
            for value in inspected.under(keys):
                if self.names_a_host(value):
                    yield self.judge_host(value, inspected)

    def left_out(self, inspected: Inspected) -> Iterator[Judgement]:
        """Findings where the pool has no value, or where an empty one overrides it for a host."""
        wanted = places(inspected, self.variable)
        present = [keys for keys in wanted if inspected.node(*keys) is not None]
        if not any(keys[0] in _MAPS for keys in present):
            yield self._missing(("variables", self.variable), inspected)
        for keys in present:
            if not gives(inspected, keys):
                yield self._missing(keys, inspected)

    def names_a_host(self, node: Node) -> bool:
        """Whether this value names a host that is called."""
        return not node.layers and node.state in {State.KNOWN, *OPEN}

    def hosts_in(self, node: Node) -> list[hosts.Host]:
        """The hosts that this value names; empty if it is no host name or address."""
        host = hosts.canonical(str(node.value))
        return [host] if host else []

    def judge_host(self, node: Node, inspected: Inspected) -> Judgement:
        """Whether every host that this value names may be used."""
        if node.state in OPEN:
            return unknown(node, self.ja, f"the {self.en}")
        domestic = inspected.context.facts.domestic_hosts(self.use)
        named = self.hosts_in(node)
        strange = [host for host in named if not is_usable(host, domestic)]
        if named and not strange:
            return Judgement(Verdict.PASS, node.path)
        name, allowed = shown(node, strange[0].name) if strange else "?", ", ".join(domestic)
        return Judgement(
            Verdict.FAIL,
            node.path,
            f"{self.ja} {name} は国内の登録済みのものではありません。指定できるもの: "
            f"{allowed}、または社内ネットワークのアドレス",
            f"the {self.en} {name} is not a known domestic one; allowed: "
            f"{allowed}, or an address inside your own network",
        )

    def _missing(self, keys: Keys, inspected: Inspected) -> Judgement:
        allowed = ", ".join(inspected.context.facts.domestic_hosts(self.use))
        return Judgement(
            Verdict.FAIL,
            path_text(keys),
            f"{self.ja}が指定されていません。OS の既定値は国外のことがあります。"
            f"指定できるもの: {allowed}",
            f"no {self.en} is given and the distribution's default may be abroad; "
            f"allowed: {allowed}",
        )


CHECKS: Final[dict[str, Callable[..., Callable[[Inspected], Iterable[Judgement]]]]] = {
    "known_hosts": KnownHosts,
}
"""What `check` of a rule file may name; `parameters` are the keyword arguments."""


def holders(inspected: Inspected) -> Iterator[Keys]:
    """Paths in a configuration under which variables of roles are given."""
    yield from ((name,) for name in _MAPS)
    for host in inspected.members("hosts"):
        yield (*host.keys, "variables")


def places(inspected: Inspected, variable: str) -> Iterator[Keys]:
    """Paths at which the variable is given or could be, with and without a role's prefix."""
    for holder in holders(inspected):
        members = (member.keys for member in inspected.members(*holder))
        present = [keys for keys in members if is_variable(keys[-1], variable)]
        yield from present or [(*holder, variable)]


def gives(inspected: Inspected, keys: Keys) -> bool:
    """Whether a value is given at the path; an unknown value counts as given."""
    node = inspected.node(*keys)
    if node is not None and node.state in OPEN:
        return True
    return any(value.state in {State.KNOWN, *OPEN} for value in inspected.under(keys))


def is_usable(host: hosts.Host, domestic: Iterable[str]) -> bool:
    """Whether the host is domestic, this machine, or inside the user's own network."""
    return host.inside or host.loopback or hosts.is_known(host, domestic)


def _site_has(inspected: Inspected, field: str) -> bool:
    node = inspected.node("site")
    site = catalog.sites().get(plain(node.text)) if node is not None and node.text else None
    return bool(field) and site is not None and bool(getattr(site, field))
