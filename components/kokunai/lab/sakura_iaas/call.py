"""The context of an API call for its handler, and the replies that handlers return."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_iaas import query
from kokunai.lab.sakura_iaas.errors import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from kokunai.lab.places import Places
    from kokunai.lab.sakura_iaas.reconciler import Reconciler
    from kokunai.lab.store import Doc, Job, Store

_JST = timezone(timedelta(hours=9))


@dataclass(frozen=True)
class Cloud:
    """The emulated account, which all handlers share."""

    store: Store
    reconciler: Reconciler
    places: Places


@dataclass(frozen=True)
class Reply:
    """HTTP status and JSON body."""

    status: int
    payload: dict[str, Any]


def now() -> str:
    """The current time as the API writes it, in Japanese time."""
    return datetime.now(_JST).isoformat(timespec="seconds")


@dataclass
class Call:
    """The context of a call; its handler runs inside one transaction of the store."""

    cloud: Cloud
    zone: str
    path: dict[str, str]
    raw_query: str
    body: dict[str, Any]
    jobs: list[Job] = field(default_factory=list)
    """Work for the machine, for which the response waits."""
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    """Functions called after the commit, for which the response does not wait."""

    @property
    def store(self) -> Store:
        """The account's documents."""
        return self.cloud.store

    @property
    def id(self) -> str:
        """The `{id}` of the path."""
        return self.path["id"]

    def path_document(self, kind: str, doc_id: str = "") -> Doc:
        """The document that the path names. Raises 404 when this zone has none."""
        doc = self.store.get(kind, doc_id or self.id)
        if doc is None or doc["zone"] not in ("", self.zone):
            refuse("not_found", doc_id or self.id)
        return doc

    def body_document(self, kind: str, doc_id: str) -> Doc:
        """A document that the body names. Raises 400 when this zone has none."""
        doc = self.store.get(kind, doc_id)
        if doc is None:
            refuse("param_res_not_found", f"{kind} {doc_id}")
        if doc["zone"] not in ("", self.zone):
            refuse("must_be_of_same_zone", f"{kind} {doc_id}")
        return doc

    def new(self, zone: str | None = None, **fields: Any) -> Doc:
        """A new document with an id and its times, not stored yet."""
        moment = now()
        base = {"id": self.store.new_id(), "zone": self.zone if zone is None else zone}
        return {**base, "created_at": moment, "modified_at": moment, **fields}

    def save(self, kind: str, doc: Doc) -> Doc:
        """Store a document with the time of its change; returns the document."""
        doc["modified_at"] = now()
        self.store.put(kind, doc)
        return doc

    def enqueue(self, key: str, action: str, target: str) -> None:
        """Add work for the machine, which is done before the response is sent."""
        self.jobs.append(self.store.enqueue(key, action, target))


def created(name: str, view: dict[str, Any], *, accepted: bool = False) -> Reply:
    """201, or 202 with `"Success": "Accepted"` for what goes on in the background."""
    if accepted:
        return Reply(202, {name: view, "Success": "Accepted", "is_ok": True})
    return Reply(201, {name: view, "Success": True, "is_ok": True})


def single(name: str, view: dict[str, Any]) -> Reply:
    """200 with a single resource."""
    return Reply(200, {name: view, "is_ok": True})


def changed(name: str, view: dict[str, Any]) -> Reply:
    """200 with the resource as it is after an update."""
    return Reply(200, {name: view, "Success": True, "is_ok": True})


def done() -> Reply:
    """200 without a resource."""
    return Reply(200, {"Success": True, "is_ok": True})


def accepted() -> Reply:
    """202 without a resource, for what goes on in the background."""
    return Reply(202, {"Success": "Accepted", "is_ok": True})


def page(call: Call, name: str, rows: list[dict[str, Any]]) -> Reply:
    """200 with the rows that the query string selects, numbered as the API numbers them."""
    selected, start, total = query.select(rows, query.parse(call.raw_query))
    numbered = [{"Index": start + index, **row} for index, row in enumerate(selected)]
    counts = {"From": start, "Count": len(numbered), "Total": total}
    return Reply(200, {**counts, name: numbered, "is_ok": True})
