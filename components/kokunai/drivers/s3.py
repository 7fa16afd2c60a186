"""A client of a bucket's S3 interface: versioning, what the bucket holds, and emptying it."""

from __future__ import annotations

import base64
import hashlib
import xml.etree.ElementTree as ET  # documents with a DOCTYPE are refused
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import quote
from xml.sax.saxutils import escape

import httpx
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kokunai.drivers.object_storage_http import Answer, Connection, not_understood

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_MOST_AT_ONCE = 1000
"""Versions that one call lists or deletes: the interface's own limit."""


@dataclass(frozen=True)
class Version:
    """One version of an object, or the mark that it was deleted."""

    key: str
    id: str


class _Content(TypedDict):
    """A body with the headers that S3 asks for."""

    content: bytes
    headers: dict[str, str]


class _Signature(httpx.Auth):
    """Signs each request with botocore's signer, which is kept up with the interface."""

    requires_request_body = True

    def __init__(self, key_id: str, secret: str, region: str) -> None:
        self._signer = S3SigV4Auth(Credentials(key_id, secret), "s3", region)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the headers of the signature."""
        names = ("content-md5", "content-type")
        kept = {name: request.headers[name] for name in names if name in request.headers}
        signed = AWSRequest(request.method, str(request.url), kept, request.content)
        self._signer.add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        yield request


class S3:
    """One bucket at one endpoint. Methods raise classes of `drivers.errors`."""

    def __init__(
        self,
        endpoint_url: str,
        region: str,
        bucket: str,
        *,
        key_id: str,
        secret: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = Connection(endpoint_url, _Signature(key_id, secret, region), transport)
        self._bucket = quote(bucket)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def is_versioned(self) -> bool:
        """Whether the bucket keeps earlier versions of objects."""
        answer = await self._http.call("GET", f"{self._bucket}?versioning")
        return _text(_document(answer, "Versioning"), "Status") == "Enabled"

    async def set_versioned(self, *, on: bool) -> None:
        """Keep earlier versions from now on, or no more; what is kept stays."""
        status = "Enabled" if on else "Suspended"
        name = "VersioningConfiguration"
        body = f'<{name} xmlns="{_NAMESPACE}"><Status>{status}</Status></{name}>'
        await self._http.call("PUT", f"{self._bucket}?versioning", **_xml(body))

    async def some_versions(self) -> list[Version]:
        """Up to a thousand of what the bucket holds, earlier versions and deletions included."""
        answer = await self._http.call("GET", f"{self._bucket}?max-keys={_MOST_AT_ONCE}&versions")
        found = _document(answer, "Versions")
        rows = [*_all(found, "Version"), *_all(found, "DeleteMarker")]
        return [Version(_text(row, "Key"), _text(row, "VersionId")) for row in rows]

    async def delete(self, versions: Iterable[Version]) -> None:
        """Remove versions for good. Raises NotUnderstood where one of them was refused."""
        rows = "".join(
            f"<Object><Key>{escape(row.key)}</Key><VersionId>{escape(row.id)}</VersionId></Object>"
            for row in versions
        )
        body = f'<Delete xmlns="{_NAMESPACE}"><Quiet>true</Quiet>{rows}</Delete>'
        answer = await self._http.call("POST", f"{self._bucket}?delete", **_xml(body))
        if refused := _all(_document(answer, "Delete"), "Error"):
            code = _text(refused[0], "Code")
            raise not_understood(
                answer.call,
                answer.status,
                f"削除できないオブジェクトがあります（{code}）",
                f"an object cannot be deleted ({code})",
            )

    async def unfinished(self) -> list[Version]:
        """Uploads in parts that were begun and not finished; they keep a bucket from going."""
        answer = await self._http.call("GET", f"{self._bucket}?uploads")
        rows = _all(_document(answer, "Uploads"), "Upload")
        return [Version(_text(row, "Key"), _text(row, "UploadId")) for row in rows]

    async def abort(self, upload: Version) -> None:
        """Drop an upload in parts."""
        path = f"{self._bucket}/{quote(upload.key)}?uploadId={quote(upload.id, safe='')}"
        await self._http.call("DELETE", path)


def _xml(text: str) -> _Content:
    content = text.encode()
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    return {
        "content": content,
        "headers": {"Content-Type": "application/xml", "Content-MD5": digest},
    }


def _document(answer: Answer, word: str) -> ET.Element:
    """The root element, which servers name differently, but always with this word in it.

    Raises NotUnderstood for everything else.
    """
    wrong = not_understood(
        answer.call, answer.status, f"{word} の応答ではありません", f"the answer is not of {word}"
    )
    if b"<!DOCTYPE" in answer.content or b"<!ENTITY" in answer.content:
        raise wrong
    try:
        root = ET.fromstring(answer.content)  # noqa: S314 - it has no DOCTYPE
    except ET.ParseError:
        raise wrong from None
    if word not in _bare(root):
        raise wrong
    return root


def _bare(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(parent: ET.Element, name: str) -> list[ET.Element]:
    return [child for child in parent if _bare(child) == name]


def _text(parent: ET.Element, name: str) -> str:
    found = _all(parent, name)
    return (found[0].text or "") if found else ""
