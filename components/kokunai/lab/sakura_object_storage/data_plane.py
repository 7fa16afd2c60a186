"""The process that serves S3: moto's server behind the lab's own check of every key.

moto keeps objects in memory, so they are gone after a restart of the lab; the buckets stay.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import sqlite3
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

from kokunai.lab.sakura_object_storage.server import ROOT_HEADER
from kokunai.lab.sakura_object_storage.signatures import Denied, Request, checked_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_BODY_BYTES = 256 * 1024 * 1024
_READING = frozenset({"GET", "HEAD"})
_REFUSAL = (
    "<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{code}</Code>"
    "<Message>{code}</Message></Error>"
)
_STATUS = {"NoSuchBucket": "404 Not Found", "EntityTooLarge": "400 Bad Request"}


class Front:
    """A WSGI application: who calls, may they, and is there such a bucket; then moto's answer."""

    def __init__(self, app: Any, store: Path | str, token: str) -> None:
        self._app = app
        self._store = str(store)
        self._token = token
        self._lock = threading.Lock()
        self._ids: dict[str, str] = {}
        """By bucket that moto has, the id of its document."""

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        try:
            request = Request.of(environ, _BODY_BYTES)
            self._admit(request)
        except Denied as denied:
            status = _STATUS.get(denied.code, "403 Forbidden")
            start_response(status, [("Content-Type", "application/xml")])
            return [_REFUSAL.format(code=denied.code).encode()]
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    def _admit(self, request: Request) -> None:
        """Raises Denied."""
        documents = self._documents()
        name = request.bucket
        bucket = next((doc for doc in documents["bucket"] if doc["name"] == name), None)
        given = request.headers.get(ROOT_HEADER.lower(), "")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            self._judge(request, documents, bucket)
        if bucket is None:
            raise Denied("NoSuchBucket")
        self._mirror(name, bucket["id"])

    @staticmethod
    def _judge(
        request: Request, documents: dict[str, list[dict[str, Any]]], bucket: dict[str, Any] | None
    ) -> None:
        """Whether the signature is right, and whether the key's permission opens the bucket."""
        key = checked_key(request, documents["key"])
        permission = next(
            (doc for doc in documents["permission"] if doc["shown_id"] == key["permission"]), None
        )
        controls = permission["bucket_controls"] if permission else []
        control = next((row for row in controls if row["bucket_name"] == request.bucket), None)
        needed = "can_read" if request.method in _READING else "can_write"
        is_making = request.method in {"PUT", "DELETE"} and request.is_of_bucket
        if control is None or not control[needed] or is_making:
            raise Denied("AccessDenied")
        if bucket is not None and bucket["zone"] != key["zone"]:
            raise Denied("NoSuchBucket")

    def _documents(self) -> dict[str, list[dict[str, Any]]]:
        """What the control API has stored, as it is now."""
        query = "SELECT doc FROM documents WHERE kind = ?"
        with closing(sqlite3.connect(f"file:{self._store}?mode=ro", uri=True)) as database:
            return {
                kind: [json.loads(row[0]) for row in database.execute(query, (kind,))]
                for kind in ("bucket", "key", "permission")
            }

    def _mirror(self, name: str, document_id: str) -> None:
        """Let moto have the bucket; one that was deleted and made again begins empty."""
        backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        with self._lock:
            if self._ids.get(name) == document_id:
                return
            if name in backend.buckets:
                backend.buckets.pop(name)
                s3_backends.bucket_accounts.pop(name, None)
            backend.create_bucket(name, "us-east-1")
            self._ids[name] = document_id


def _end_with_the_lab() -> None:
    """Wait until the lab closes this process' input, however it ends."""
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Entry point; the arguments are the store's path and the number of the listening socket."""
    store, number = sys.argv[1], int(sys.argv[2])
    token = sys.stdin.readline().strip()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    threading.Thread(target=_end_with_the_lab, daemon=True).start()
    front = Front(create_backend_app("s3"), store, token)
    make_server(
        "127.0.0.1", 0, front, threaded=True, request_handler=MotoRequestHandler, fd=number
    ).serve_forever()


if __name__ == "__main__":
    main()
