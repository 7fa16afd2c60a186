"""Where hosts get their time, their names and their packages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kokunai import catalog
from kokunai.catalog import facts
from kokunai.errors import path_text
from kokunai_policy import hosts
from kokunai_policy.model import Inspected, Judgement, Verdict, shown, unknown
from kokunai_policy.regions import plain
from kokunai_policy.walker import Node, State
from kokunai_policy.words import is_variable, nearest_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai_policy.walker import Keys

_TYPE = "kokunai:ansible:Configuration"
_OPEN = {State.UNKNOWN, State.UNREADABLE}
_MAPS = ("variables", "secretVariables")
_EXCLUSIVE = "package_sources_exclusive"


@dataclass(frozen=True)
class _Source:
    variable: str
    use: str
    """Which list of known hosts counts."""
    ja: str
    en: str

    def allowed(self) -> str:
        return ", ".join(row.host for row in facts.hosts(self.use) if row.domestic)


_TIME = _Source("ntp_servers", "time", "時刻の取得元 (NTP)", "time server")
_RESOLVERS = _Source("dns_servers", "resolver", "名前解決の参照先 (DNS)", "name server")
_PACKAGES = _Source("package_sources", "package", "パッケージの取得元", "package source")


def judge_time(seen: Inspected) -> Iterator[Judgement]:
    """Hosts are told domestic time servers; without any, the distribution's default is abroad."""
    if seen.resource.type != _TYPE:
        return
    yield from _given(seen, _TIME)
    yield from _left_out(seen, _TIME)


def judge_resolvers(seen: Inspected) -> Iterator[Judgement]:
    """Hosts are told domestic name servers, or keep those that the site is known to give."""
    if seen.resource.type != _TYPE:
        return
    yield from _given(seen, _RESOLVERS)
    if not _site_resolves(seen):
        yield from _left_out(seen, _RESOLVERS)


def judge_packages(seen: Inspected) -> Iterator[Judgement]:
    """Hosts are told domestic package sources; those of an image are not known."""
    if seen.resource.type != _TYPE:
        return
    yield from _given(seen, _PACKAGES)
    # Hosts of the lab have no way out of this machine, whatever their image says.
    if not seen.context.lab:
        yield from _left_out(seen, _PACKAGES)
        yield from _beside_the_image(seen)


def _site_resolves(seen: Inspected) -> bool:
    node = seen.node("site")
    site = catalog.sites().get(plain(node.text)) if node is not None and node.text else None
    return site is not None and bool(site.name_servers)


def _left_out(seen: Inspected, source: _Source) -> Iterator[Judgement]:
    """A finding where the pool has none, and wherever an empty value takes them away again."""
    present = [keys for keys in _places(seen, source.variable) if seen.node(*keys) is not None]
    if not any(keys[0] in _MAPS for keys in present):
        yield _missing(source, ("variables", source.variable))
    yield from (_missing(source, keys) for keys in present if not _gives(seen, keys))


def _gives(seen: Inspected, keys: Keys) -> bool:
    """Whether anything stands there; what is unknown may be something."""
    node = seen.node(*keys)
    if node is not None and node.state in _OPEN:
        return True
    return any(one.state in {State.KNOWN, *_OPEN} for one in seen.under(keys))


def _beside_the_image(seen: Inspected) -> Iterator[Judgement]:
    """A finding wherever the given sources leave those of the image in use."""
    given = [keys for keys in _places(seen, _PACKAGES.variable) if keys[0] == "variables"]
    for keys in _places(seen, _EXCLUSIVE):
        node = seen.node(*keys)
        is_beside = node is not None and node.state is State.KNOWN and node.value is not True
        if is_beside and any(_gives(seen, source) for source in given):
            yield Judgement(
                Verdict.FAIL,
                path_text(keys),
                "イメージの取得元も使われたままです。true にしてください",
                "the sources of the image stay in use; set it to true",
            )


def _given(seen: Inspected, source: _Source) -> Iterator[Judgement]:
    for keys in _places(seen, source.variable):
        # A holder that is unknown as a whole may hold anything.
        node = seen.node(*keys)
        if node is not None and node.state in _OPEN:
            yield unknown(node, source.ja, f"the {source.en}")
            continue
        for one in seen.under(keys):
            yield from _value(one, source)
        if source is _PACKAGES:
            yield from _without_address(seen, keys)


def _without_address(seen: Inspected, keys: Keys) -> Iterator[Judgement]:
    for member in seen.members(*keys):
        address = seen.node(*member.keys, "uri")
        is_none = address is None or address.state is State.NULL
        if member.state is State.MAPPING and is_none:
            yield Judgement(
                Verdict.FAIL,
                f"{member.path}.uri",
                "パッケージの取得元に uri がありません",
                "the package source has no uri",
            )


def _places(seen: Inspected, variable: str) -> Iterator[Keys]:
    """Where the variable stands, with or without a role's name before it, or would stand."""
    for holder in _holders(seen):
        members = (member.keys for member in seen.members(*holder))
        found = [keys for keys in members if is_variable(keys[-1], variable)]
        yield from found or [(*holder, variable)]


def _holders(seen: Inspected) -> Iterator[Keys]:
    yield from ((name,) for name in _MAPS)
    for host in seen.members("hosts"):
        yield (*host.keys, "variables")


def _value(node: Node, source: _Source) -> Iterator[Judgement]:
    if node.layers or not _is_host(node, source):
        return
    if node.state in _OPEN:
        yield unknown(node, source.ja, f"the {source.en}")
        return
    text = str(node.value)
    one = hosts.canonical(text)
    named = hosts.every(text) if _is_line(node, source) else [one] if one else []
    strange = [host for host in named if not _is_good(host, source)]
    is_local = source is _PACKAGES and hosts.is_file(text)
    if is_local or (named and not strange):
        yield Judgement(Verdict.PASS, node.path)
        return
    name = shown(node, strange[0].name) if strange else "?"
    yield Judgement(
        Verdict.FAIL,
        node.path,
        f"{source.ja} {name} は国内の登録済みのものではありません。指定できるもの: "
        f"{source.allowed()}、または社内ネットワークのアドレス",
        f"the {source.en} {name} is not a known domestic one; allowed: "
        f"{source.allowed()}, or an address inside your own network",
    )


def _is_line(node: Node, source: _Source) -> bool:
    """Whether it is a whole line of an APT list; everything else is one host or URL."""
    return source is _PACKAGES and nearest_name(node.keys) not in {"uri", "url"}


def _is_host(node: Node, source: _Source) -> bool:
    if node.state not in {State.KNOWN, *_OPEN}:
        return False
    if source is not _PACKAGES:
        return True
    # A package source is a mapping; its address is the one member that leaves the host.
    name = nearest_name(node.keys)
    is_address = name in {"uri", "url"} or is_variable(name, source.variable)
    return is_address or "://" in (node.text or "")


def _is_good(host: hosts.Host, source: _Source) -> bool:
    row = hosts.known(host, facts.hosts(source.use))
    return host.inside or host.loopback or (row is not None and row.domestic)


def _missing(source: _Source, keys: Keys) -> Judgement:
    return Judgement(
        Verdict.FAIL,
        path_text(keys),
        f"{source.ja}が指定されていません。OS の既定値は国外のことがあります。"
        f"指定できるもの: {source.allowed()}",
        f"no {source.en} is given and the distribution's default may be abroad; "
        f"allowed: {source.allowed()}",
    )
