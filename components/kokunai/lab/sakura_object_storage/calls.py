"""The calls of the control API: method, path below its prefix, and what each of them does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from kokunai.lab.sakura_object_storage.account import PLACES

if TYPE_CHECKING:
    from kokunai.lab.sakura_object_storage.account import Account
    from kokunai.lab.sakura_object_storage.server import S3Server
    from kokunai.lab.store import Doc

_BUCKET_NAME = re.compile(r"[a-z][a-z0-9-]{2,62}")
_MOST_BUCKETS = 20
_MOST_KEYS_OF_A_PERMISSION = 1


class Refused(Exception):
    """A refusal with its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Call:
    """One call with the account on which it works."""

    account: Account
    server: S3Server
    path: dict[str, str]
    body: dict[str, Any]

    @property
    def place(self) -> str:
        """The place in the path. Raises Refused where there is none of this name."""
        if self.path["place"] not in PLACES:
            raise Refused(404, "no such site.")
        return self.path["place"]

    def named(self, kind: str, key: str = "id") -> Doc:
        """The document that the path names. Raises Refused."""
        doc = self.account.get(kind, self.place, self.path[key])
        if doc is None:
            raise Refused(404, f"{kind} {self.path[key]} not found.")
        return doc


Handler = Callable[[Call], tuple[int, Any]]


# Places


def _clusters(call: Call) -> tuple[int, Any]:
    return 200, [_cluster(call, place) for place in PLACES]


def _read_cluster(call: Call) -> tuple[int, Any]:
    if call.path["id"] not in PLACES:
        raise Refused(404, "cluster not found.")
    return 200, _cluster(call, call.path["id"])


def _cluster(call: Call, place: str) -> dict[str, Any]:
    row = PLACES[place]
    return {
        "id": place,
        **row,
        "display_name": row["display_name_ja"],
        "endpoint_base": f"{place}.objectstorage.sakurastorage.jp",
        "control_panel_url": f"secure.sakura.ad.jp/objectstorage/{place}",
        "iam_endpoint": f"iam.{place}.objectstorage.sakurastorage.jp",
        "s3_endpoint": call.server.host,
        "storage_zone": row["api_zone"],
        "plan_family": "standard",
    }


# Buckets


def _list_buckets(call: Call) -> tuple[int, Any]:
    rows = call.account.all("bucket", call.place)
    return 200, [
        {"name": doc["name"], "resource_id": doc["id"], "plan": _plan(doc["zone"])} for doc in rows
    ]


def _create_bucket(call: Call) -> tuple[int, Any]:
    name, place = call.path["name"], call.body.get("cluster_id")
    if not _BUCKET_NAME.fullmatch(name) or place not in PLACES:
        raise Refused(400, "bucket name or cluster_id is wrong.")
    if not call.account.all("account", place):
        raise Refused(404, "site account not found.")
    if call.account.bucket(name):
        raise Refused(409, f"{name} already created.")
    if sum(len(call.account.all("bucket", one)) for one in PLACES) >= _MOST_BUCKETS:
        raise Refused(409, f"{_MOST_BUCKETS} buckets are the limit.")
    call.server.start()
    call.account.add("bucket", place, name=name)
    return 201, {"cluster_id": place, "name": name, "plan": _plan(place)}


def _delete_bucket(call: Call) -> tuple[int, Any]:
    doc = call.account.bucket(call.path["name"])
    if doc is None:
        return 204, None
    controls = [
        control
        for permission in call.account.all("permission", doc["zone"])
        for control in permission["bucket_controls"]
    ]
    if any(control["bucket_name"] == doc["name"] for control in controls):
        raise Refused(409, "a permission still names the bucket.")
    if not call.server.is_empty(doc["name"]):
        raise Refused(409, "the bucket is not empty.")
    call.account.remove(doc)
    return 204, None


def _plan(place: str) -> dict[str, str]:
    return {"type": "standard", "service_class_path": f"objectstorage/{place}/bucket"}


# Site accounts


def _read_account(call: Call) -> tuple[int, Any]:
    return 200, _account(_account_of(call))


def _create_account(call: Call) -> tuple[int, Any]:
    if call.account.all("account", call.place):
        raise Refused(409, "account already created.")
    return 201, _account(call.account.add("account", call.place))


def _delete_account(call: Call) -> tuple[int, Any]:
    kinds = ("bucket", "permission", "key")
    if any(call.account.all(kind, call.place) for kind in kinds):
        raise Refused(409, "the account is still used.")
    call.account.remove(_account_of(call))
    return 204, None


def _account_of(call: Call) -> Doc:
    docs = call.account.all("account", call.place)
    if not docs:
        raise Refused(404, "site account not found.")
    return docs[0]


def _account(doc: Doc) -> dict[str, Any]:
    return {"resource_id": doc["id"], "code": f"{doc['id']}@lab", "created_at": doc["created_at"]}


