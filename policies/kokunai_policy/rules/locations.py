"""The rules that nothing is placed in, or refers to, a region outside Japan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.catalog import facts
from kokunai_policy.decoding import LIMIT_REMEMBERED
from kokunai_policy.property_names import is_location, is_reference, is_variable
from kokunai_policy.regions import foreign_in, foreign_in_short, is_domestic, plain
from kokunai_policy.rules.labels import LABEL
from kokunai_policy.rules.sites import has_site
from kokunai_policy.verdicts import Judgement, Verdict, shown, unknown
from kokunai_policy.walker import OPEN, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai_policy.resource import Inspected
    from kokunai_policy.walker import Keys, Node

# Inputs of this package's kinds that other rules judge, also when they are unknown.
_JUDGED_ELSEWHERE = frozenset({"site", "zone", "labels"})
# What the stack's `Owner` gives, known once that is made; of a host also its first key.
_MADE_FIRST = frozenset({("owner",), ("hostKeySeed",)})
_OF_HOSTS = frozenset({("hosts", "hostKey"), ("hosts", "owner")})
_JUDGED_VARIABLES = frozenset({"ntp_servers", "dns_servers", "package_sources"})


def judge_locations(inspected: Inspected) -> Iterator[Judgement]:
    """Every region-like property names a place in Japan; a provider that needs one has one."""
    stated = False
    for node in inspected.nodes:
        if not is_location(node.keys) or _is_own_place(inspected, node.keys):
            continue
        if node.text is not None:
            stated = True
            yield _location(inspected, node)
        elif node.state in OPEN:
            stated = True
            yield unknown(node, "設置場所", "the location")
    if not stated:
        yield from _missing(inspected)


def _is_own_place(inspected: Inspected, keys: Keys) -> bool:
    """Whether the rule about sites judges it; a zone only if the site itself is good."""
    if len(keys) != 1 or not inspected.resource.is_kokunai:
        return False
    return keys[0] == "site" or (keys[0] == "zone" and has_site(inspected))


def _location(inspected: Inspected, node: Node) -> Judgement:
    text = node.text or ""
    cloud = inspected.package.cloud if inspected.package else None
    if is_domestic(text, cloud):
        return Judgement(Verdict.PASS, node.path)
    allowed = ", ".join(sorted(facts.clouds()[cloud].domestic)) if cloud else "国内のリージョン"
    allowed_en = allowed if cloud else "regions in Japan"
    name = shown(node, text)
    why_ja, why_en = ("は国内の登録済みリージョンではありません", "is no known region in Japan")
    if plain(text) in facts.names_beyond_japan():
        why_ja, why_en = ("は日本の外も含みます", "covers more than Japan")
    return Judgement(
        Verdict.FAIL,
        node.path,
        f"{name} {why_ja}。指定できるもの: {allowed}",
        f"{name} {why_en}; allowed: {allowed_en}",
    )


def _missing(inspected: Inspected) -> Iterator[Judgement]:
    package, resource = inspected.package, inspected.resource
    if package is None:
        return
    if resource.is_provider and package.location_keys:
        keys = package.location_keys
    elif package.every_resource and resource.custom and not resource.is_builtin:
        keys = ("location",)
    else:
        return
    names = " / ".join(keys)
    yield Judgement(
        Verdict.FAIL,
        keys[0],
        f"{names} がなく、実行環境まかせになります。国内のリージョンを明記してください",
        f"{names} is missing and would be left to the environment; state a region in Japan",
    )


def judge_every_value(inspected: Inspected) -> Iterator[Judgement]:
    """No value, key, encoded text or asset mentions a foreign region; none is unreadable."""
    reported: list[tuple[str, Keys]] = []
    for node in inspected.nodes:
        if node.state in OPEN and not _may_be_open(inspected, node):
            yield unknown(node, "値", "the value")
        if names := _foreign_names(inspected, node):
            yield from _foreign(node, names, reported)
    if not reported and inspected.nodes:
        yield Judgement(Verdict.PASS)


def _may_be_open(inspected: Inspected, node: Node) -> bool:
    """Whether another rule judges it, or it is known only once another resource is made."""
    if is_location(node.keys) or (node.state is State.UNKNOWN and is_reference(node.keys)):
        return True
    if not inspected.resource.is_kokunai or not node.keys:
        return False
    is_made = node.keys in _MADE_FIRST or (node.keys[0], node.keys[-1]) in _OF_HOSTS
    if is_made and node.state is State.UNKNOWN:
        return True
    if len(node.keys) == 1 or (node.keys[0] == "labels" and plain(str(node.keys[1])) == LABEL):
        return node.keys[0] in _JUDGED_ELSEWHERE
    if node.keys[0] not in {"variables", "secretVariables", "hosts"}:
        return False
    return any(is_variable(key, name) for key in node.keys for name in _JUDGED_VARIABLES)


def _foreign_names(inspected: Inspected, node: Node) -> tuple[str, ...]:
    """Foreign regions in its key or its text, unless it is judged as a location."""
    keys, value = node.keys, node.value
    in_key = foreign_in_short(keys[-1]) if keys and isinstance(keys[-1], str) else ()
    if node.state is not State.KNOWN or not isinstance(value, str):
        return in_key
    if is_location(keys) or _is_own_place(inspected, keys):
        return in_key
    is_short = len(value) <= LIMIT_REMEMBERED and not node.secret
    in_text = foreign_in_short(value) if is_short else foreign_in(value)
    return (*in_key, *in_text) if in_text else in_key


def _foreign(
    node: Node, names: tuple[str, ...], reported: list[tuple[str, Keys]]
) -> Iterator[Judgement]:
    for region in names:
        # The same name inside a decoded form of a reported value is not reported again.
        if any(region == name and node.keys[: len(at)] == at for name, at in reported):
            continue
        reported.append((region, node.keys))
        place = shown(node, region)
        yield Judgement(
            Verdict.FAIL,
            node.path,
            f"国外のリージョン {place} が値に含まれています。国内のリージョンだけを使えます",
            f"the value names the foreign region {place}; only regions in Japan are allowed",
        )
