"""A client of the control API of Sakura's object storage: each method makes one call.

Paths and fields are those of github.com/sacloud/object-storage-api-go (openapi/openapi.json).
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import Field, TypeAdapter, ValidationError

from kokunai.drivers.limiter import TokenBucket
from kokunai.drivers.object_storage_http import Answer, Connection, not_understood
from kokunai.drivers.sakura_views import Text, View

_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$")]
_KeyId = Annotated[str, Field(pattern=r"^[\w/+=-]{1,128}$")]
_Secret = Annotated[str, Field(pattern=r"^[\w/+=-]{1,128}$")]
_HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$")]
_Number = Annotated[int, Field(ge=0, le=2**53)]


class Cluster(View):
    """A place where buckets are, with the host that serves their objects."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]{1,16}$")]
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
    s3_endpoint: _HostName


class Bucket(View):
    """A bucket of the account at one place."""

    name: _Name


class Control(View):
    """What a permission lets its key do with one bucket."""

    bucket_name: _Name
    can_read: bool
    can_write: bool


class Permission(View):
    """A permission with the buckets that it opens."""

    id: _Number
    display_name: Text
    bucket_controls: list[Control] | None = None


class Key(View):
    """An access key; the secret is told once, when it is made."""

    id: _KeyId
    secret: _Secret | None = Field(default=None, repr=False)


_T = TypeVar("_T")


class ObjectStorage:
    """Calls by place (`isk01`), bucket and permission; they raise classes of `drivers.errors`."""

    def __init__(
        self,
        token: str,
        secret: str,
        root_url: str,
        calls_per_second: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = Connection(root_url, httpx.BasicAuth(token, secret), transport)
        self._limiter = TokenBucket(calls_per_second)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def clusters(self) -> list[Cluster]:
        """The places where the service is."""
        return _read(list[Cluster], await self._call("GET", "fed/v1/clusters"))

    async def buckets(self, place: str) -> list[Bucket]:
        """The account's buckets at one place."""
        return _read(list[Bucket], await self._call("GET", f"{place}/v2/buckets"))

    async def create_bucket(self, place: str, name: str) -> None:
        """Create a bucket. Raises Conflict where the name is taken, or too many are there."""
        plan = {"type": "standard", "service_class_path": f"objectstorage/{place}/bucket"}
        body = {"cluster_id": place, "plan": plan}
        await self._call("PUT", f"fed/v1/buckets/{quote(name)}", body)

    async def delete_bucket(self, name: str) -> None:
        """Remove a bucket; absent is success. Raises Conflict while something is left of it."""
        await self._call("DELETE", f"fed/v1/buckets/{quote(name)}")

    async def account(self, place: str) -> None:
        """Raises NotFound where the place has never been used."""
        await self._call("GET", f"{place}/v2/account")

    async def create_account(self, place: str) -> None:
        """Begin to use a place. Raises Conflict where that was done."""
        await self._call("POST", f"{place}/v2/account")

    async def permissions(self, place: str) -> list[Permission]:
        """All permissions at one place."""
        return _read(list[Permission], await self._call("GET", f"{place}/v2/permissions"))

    async def create_permission(self, place: str, name: str) -> Permission:
        """Create a permission that opens no bucket yet."""
        body = {"display_name": name, "bucket_controls": []}
        return _read(Permission, await self._call("POST", f"{place}/v2/permissions", body))

    async def open_bucket(self, place: str, permission: int, name: str, bucket: str) -> None:
        """Give a permission its name, and the bucket that it opens for reading and writing."""
        control = {"bucket_name": bucket, "can_read": True, "can_write": True}
        body = {"display_name": name, "bucket_controls": [control]}
        await self._call("PUT", f"{place}/v2/permissions/{permission}", body)

    async def delete_permission(self, place: str, permission: int) -> None:
        """Remove a permission."""
        await self._call("DELETE", f"{place}/v2/permissions/{permission}")

    async def keys(self, place: str, permission: int) -> list[Key]:
        """The keys of a permission, without their secrets."""
        path = f"{place}/v2/permissions/{permission}/keys"
        return _read(list[Key], await self._call("GET", path))

    async def create_key(self, place: str, permission: int) -> Key:
        """Create a key; this answer alone has its secret."""
        path = f"{place}/v2/permissions/{permission}/keys"
        answer = await self._call("POST", path)
        key = _read(Key, answer)
        if not key.secret:
            raise not_understood(
                answer.call, answer.status, "secret がありません", "the key has no secret"
            )
        return key

    async def delete_key(self, place: str, permission: int, key_id: str) -> None:
        """Remove a key."""
        path = f"{place}/v2/permissions/{permission}/keys/{quote(key_id, safe='')}"
        await self._call("DELETE", path)

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        await self._limiter.take()
        return await self._http.call(method, path, body=body)


def _read(kind: type[_T], answer: Answer) -> _T:
    """What the answer promises, each field of its type. Raises NotUnderstood."""
    try:
        return TypeAdapter(kind).validate_python(answer.data())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(["data", *map(str, first["loc"])])
        raise not_understood(
            answer.call,
            answer.status,
            f"{place} が正しくありません",
            f"{place} is wrong: {first['msg']}",
        ) from None
