"""Recognises special property values: unknowns, secrets, assets and archives."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

# The strings with which Pulumi's engine marks values that are not known yet, one per type.
UNKNOWN_MARKS = frozenset(
    (
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    )
)
# `pulumi policy analyze` writes this where it could not decrypt a secret.
REDACTED = "[secret]"

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - Pulumi's public mark of secrets
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"


class Content(Enum):
    """Where the content of an asset or archive is kept."""

    TEXT = "text"
    FILE = "path"
    REMOTE = "uri"
    PARTS = "assets"


def is_unknown_text(value: str) -> bool:
    """Whether this string marks a value that is not known."""
    return value in UNKNOWN_MARKS or value == REDACTED


def is_marked(value: dict[Any, Any]) -> bool:
    """Whether a mapping of the engine marks a special value such as a secret or an asset."""
    return _SIGNATURE in value


def unwrap(value: Mapping[Any, Any]) -> tuple[Any, bool]:
    """The value in a mapping of the engine, and whether the mapping marked a secret."""
    if _signature(value) == _SECRET and "value" in value:
        return value["value"], True
    return value, False


def content_of(value: Any) -> tuple[Content, Any] | None:
    """Kind and body of an asset or archive of Pulumi's SDK or of the engine; else None."""
    if isinstance(value, Mapping):
        if _signature(value) not in {_ASSET, _ARCHIVE}:
            return None
        return next(((kind, value[kind.value]) for kind in Content if kind.value in value), None)
    # Compared by name, because the rules must work without Pulumi's SDK.
    if not type(value).__name__.endswith(("Asset", "Archive")):
        return None
    bodies = [(kind, getattr(value, kind.value, None)) for kind in Content]
    return next(((kind, body) for kind, body in bodies if body is not None), None)


def _signature(value: Mapping[Any, Any]) -> Any:
    try:
        return value[_SIGNATURE] if _SIGNATURE in list(value) else None
    except Exception:  # noqa: BLE001 - Pulumi's proxies raise on unknown members
        return None
