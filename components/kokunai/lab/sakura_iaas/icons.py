"""Handlers for icons: public ones, and those that the account uploads as small pictures."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from kokunai.lab.sakura_iaas import fields, provider_data
from kokunai.lab.sakura_iaas.call import Call, Reply, changed, created, done, page, single
from kokunai.lab.sakura_iaas.errors import refuse

if TYPE_CHECKING:
    from kokunai.lab.sakura_iaas.views import View
    from kokunai.lab.store import Doc, Store

_IMAGE_LENGTH = 1024 * 1024
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"GIF8", b"\xff\xd8\xff")


def _public() -> list[Doc]:
    moment = "2025-01-01T00:00:00+09:00"
    fixed = {"zone": "", "scope": "shared", "created_at": moment, "modified_at": moment}
    return [{**fixed, **row} for row in provider_data.data("media")["icons"]["icons"]]


def _found(store: Store, icon_id: str) -> Doc | None:
    public = next((doc for doc in _public() if doc["id"] == icon_id), None)
    return public or store.get("icon", icon_id)


def chosen(call: Call, body: fields.Body, default: str) -> str:
    """The id under `Icon` of a body, empty for none; `default` where the body does not say."""
    if "Icon" not in body:
        return default
    icon_id = fields.reference(body, "Icon")
    if icon_id and _found(call.store, icon_id) is None:
        refuse("param_res_not_found", f"icon {icon_id}")
    return icon_id


def view_in(store: Store, doc: Doc) -> View | None:
    """The icon of a resource as the resource shows it; None without one."""
    icon_id = doc.get("icon_id", "")
    icon = _found(store, icon_id) if icon_id else None
    return {**_view(icon), "Tags": icon["tags"]} if icon else None


def _view(doc: Doc) -> View:
    return {
        "ID": doc["id"],
        "Name": doc["name"],
        "Tags": doc["tags"],
        "Scope": doc["scope"],
        "Availability": "available",
        "URL": f"https://icons.lab.invalid/{doc['id']}.png",
        "CreatedAt": doc["created_at"],
        "ModifiedAt": doc["modified_at"],
    }


def list_icons(call: Call) -> Reply:
    """GET icon."""
    return page(call, "Icons", [_view(doc) for doc in [*_public(), *call.store.all("icon")]])


def _named(call: Call) -> Doc:
    public = next((doc for doc in _public() if doc["id"] == call.id), None)
    return public or call.path_document("icon")


def _own(call: Call) -> Doc:
    doc = _named(call)
    if doc["scope"] == "shared":
        refuse("forbidden", call.id)
    return doc


def _refuse_what_is_no_picture(image: str) -> None:
    try:
        start = base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError):
        refuse("invalid_format", "Image")
    if not start.startswith(_PICTURES):
        refuse("invalid_format", "Image: PNG, GIF, JPEG")


def create_icon(call: Call) -> Reply:
    """POST icon; the picture is looked at and not kept, because nothing shows it."""
    body = fields.section(call.body, "Icon")
    image = fields.text(body, "Image", length=_IMAGE_LENGTH)
    if not image:
        refuse("missing_param", "Image")
    _refuse_what_is_no_picture(image)
    doc = call.new(zone="", name=fields.name_of(body), tags=fields.tags_of(body), scope="user")
    return created("Icon", _view(call.save("icon", doc)))


def read_icon(call: Call) -> Reply:
    """GET icon/{id}."""
    return single("Icon", _view(_named(call)))


def update_icon(call: Call) -> Reply:
    """PUT icon/{id}."""
    doc, body = _own(call), fields.section(call.body, "Icon")
    doc["name"] = fields.name_of(body, doc["name"])
    doc["tags"] = fields.tags_of(body, doc["tags"])
    return changed("Icon", _view(call.save("icon", doc)))


def delete_icon(call: Call) -> Reply:
    """DELETE icon/{id}; resources that used it show none from then on."""
    call.store.delete(_own(call)["id"])
    return done()
