"""The rule about who runs the API behind a provider, decided by its endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai_policy import hosts
from kokunai_policy.property_names import is_endpoint
from kokunai_policy.verdicts import Judgement, Verdict, shown, unknown
from kokunai_policy.walker import OPEN, Node, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai_policy.resource import Inspected

# A default provider gets all configuration keys of its package, also these, which are no inputs.
_DESCRIPTIONS = ("environment", "settings")


def judge_endpoint(inspected: Inspected) -> Iterator[Judgement]:
    """Every endpoint of a provider belongs to a known domestic operator, or to the lab."""
    for node in inspected.nodes:
        if _is_description(inspected, node):
            continue
        if _is_packed(inspected, node):
            continue
        is_stated = is_endpoint(node.keys) and (node.state in OPEN or node.text)
        is_url = node.text and not node.secret and not node.layers and "://" in node.text
        if is_stated or is_url:
            yield _endpoint(inspected, node)
    yield from _left_out(inspected)


def _is_description(inspected: Inspected, node: Node) -> bool:
    is_ours = inspected.resource.package == "kokunai"
    return is_ours and bool(node.keys) and node.keys[0] in _DESCRIPTIONS


def _is_packed(inspected: Inspected, node: Node) -> bool:
    """Whether it is a list or mapping as JSON text, as SDKs send nested inputs to providers.

    Its members are judged instead.
    """
    return is_endpoint(node.keys) and any(
        reading.layers == (*node.layers, "json") and reading.keys == node.keys
        for reading in inspected.under(node.keys)
        if reading.state in {State.MAPPING, State.SEQUENCE}
    )


def _endpoint(inspected: Inspected, node: Node) -> Judgement:
    if node.text is None:
        return unknown(node, "接続先", "the endpoint")
    return judge_host(inspected, node)


def _left_out(inspected: Inspected) -> Iterator[Judgement]:
    """Judgements on endpoints that no input gives: the environment's, else the default ones."""
    endpoints = inspected.package.endpoints if inspected.package else {}
    for key, endpoint in endpoints.items():
        node = inspected.node(key)
        is_stated = node is not None and (node.state in OPEN or node.text)
        if node is not None and is_stated and not _is_packed(inspected, node):
            continue
        given = ((name, inspected.context.environment.get(name)) for name in endpoint.environment)
        source, text = next(((name, text) for name, text in given if text), ("", endpoint.host))
        if not source and endpoint.beside:
            continue  # it is at the host of the other endpoint, which is judged by itself
        yield judge_host(inspected, Node((key,), State.KNOWN, text), source=source)


def judge_host(inspected: Inspected, node: Node, *, source: str = "") -> Judgement:
    """Judge the hosts of an endpoint against the known API hosts."""
    text = node.text or ""
    # An endpoint is usually one URL, but another text may name several hosts.
    host = hosts.canonical(text)
    named = ([host] if host else []) if source or is_endpoint(node.keys) else hosts.every(text)
    path = f"{node.path} ({source})" if source else node.path
    domestic = inspected.context.facts.domestic_hosts("api")
    strange = [host for host in named if not host.loopback and not hosts.is_known(host, domestic)]
    if named and not strange:
        is_called = source or is_endpoint(node.keys)
        if is_called and not named[0].loopback and not hosts.is_protected(text):
            return _unprotected(path, named[0].name)
        return _in_or_out_of_the_lab(inspected, path, named)
    name, allowed = shown(node, strange[0].name) if strange else "?", ", ".join(domestic)
    return Judgement(
        Verdict.FAIL,
        path,
        f"接続先 {name} は別の事業者です。指定できるもの（国内の登録済み）: {allowed}",
        f"the endpoint {name} is another operator; allowed are known domestic ones: {allowed}",
    )


def _unprotected(path: str, name: str) -> Judgement:
    """Credentials would cross the network in clear, or reach another program of the host."""
    return Judgement(
        Verdict.FAIL,
        path,
        f"接続先 {name} は https の 443 番ポートではありません。指定できるもの: https://{name}/...",
        f"the endpoint {name} is not https at port 443; allowed: https://{name}/...",
    )


def _in_or_out_of_the_lab(inspected: Inspected, path: str, named: list[hosts.Host]) -> Judgement:
    is_lab = inspected.context.lab
    if not is_lab and any(host.loopback for host in named):
        return Judgement(
            Verdict.FAIL,
            path,
            "接続先がこのマシンのラボを指しています。実アカウントで使うときは "
            "`unset SAKURA_API_ROOT_URL` を実行してください。"
            "ラボを使うスタックには lab: true を書きます",
            "the endpoint is this machine; only a stack of the local lab may use it"
            " (lab: true in kokunai:environment or kokunai:settings)",
        )
    # A stack of the lab is exempt from some rules, so it may not name real hosts.
    real = [host.name for host in named if not host.loopback]
    if is_lab and real and inspected.resource.package == "kokunai":
        return Judgement(
            Verdict.FAIL,
            path,
            f"ラボのスタック（lab: true）は {real[0]} を呼べません。指定できるもの: ラボの API "
            "（kokunai lab up のあと kokunai run -- pulumi ... で設定されます）",
            f"a stack of the lab (lab: true) must not call {real[0]}; allowed: the lab's API "
            "(set by kokunai run -- pulumi ... after kokunai lab up)",
        )
    return Judgement(Verdict.PASS, path)
