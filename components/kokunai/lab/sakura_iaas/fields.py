"""Reads fields of request bodies, refusing what the real API would refuse."""

from __future__ import annotations

import ipaddress
from typing import Any

from kokunai.lab.sakura_iaas.errors import refuse

Body = dict[str, Any]
_NAME_LENGTH = 64
_DESCRIPTION_LENGTH = 512
_TAG_COUNT = 10
_TAG_LENGTH = 32


def section(body: Body, name: str) -> Body:
    """The object under a key; refused when it is missing or no object."""
    value = body.get(name)
    if not isinstance(value, dict):
        refuse("missing_param", name)
    return value


def optional_section(body: Body, name: str) -> Body:
    """The object under a key; empty when it is missing."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        refuse("invalid_format", name)
    return value


def listing(body: Body, name: str) -> list[Any]:
    """The list under a key; empty when it is missing."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        refuse("invalid_format", name)
    return value


def text(body: Body, name: str, default: str = "", *, length: int = _DESCRIPTION_LENGTH) -> str:
    """A string of at most `length` characters."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        refuse("invalid_format", name)
    if len(value) > length:
        refuse("invalid_range", f"{name} <= {length}")
    return value


def name_of(body: Body, default: str | None = None) -> str:
    """The name, which every resource must have."""
    value = text(body, "Name", default or "", length=_NAME_LENGTH)
    if not value:
        refuse("missing_param", "Name")
    return value


def tags_of(body: Body, default: list[str] | None = None) -> list[str]:
    """The tags, sorted and without repetition."""
    if body.get("Tags") is None:
        return default or []
    tags = listing(body, "Tags")
    if not all(isinstance(tag, str) and 0 < len(tag) <= _TAG_LENGTH for tag in tags):
        refuse("invalid_format", f"Tags: 1-{_TAG_LENGTH} characters each")
    if len(tags) > _TAG_COUNT:
        refuse("invalid_range", f"Tags <= {_TAG_COUNT}")
    return sorted(set(tags))


def integer(body: Body, name: str, default: int = 0) -> int:
    """A whole number, which clients write as a number or as a string."""
    value = body.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        refuse("invalid_format", name)
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        refuse("invalid_format", name)


def flag(body: Body, name: str) -> bool:
    """Whether a switch is on, in any of the ways that clients write it."""
    return body.get(name) in (True, 1, "1", "true")


def identifier(value: Any) -> str:
    """An id, which clients write as a number or as a string; empty when there is none."""
    return "" if value in (None, "", 0, "0") or isinstance(value, bool) else str(value)


def reference(body: Body, name: str) -> str:
    """The id in `{"Name": {"ID": n}}`."""
    return identifier(optional_section(body, name).get("ID"))


def address(value: Any, name: str) -> str:
    """An IPv4 address or empty; 0.0.0.0 is how clients write none."""
    if value in (None, "", "0.0.0.0"):
        return ""
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        refuse("invalid_format", name)


def subnet(body: Body, name: str = "UserSubnet") -> dict[str, Any] | None:
    """`{"DefaultRoute": address, "NetworkMaskLen": n}` or None."""
    given = optional_section(body, name)
    mask_length = integer(given, "NetworkMaskLen")
    route = address(given.get("DefaultRoute"), f"{name}.DefaultRoute")
    if not mask_length and not route:
        return None
    if not 8 <= mask_length <= 29:
        refuse("invalid_range", f"{name}.NetworkMaskLen 8-29")
    return {"DefaultRoute": route, "NetworkMaskLen": mask_length}
