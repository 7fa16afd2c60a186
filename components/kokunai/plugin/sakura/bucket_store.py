"""The calls of one operation on one bucket: its mark, its key and its S3 interface.

Buckets have neither tags nor a description, so the mark is the name of a permission that opens
the bucket. It is made before the bucket: a killed create is then seen for what it is.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import httpx

from kokunai.drivers.errors import Conflict, NotFound, Unauthorized
from kokunai.drivers.root_url import is_this_machine
from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown
from kokunai.plugin.sakura import ownership
from kokunai.plugin.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kokunai.drivers.object_storage import Cluster, Key, ObjectStorage, Permission
    from kokunai.drivers.s3 import S3
    from kokunai.plugin.kind import Operation, Props

_LOOKS_AT_A_NEW_KEY = 8
"""A key may take a moment until the S3 interface knows it."""


class BucketStore(Waiting):
    """An operation with the object storage, the place and the bucket on which it works."""

    def __init__(self, api: ObjectStorage, op: Operation, place: str, name: str) -> None:
        super().__init__(op)
        self.api = api
        self.place = place
        self.name = name

    # The place

    async def cluster(self) -> Cluster:
        """The place as the API describes it. Raises KokunaiError where it has no such place."""
        clusters = await self.call(self.api.clusters)
        found = next((one for one in clusters if one.id == self.place), None)
        if found is None:
            names = ", ".join(sorted(one.id for one in clusters))
            raise KokunaiError(
                ja=f"オブジェクトストレージに {self.place} はありません。使えるもの: {names}",
                en=f"the object storage has no place {self.place}; it has: {names}",
            )
        return found

    async def exists(self) -> bool:
        """Whether the account has the bucket here."""
        buckets = await self.call(lambda: self.api.buckets(self.place))
        return any(bucket.name == self.name for bucket in buckets)

    async def make_bucket(self) -> None:
        """Create the bucket. Raises KokunaiError where the name is somebody else's."""

        async def find() -> bool | None:
            return await self.exists() or None

        async def post(_: None) -> bool:
            await self.api.create_bucket(self.place, self.name)
            return True

        async def nothing() -> None:
            return None

        try:
            await self.make(post, nothing, find)
        except Conflict as error:
            if not await self.exists():
                raise _taken(self.name, error.message) from error

    async def prepare_account(self) -> None:
        """Begin to use the place, where that was never done."""
        try:
            await self.call(lambda: self.api.account(self.place))
        except NotFound:
            with contextlib.suppress(Conflict):
                await self.call(lambda: self.api.create_account(self.place))

    # The mark

    async def marks(self) -> list[Permission]:
        """The permissions with the place of this operation, whoever made them."""
        found = await self.call(lambda: self.api.permissions(self.place))
        return [one for one in found if ownership.place_in(as_item(one), self.op.place)]

    async def mark(self) -> Permission | None:
        """The permission with the whole mark of this operation."""
        marks = await self.marks()
        return next((one for one in marks if ownership.is_marked(self.op, as_item(one))), None)

    async def marked(self) -> Permission:
        """The same, made where it is missing."""

        async def name() -> str:
            return self._display_name

        return await self.make(
            lambda wanted: self.api.create_permission(self.place, wanted), name, self.mark
        )

    @property
    def _display_name(self) -> str:
        return f"{self.name} [{ownership.full_mark(self.op)}]"

    async def open(self, mark: Permission) -> None:
        """Let the mark's key into the bucket."""
        opened = {one.bucket_name for one in mark.bucket_controls or [] if one.can_write}
        if opened != {self.name} or mark.display_name != self._display_name:
            await self.call(
                lambda: self.api.open_bucket(self.place, mark.id, self._display_name, self.name)
            )

    async def forget(self, marks: list[Permission]) -> None:
        """Remove permissions with their keys; absent is success."""
        for mark in marks:
            await self.remove_keys(mark)
            with contextlib.suppress(NotFound):
                await self.call(lambda id_=mark.id: self.api.delete_permission(self.place, id_))  # type: ignore[misc]  # the default binds it

    # The key

    async def keys(self, mark: Permission) -> list[Key]:
        """The mark's keys."""
        return await self.call(lambda: self.api.keys(self.place, mark.id))

    async def remove_keys(self, mark: Permission) -> None:
        """Remove the mark's keys, which nobody else has."""
        with contextlib.suppress(NotFound):
            for key in await self.keys(mark):
                await self.call(lambda id_=key.id: self.api.delete_key(self.place, mark.id, id_))  # type: ignore[misc]  # the default binds it

    async def new_key(self, mark: Permission) -> Key:
        """A key with its secret; one whose answer was lost is of no use and is removed."""

        async def without_others() -> None:
            await self.remove_keys(mark)

        async def none() -> Key | None:
            return None

        return await self.make(
            lambda _: self.api.create_key(self.place, mark.id), without_others, none
        )

    # The S3 interface

    @contextlib.asynccontextmanager
    async def s3(self, endpoint_url: str, region: str, access: Props) -> AsyncIterator[S3]:
        """The bucket's objects, with the key that `access` has."""
        from kokunai.drivers.s3 import S3  # its signer takes most of a second to import

        key_id, secret = access["accessKeyId"], access["secretAccessKey"]
        client = S3(endpoint_url, region, self.name, key_id=key_id, secret=secret)
        try:
            await self._until_known(client)
            yield client
        finally:
            await client.close()

    async def _until_known(self, client: S3) -> None:
        for attempt in range(_LOOKS_AT_A_NEW_KEY):
            try:
                await self.call(client.is_versioned)
            except (Unauthorized, NotFound) as error:
                if attempt + 1 == _LOOKS_AT_A_NEW_KEY:
                    raise
                await self.back_off(error, attempt)
            else:
                return

    async def empty(self, client: S3) -> None:
        """Remove everything that the bucket holds, for good."""
        removed = 0
        while versions := await self.call(client.some_versions):
            await self.call(lambda rows=versions: client.delete(rows))  # type: ignore[misc]  # the default binds it
            removed += len(versions)
            self.op.status(f"オブジェクトを {removed} 件削除しました / {removed} objects removed")
        for upload in await self.call(client.unfinished):
            with contextlib.suppress(NotFound):
                await self.call(lambda row=upload: client.abort(row))  # type: ignore[misc]  # the default binds it


