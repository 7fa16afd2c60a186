"""Who really answers behind a provider: the endpoint decides, not the name of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.catalog import facts
from kokunai_policy import hosts
from kokunai_policy.model import Inspected, Judgement, Verdict, shown, unknown
from kokunai_policy.walker import Node, State
from kokunai_policy.words import is_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPEN = {State.UNKNOWN, State.UNREADABLE}
# Where the plugins look for an endpoint that the stack does not state, in their order.
_ENVIRONMENT = ("SAKURA_API_ROOT_URL", "SAKURACLOUD_API_ROOT_URL")
_LAB_INPUT = "sakuraApiRootUrl"
# Pulumi hands a default provider every key of its package, the stack's own description among them.
_DESCRIPTION = "environment"


def judge_endpoint(seen: Inspected) -> Iterator[Judgement]:
    """Every endpoint of a provider belongs to a known domestic operator, or to the lab."""
    if not seen.resource.is_provider:
        return
    stated = False
    for node in seen.nodes:
        if seen.resource.package == "kokunai" and node.keys[:1] == (_DESCRIPTION,):
            continue
        if _is_packed(seen, node):
            continue
        if is_endpoint(node.keys) and (node.state in _OPEN or node.text):
            stated = True
            yield _endpoint(seen, node)
        elif node.text and not node.secret and not node.layers and "://" in node.text:
            yield _endpoint(seen, node)
    if not stated:
        yield from _left_out(seen)


def _is_packed(seen: Inspected, node: Node) -> bool:
    """Whether it is a list or mapping as JSON, as SDKs hand nested inputs on; its members count."""
    return is_endpoint(node.keys) and any(
        one.layers == (*node.layers, "json") and one.keys == node.keys
        for one in seen.under(node.keys)
        if one.state in {State.MAPPING, State.SEQUENCE}
    )


def _endpoint(seen: Inspected, node: Node) -> Judgement:
    if node.text is None:
        return unknown(node, "接続先", "the endpoint")
    return judge_host(seen, node)


def _left_out(seen: Inspected) -> Iterator[Judgement]:
    package = seen.package
    if package is None or package.endpoint is None:
        return
    for name in _ENVIRONMENT:
        if text := seen.context.environment.get(name):
            yield judge_host(seen, Node((_LAB_INPUT,), State.KNOWN, text), source=name)
            return
    yield judge_host(seen, Node((_LAB_INPUT,), State.KNOWN, package.endpoint))


def judge_host(seen: Inspected, node: Node, *, source: str = "") -> Judgement:
    """Every host of one endpoint against the known API hosts."""
    text = node.text or ""
    # An endpoint is one URL; other texts may name several.
    one = hosts.canonical(text)
    named = ([one] if one else []) if source or is_endpoint(node.keys) else hosts.every(text)
    path = f"{node.path} ({source})" if source else node.path
    strange = [host for host in named if not host.loopback and not _is_known(host)]
    if named and not strange:
        return _in_or_out_of_the_lab(seen, path, named)
    name = shown(node, strange[0].name) if strange else "?"
    return Judgement(
        Verdict.FAIL,
        path,
        f"接続先 {name} は別の事業者です。指定できるもの(国内の登録済み): {_allowed()}",
        f"the endpoint {name} is another operator; allowed are known domestic ones: {_allowed()}",
    )


def _is_known(host: hosts.Host) -> bool:
    row = hosts.known(host, facts.hosts("api"))
    return row is not None and row.domestic


def _allowed() -> str:
    return ", ".join(row.host for row in facts.hosts("api") if row.domestic)


def _in_or_out_of_the_lab(seen: Inspected, path: str, named: list[hosts.Host]) -> Judgement:
    is_lab = seen.context.lab
    if not is_lab and any(host.loopback for host in named):
        return Judgement(
            Verdict.FAIL,
            path,
            "接続先がこのマシン自身です。ラボを使うスタックだけが指定できます"
            "(kokunai:environment の lab: true)",
            "the endpoint is this machine; only a stack of the local lab may use it"
            " (lab: true in kokunai:environment)",
        )
    # Hosts of the lab are let off rules that real ones must keep.
    real = [host.name for host in named if not host.loopback]
    if is_lab and real and seen.resource.package == "kokunai":
        return Judgement(
            Verdict.FAIL,
            path,
            f"ラボのスタック (lab: true) は {real[0]} を呼べません。指定できるもの: ラボの API "
            "(kokunai lab up のあと kokunai run -- pulumi ... で設定されます)",
            f"a stack of the lab (lab: true) must not call {real[0]}; allowed: the lab's API "
            "(set by kokunai run -- pulumi ... after kokunai lab up)",
        )
    return Judgement(Verdict.PASS, path)
