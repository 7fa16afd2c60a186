"""Handlers for packet filters, whose up to 30 rules apply to running servers at once."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_iaas import fields, views
from kokunai.lab.sakura_iaas.call import Call, Reply, changed, created, done, page, single
from kokunai.lab.sakura_iaas.errors import refuse

if TYPE_CHECKING:
    from kokunai.lab.sakura_iaas.call import Cloud
    from kokunai.lab.store import Doc

RULE_COUNT = 30
_PROTOCOLS = ("tcp", "udp", "icmp", "fragment", "ip", "http", "https")
_WITH_PORTS = ("tcp", "udp")
_ACTIONS = ("allow", "deny")
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


def view_of(cloud: Cloud, doc: Doc) -> views.View:
    """A packet filter as the API shows it."""
    view = views.common(cloud, doc)
    del view["Tags"], view["Icon"]
    return {
        **view,
        "RequiredHostVersion": 0,
        "Notice": "",
        "Expression": doc["rules"] or None,
        "ExpressionHash": doc["rules_hash"],
    }


def list_filters(call: Call) -> Reply:
    """GET packetfilter."""
    docs = call.store.all("packetfilter", call.zone)
    return page(call, "PacketFilters", [view_of(call.cloud, doc) for doc in docs])


def _port(rule: fields.Body, name: str) -> str:
    value = str(rule.get(name) or "")
    match = _PORTS.fullmatch(value)
    ports = [int(port) for port in match.groups() if port] if match else [-1]
    if value and not 0 <= ports[0] <= ports[-1] <= 65535:
        refuse("invalid_format", f"{name}: {value}")
    return value


def _network(value: str) -> str:
    """The given address, network or address range; refused if the lab could not enforce it."""
    first, _, last = value.partition("-")
    try:
        if last and ipaddress.IPv4Address(first) > ipaddress.IPv4Address(last):
            refuse("invalid_format", f"SourceNetwork: {value}")
        if value and not last:
            ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        refuse("invalid_format", f"SourceNetwork: {value}")
    return value


def _choice(rule: fields.Body, name: str, allowed: tuple[str, ...]) -> str:
    value = fields.text(rule, name)
    if value not in allowed:
        refuse("invalid_format", f"{name}: {', '.join(allowed)}")
    return value


def _rule(rule: Any) -> dict[str, str]:
    if not isinstance(rule, dict):
        refuse("invalid_format", "Expression")
    protocol = _choice(rule, "Protocol", _PROTOCOLS)
    if protocol not in _WITH_PORTS and (rule.get("SourcePort") or rule.get("DestinationPort")):
        refuse("invalid_param_comb", f"{protocol}: SourcePort, DestinationPort")
    return {
        "Protocol": protocol,
        "SourceNetwork": _network(fields.text(rule, "SourceNetwork")),
        "SourcePort": _port(rule, "SourcePort"),
        "DestinationPort": _port(rule, "DestinationPort"),
        "Action": _choice(rule, "Action", _ACTIONS),
        "Description": fields.text(rule, "Description"),
    }


def _rules(body: fields.Body) -> list[dict[str, str]]:
    rules = [_rule(rule) for rule in fields.listing(body, "Expression")]
    if len(rules) > RULE_COUNT:
        refuse("invalid_range", f"Expression <= {RULE_COUNT}")
    return rules


def _hash(rules: list[dict[str, str]]) -> str:
    return hashlib.md5(json.dumps(rules).encode(), usedforsecurity=False).hexdigest()


def create_filter(call: Call) -> Reply:
    """POST packetfilter."""
    body = fields.section(call.body, "PacketFilter")
    rules = _rules(body)
    doc = call.new(
        name=fields.name_of(body),
        description=fields.text(body, "Description"),
        tags=[],
        rules=rules,
        rules_hash=_hash(rules),
    )
    return created("PacketFilter", view_of(call.cloud, call.save("packetfilter", doc)))


def read_filter(call: Call) -> Reply:
    """GET packetfilter/{id}."""
    return single("PacketFilter", view_of(call.cloud, call.path_document("packetfilter")))


def _users(call: Call, filter_id: str) -> list[Doc]:
    nics = call.store.all("interface", call.zone)
    return [nic for nic in nics if nic["packet_filter_id"] == filter_id]


def update_filter(call: Call) -> Reply:
    """PUT packetfilter/{id}."""
    doc, body = call.path_document("packetfilter"), fields.section(call.body, "PacketFilter")
    expected = fields.text(call.body, "OriginalExpressionHash")
    if expected and expected != doc["rules_hash"]:
        refuse("original_hash_mismatch", doc["id"])
    doc["name"] = fields.name_of(body, doc["name"])
    doc["description"] = fields.text(body, "Description", doc["description"])
    if "Expression" in body:
        doc["rules"] = _rules(body)
        doc["rules_hash"] = _hash(doc["rules"])
    call.save("packetfilter", doc)
    for nic in _users(call, doc["id"]):
        call.enqueue(f"server-{nic['server_id']}", "set_filter", nic["id"])
    return changed("PacketFilter", view_of(call.cloud, doc))


def delete_filter(call: Call) -> Reply:
    """DELETE packetfilter/{id}."""
    doc = call.path_document("packetfilter")
    if _users(call, doc["id"]):
        refuse("disconnect_b4_delete", doc["id"])
    call.store.delete(doc["id"])
    return done()
