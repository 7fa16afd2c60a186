"""The rule about package sources, which are mappings or lines of an APT list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kokunai.errors import path_text
from kokunai_policy import hosts
from kokunai_policy.checks import KnownHosts, gives, places
from kokunai_policy.property_names import is_variable, nearest_name
from kokunai_policy.verdicts import Judgement, Verdict
from kokunai_policy.walker import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai_policy.resource import Inspected
    from kokunai_policy.walker import Keys, Node

_ADDRESSES = frozenset({"uri", "url"})
_EXCLUSIVE = "package_sources_exclusive"


@dataclass(frozen=True, kw_only=True)
class _PackageSources(KnownHosts):
    def names_a_host(self, node: Node) -> bool:
        """Whether it is the address of a source, the only member that names a host."""
        name = nearest_name(node.keys)
        is_address = name in _ADDRESSES or is_variable(name, self.variable)
        is_address = is_address or "://" in (node.text or "")
        return is_address and super().names_a_host(node)

    def hosts_in(self, node: Node) -> list[hosts.Host]:
        """The hosts of an address or of a whole line, which may name several."""
        if nearest_name(node.keys) in _ADDRESSES:
            return super().hosts_in(node)
        return hosts.every(str(node.value))

    def judge_host(self, node: Node, inspected: Inspected) -> Judgement:
        """Judge the hosts of a source; a file on the host itself passes as well."""
        if node.state is State.KNOWN and hosts.is_file(str(node.value)):
            return Judgement(Verdict.PASS, node.path)
        return super().judge_host(node, inspected)


_SOURCES: Final = _PackageSources(
    variable="package_sources", use="package", ja="パッケージの取得元", en="package source"
)


def judge_packages(inspected: Inspected) -> Iterator[Judgement]:
    """Refuse sources that are not domestic, and pools without any: an image's are not known."""
    yield from _SOURCES.given(inspected)
    for keys in places(inspected, _SOURCES.variable):
        yield from _without_address(inspected, keys)
    # Hosts of the lab cannot reach other machines, whatever sources their image has.
    if not inspected.context.lab:
        yield from _SOURCES.left_out(inspected)
        yield from _beside_the_image(inspected)


def _without_address(inspected: Inspected, keys: Keys) -> Iterator[Judgement]:
    for member in inspected.members(*keys):
        address = inspected.node(*member.keys, "uri")
        is_none = address is None or address.state is State.NULL
        if member.state is State.MAPPING and is_none:
            yield Judgement(
                Verdict.FAIL,
                f"{member.path}.uri",
                "パッケージの取得元に uri がありません",
                "the package source has no uri",
            )


def _beside_the_image(inspected: Inspected) -> Iterator[Judgement]:
    """A finding wherever the image's sources stay in use beside the given ones."""
    given = [keys for keys in places(inspected, _SOURCES.variable) if keys[0] == "variables"]
    for keys in places(inspected, _EXCLUSIVE):
        node = inspected.node(*keys)
        is_beside = node is not None and node.state is State.KNOWN and node.value is not True
        if is_beside and any(gives(inspected, source) for source in given):
            yield Judgement(
                Verdict.FAIL,
                path_text(keys),
                "イメージの取得元も使われたままです。true にしてください",
                "the sources of the image stay in use; set it to true",
            )
