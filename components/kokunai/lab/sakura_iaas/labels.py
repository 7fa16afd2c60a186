"""Reads and changes what nearly every resource carries: name, description, tags and icon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_iaas import fields, icons

if TYPE_CHECKING:
    from kokunai.lab.sakura_iaas.call import Call
    from kokunai.lab.store import Doc


def fresh(call: Call, body: fields.Body) -> dict[str, Any]:
    """The labels of a new resource; refused for a missing name or an icon that does not exist."""
    return {
        "name": fields.name_of(body),
        "description": fields.text(body, "Description"),
        "tags": fields.tags_of(body),
        "icon_id": icons.chosen(call, body, ""),
    }


def update(call: Call, doc: Doc, body: fields.Body) -> None:
    """Change the labels that the body names; the others stay."""
    doc["name"] = fields.name_of(body, doc["name"])
    doc["description"] = fields.text(body, "Description", doc["description"])
    doc["tags"] = fields.tags_of(body, doc["tags"])
    doc["icon_id"] = icons.chosen(call, body, doc.get("icon_id", ""))