def as_item(permission: Permission) -> dict[str, Any]:
    """The permission as the functions of `ownership` read an item."""
    return {
        "ID": str(permission.id),
        "Name": permission.display_name,
        "Description": permission.display_name,
    }


def endpoint_of(cluster: Cluster, given: str, root_url: str) -> str:
    """The URL of a bucket's objects, by the older host name where that is given.

    Raises KokunaiError for any other host: keys are not sent where an answer alone leads.
    """
    named = given or cluster.s3_endpoint
    host = httpx.URL(f"//{named}").host
    if is_this_machine(host) and is_this_machine(httpx.URL(root_url).host):
        return f"http://{named}"
    if named in hosts_of(cluster.id):
        return f"https://{named}"
    allowed = ", ".join(hosts_of(cluster.id))
    raise KokunaiError(
        ja=f"{cluster.id} の S3 のホスト {shown(named, 80)} は使えません。使えるもの: {allowed}",
        en=f"the S3 host {shown(named, 80)} cannot be used for {cluster.id}; allowed: {allowed}",
    )


def hosts_of(place: str) -> tuple[str, str]:
    """Both host names that Sakura documents for a place, the newer one first."""
    return f"s3.{place}.objectstorage.sakurastorage.jp", f"s3.{place}.sakurastorage.jp"


def _taken(name: str, why: str) -> KokunaiError:
    return KokunaiError(
        ja=f"バケット {name} を作れません。ほかの人が使っている名前か、バケット数の上限です"
        f"（API の応答: {why}）。別の名前にするか、使わないバケットを削除してください。",
        en=f"the bucket {name} cannot be made: somebody else has the name, or the account has as "
        f"many buckets as it may (the API says: {why}). Use another name, or delete a bucket.",
    )
