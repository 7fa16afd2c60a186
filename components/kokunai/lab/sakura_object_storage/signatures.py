"""Checks the signature of an S3 request (AWS Signature Version 4, in the header Authorization)."""

from __future__ import annotations

import hashlib
import hmac
import io
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from kokunai.lab.sakura_object_storage.account import PLACES

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/]+)"
    r"/s3/aws4_request,\s*SignedHeaders=(?P<headers>[a-z0-9;-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_UNSIGNED = ("UNSIGNED-PAYLOAD", "STREAMING-")


class Denied(Exception):
    """A refusal by the code that S3 has for it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Request:
    """What a signature covers."""

    method: str
    path: str
    """As it was sent, still encoded."""
    query: str
    headers: dict[str, str]
    """Names in small letters."""
    body_digest: str

    @classmethod
    def of(cls, environ: dict[str, Any], most_bytes: int) -> Request:
        """The request; its body is read and put back. Raises Denied where it is too large."""
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > most_bytes:
            raise Denied("EntityTooLarge")
        body = environ["wsgi.input"].read(length) if length else b""
        if length:
            environ["wsgi.input"] = io.BytesIO(body)
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): str(value).strip()
            for name, value in environ.items()
            if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
        }
        target = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "/")
        path, _, query = target.partition("?")
        digest = hashlib.sha256(body).hexdigest()
        return cls(str(environ["REQUEST_METHOD"]), path, query, headers, digest)

    @property
    def bucket(self) -> str:
        """The first part of the path; hosts named after buckets are not served."""
        return unquote(self.path.lstrip("/").partition("/")[0])

    @property
    def is_of_bucket(self) -> bool:
        """Whether it makes or removes the bucket itself, which the control API alone may."""
        return not self.path.strip("/").partition("/")[2] and not self.query


def checked_key(request: Request, keys: list[dict[str, Any]]) -> dict[str, Any]:
    """The key that signed the request. Raises Denied."""
    match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        raise Denied("AccessDenied")
    key = next((row for row in keys if row["shown_id"] == match["key"]), None)
    if key is None:
        raise Denied("InvalidAccessKeyId")
    if match["region"] != PLACES[key["zone"]]["region"]:
        raise Denied("AuthorizationHeaderMalformed")
    told = request.headers.get("x-amz-content-sha256", "")
    if not told.startswith(_UNSIGNED) and told != request.body_digest:
        raise Denied("XAmzContentSHA256Mismatch")
    expected = _signature(request, key["secret"], match, told)
    if not hmac.compare_digest(expected, match["signature"]):
        raise Denied("SignatureDoesNotMatch")
    return key


def _signature(request: Request, secret: str, match: re.Match[str], body_digest: str) -> str:
    names = match["headers"].split(";")
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names
    )
    canonical = "\n".join(
        (request.method, request.path, _sorted(request.query), headers, match["headers"],
         body_digest)
    )  # fmt: skip
    scope = f"{match['date']}/{match['region']}/s3/aws4_request"
    moment = request.headers.get("x-amz-date", "")
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    signing = f"AWS4{secret}".encode()
    for part in (match["date"], match["region"], "s3", "aws4_request"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    return hmac.new(signing, to_sign.encode(), "sha256").hexdigest()


def _sorted(query: str) -> str:
    """The query as it is signed: each name and value encoded in one way, in order."""
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    encoded = [
        (quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~"))
        for name, value in pairs
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))
