"""The documents of the emulated account: buckets, site accounts, permissions and keys."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kokunai.lab.store import Doc, Store

_JST = timezone(timedelta(hours=9))
PLACES = {
    "isk01": {
        "region": "jp-north-1",
        "display_name_ja": "石狩第1サイト",
        "display_name_en_us": "Ishikari Cluster #1",
        "api_zone": ["is1a", "is1b"],
    },
    "tky01": {
        "region": "jp-east-1",
        "display_name_ja": "東京第1サイト",
        "display_name_en_us": "Tokyo Cluster #1",
        "api_zone": ["tk1a", "tk1b"],
    },
}
"""The standard places as github.com/sacloud/sakumock (objectstorage/handler.go) shows them."""


class Account:
    """Reads and writes the store; used within one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def bucket(self, name: str) -> Doc | None:
        """The bucket of this name at any place."""
        return next((doc for doc in self._store.all("bucket") if doc["name"] == name), None)

    def all(self, kind: str, place: str) -> list[Doc]:
        """Documents of a kind at one place, oldest first."""
        return self._store.all(kind, place)

    def get(self, kind: str, place: str, number: str) -> Doc | None:
        """One document by the number or id that the API shows."""
        return next((doc for doc in self.all(kind, place) if doc["shown_id"] == number), None)

    def keys_of(self, place: str, permission: str) -> list[Doc]:
        """The keys of a permission, or of the site account where it is empty."""
        return [doc for doc in self.all("key", place) if doc["permission"] == permission]

    def add(self, kind: str, place: str, **fields: Any) -> Doc:
        """Store a new document."""
        id_ = self._store.new_id()
        base = {"id": id_, "zone": place, "shown_id": id_, "created_at": _now()}
        doc = {**base, **fields}
        self.save(kind, doc)
        return doc

    def add_key(self, place: str, permission: str) -> Doc:
        """A new key; its id and secret have the form of the API's."""
        return self.add(
            "key",
            place,
            shown_id=secrets.token_hex(10).upper(),
            secret=secrets.token_hex(20),
            permission=permission,
        )

    def save(self, kind: str, doc: Doc) -> None:
        """Store a changed document."""
        self._store.put(kind, doc)

    def remove(self, doc: Doc) -> None:
        """Remove a document."""
        self._store.delete(doc["id"])


def _now() -> str:
    return datetime.now(_JST).isoformat(timespec="microseconds")