# Permissions and keys


def _list_permissions(call: Call) -> tuple[int, Any]:
    return 200, [_permission(doc) for doc in call.account.all("permission", call.place)]


def _create_permission(call: Call) -> tuple[int, Any]:
    doc = call.account.add("permission", call.place, **_permission_body(call))
    return 201, _permission(doc)


def _read_permission(call: Call) -> tuple[int, Any]:
    return 200, _permission(call.named("permission"))


def _update_permission(call: Call) -> tuple[int, Any]:
    doc = call.named("permission")
    doc.update(_permission_body(call))
    call.account.save("permission", doc)
    return 200, _permission(doc)


def _delete_permission(call: Call) -> tuple[int, Any]:
    doc = call.named("permission")
    for key in call.account.keys_of(call.place, doc["shown_id"]):
        call.account.remove(key)
    call.account.remove(doc)
    return 204, None


def _permission_body(call: Call) -> dict[str, Any]:
    name, controls = call.body.get("display_name"), call.body.get("bucket_controls") or []
    if not isinstance(name, str) or not name or not isinstance(controls, list):
        raise Refused(400, "display_name or bucket_controls is wrong.")
    return {"display_name": name, "bucket_controls": [_control(call, row) for row in controls]}


def _control(call: Call, row: Any) -> dict[str, Any]:
    named = row.get("bucket_name") if isinstance(row, dict) else None
    bucket = call.account.bucket(str(named))
    if bucket is None or bucket["zone"] != call.place:
        raise Refused(404, f"bucket {named} does not exist or is not yours.")
    return {
        "bucket_name": bucket["name"],
        "can_read": row.get("can_read") is True,
        "can_write": row.get("can_write") is True,
        "created_at": bucket["created_at"],
    }


def _permission(doc: Doc) -> dict[str, Any]:
    named = {name: doc[name] for name in ("display_name", "bucket_controls", "created_at")}
    return {"id": int(doc["shown_id"]), **named}


def _list_keys(call: Call) -> tuple[int, Any]:
    permission = call.named("permission")["shown_id"]
    return 200, [_key(doc) for doc in call.account.keys_of(call.place, permission)]


def _create_key(call: Call) -> tuple[int, Any]:
    permission = call.named("permission")["shown_id"]
    if len(call.account.keys_of(call.place, permission)) >= _MOST_KEYS_OF_A_PERMISSION:
        raise Refused(409, "the permission has a key already.")
    doc = call.account.add_key(call.place, permission)
    return 201, {**_key(doc), "secret": doc["secret"]}


def _read_key(call: Call) -> tuple[int, Any]:
    return 200, _key(_key_of(call))


def _delete_key(call: Call) -> tuple[int, Any]:
    call.account.remove(_key_of(call))
    return 204, None


def _key_of(call: Call) -> Doc:
    permission = call.named("permission")["shown_id"]
    rows = call.account.keys_of(call.place, permission)
    doc = next((row for row in rows if row["shown_id"] == call.path["key"]), None)
    if doc is None:
        _gone("key", call.path["key"])
    return doc


def _gone(kind: str, name: str) -> NoReturn:
    raise Refused(404, f"{kind} {name} not found.")


def _key(doc: Doc) -> dict[str, Any]:
    """A key as it is shown after its creation, without the secret."""
    return {"id": doc["shown_id"], "created_at": doc["created_at"]}


def _status(call: Call) -> tuple[int, Any]:
    return 200, {"accept_new": True, "status_code": {"id": 0, "status": "ok"}, "place": call.place}


TABLE: list[tuple[str, str, Handler]] = [
    ("GET", "/fed/v1/clusters", _clusters),
    ("GET", "/fed/v1/clusters/{id}", _read_cluster),
    ("PUT", "/fed/v1/buckets/{name}", _create_bucket),
    ("DELETE", "/fed/v1/buckets/{name}", _delete_bucket),
    ("GET", "/{place}/v2/buckets", _list_buckets),
    ("GET", "/{place}/v2/account", _read_account),
    ("POST", "/{place}/v2/account", _create_account),
    ("DELETE", "/{place}/v2/account", _delete_account),
    ("GET", "/{place}/v2/permissions", _list_permissions),
    ("POST", "/{place}/v2/permissions", _create_permission),
    ("GET", "/{place}/v2/permissions/{id}", _read_permission),
    ("PUT", "/{place}/v2/permissions/{id}", _update_permission),
    ("DELETE", "/{place}/v2/permissions/{id}", _delete_permission),
    ("GET", "/{place}/v2/permissions/{id}/keys", _list_keys),
    ("POST", "/{place}/v2/permissions/{id}/keys", _create_key),
    ("GET", "/{place}/v2/permissions/{id}/keys/{key}", _read_key),
    ("DELETE", "/{place}/v2/permissions/{id}/keys/{key}", _delete_key),
    ("GET", "/{place}/v2/status", _status),
]
