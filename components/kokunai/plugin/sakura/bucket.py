"""`kokunai:sakura:Bucket`: a bucket of the object storage, with a key of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from kokunai.drivers.errors import Unauthorized
from kokunai.errors import KokunaiError, Problem
from kokunai.plugin import losses
from kokunai.plugin.inputs import Computed, Governed
from kokunai.plugin.kind import (
    OWNED_BY,
    OWNER,
    UNKNOWN,
    Change,
    Created,
    Found,
    Held,
    Operation,
    Props,
    Transition,
)
from kokunai.plugin.sakura import ownership
from kokunai.plugin.sakura.bucket_store import BucketStore, as_item, endpoint_of, hosts_of
from kokunai.plugin.sakura.kind import SakuraKind, keeping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai.drivers.object_storage import Permission

_ID = re.compile(r"^(?P<place>[a-z]{3}[0-9]{2})/(?P<name>[A-Za-z][A-Za-z0-9-]{2,62})$")
_LOCAL = re.compile(r"^(127\.0\.0\.1|localhost):[0-9]{1,5}$")


class BucketInputs(Governed):
    """A bucket of the object storage, with a key of its own."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{2,62}$")]
    """Name, unique among all customers: 3 to 63 of a-z, 0-9 and -. / バケット名。"""
    zone: Literal["isk01", "tky01"]
    """Place of the object storage. / オブジェクトストレージのサイト。"""
    versioning: bool | None = None
    """Whether earlier versions are kept; left out, it is left as it is. / バージョニング。"""
    endpoint: str = ""
    """Host of the S3 interface, one of those that Sakura documents. / S3 のホスト名。"""
    key_version: int = Field(default=1, ge=1)
    """Raise it for a new key; the old one ends. / 上げるとアクセスキーを作り直します。"""

    @classmethod
    def contradictions(cls, given: Props) -> Iterator[Problem]:
        """A host that belongs to another place."""
        place, endpoint = given.get("zone"), given.get("endpoint")
        if not isinstance(place, str) or not isinstance(endpoint, str):
            return
        if endpoint and endpoint not in hosts_of(place) and not _LOCAL.match(endpoint):
            allowed = ", ".join(hosts_of(place))
            yield Problem(
                "endpoint",
                f"{place} のホストではありません。使えるもの: {allowed}",
                f"this is no host of {place}; allowed: {allowed}",
            )


class BucketComputed(Computed):
    """How the objects are reached."""

    endpoint_url: str
    """URL of the S3 interface. / S3 の URL。"""
    region: str
    """Region with which requests are signed. / 署名に使うリージョン。"""
    access_key_id: str
    """Key to this bucket alone; empty where it was imported. / アクセスキー ID。"""
    secret_access_key: str
    """Its secret. / シークレットアクセスキー。"""


_FIXED = (
    "バケットの名前とサイトは変更できないため、バケットを作り直します。"
    "保存されたオブジェクトは失われます / "
    "name and place of a bucket are fixed, so it is made anew and its objects are lost"
)


class Bucket(SakuraKind):
    """A bucket; its id is `place/name`."""

    pulumi_type = "kokunai:sakura:Bucket"
    model = BucketInputs
    computed = BucketComputed
    import_id = "isk01/my-bucket"
    marked = ()
    secret_properties = frozenset({"secretAccessKey"})
    replaced_by: ClassVar = dict.fromkeys(("name", "zone"), _FIXED)

    def held(self, _props: Props) -> Held:
        """All objects in the bucket, however many there are."""
        return Held(0, "バケット", "bucket")

    def diff(self, transition: Transition) -> list[Change]:
        """Changes of the inputs, and a key of ours that is gone."""
        changes = super().diff(transition)
        state = transition.state
        if state.get(OWNER) and not state.get("accessKeyId"):
            reason = "アクセスキーがないので作ります / its key is gone, so another one is made"
            changes.append(Change("accessKeyId", of_state=True, reason=reason))
        return changes

    async def preview(self, op: Operation, transition: Transition) -> Props:
        """The outputs known so far; refuses a bucket that is there already and is not ours."""
        new, outputs = transition.new, self.known_outputs(transition)
        if transition.id and _renews_key(transition):
            outputs.update(accessKeyId=UNKNOWN, secretAccessKey=UNKNOWN)
        if UNKNOWN not in (new["zone"], new["name"]):
            with self._failures_as_warnings(op):
                store = self._store(op, new["zone"], new["name"])
                await store.cluster()
                if not (transition.id or op.is_recorded):
                    await _adoptable(store)
        return outputs

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Create it, or finish what a killed create began."""
        new = transition.new
        store = self._store(op, new["zone"], new["name"])
        await store.cluster()
        await store.prepare_account()
        mark = await _adoptable(store) or await store.marked()
        await store.make_bucket()
        id_ = f"{new['zone']}/{new['name']}"
        return Created(id_, await self._finish(store, mark, id_, new, {}))

    async def read(self, op: Operation, transition: Transition) -> Found | None:
        """The bucket as the API shows it, with the old inputs that the API does not show."""
        place, name = _place_of(transition.id)
        store, given, state = self._store(op, place, name), transition.old, transition.state
        if not await store.exists():
            return None
        cluster = await store.cluster()
        kept: Props = {key: given[key] for key in ("site", "labels", OWNED_BY) if key in given}
        inputs: Props = {"name": name, "zone": place, "endpoint": "", "keyVersion": 1, **kept}
        inputs |= {key: given[key] for key in ("endpoint", "keyVersion") if key in given}
        url = endpoint_of(cluster, inputs["endpoint"], op.config["sakuraApiRootUrl"])
        access = await self._access(store, state)
        if "versioning" in given:
            inputs["versioning"] = await self._versioning(store, url, cluster.region, access, given)
        outputs = {**inputs, "endpointUrl": url, "region": cluster.region, **access}
        if not state and (mark := next(iter(await store.marks()), None)):
            outputs[OWNER] = ownership.digest_in(as_item(mark))
        return Found(f"{place}/{name}", inputs, outputs)

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Change in place what can be, and finish an interrupted create."""
        new = transition.new
        store = self._store(op, new["zone"], new["name"])
        state = dict(transition.state)
        if transition.old.get("keyVersion") != new["keyVersion"]:
            state |= {"accessKeyId": "", "secretAccessKey": ""}
        await _rename_marks(store, str(state.get(OWNER) or ""))
        mark = await store.marked()
        return await self._finish(store, mark, transition.id, new, state)

    async def delete(self, op: Operation, transition: Transition) -> None:
        """Remove an empty bucket; one that holds objects only where a person allowed the loss."""
        place, name = _place_of(transition.id)
        store = self._store(op, place, name)
        mark = await store.mark()
        if await store.exists():
            mark = mark or await store.marked()
            await self._empty(store, mark, transition.state)
        # What refers to a bucket keeps it from going.
        await store.forget([mark] if mark else [])
        await store.when_free(lambda: store.call(lambda: store.api.delete_bucket(name)))

    async def _empty(self, store: BucketStore, mark: Permission, state: Props) -> None:
        cluster = await store.cluster()
        root = store.op.config["sakuraApiRootUrl"]
        url = endpoint_of(cluster, str(state.get("endpoint") or ""), root)
        await store.open(mark)
        access = await self._access(store, state)
        is_lent = not access["accessKeyId"]
        if is_lent:
            key = await store.new_key(mark)
            access = {"accessKeyId": key.id, "secretAccessKey": key.secret}
        try:
            async with store.s3(url, cluster.region, access) as objects:
                found = await store.call(objects.some_versions)
                if found and store.op.name not in losses.allowed(store.op.config):
                    raise _holds_objects(store.op, store.name, len(found))
                await store.empty(objects)
        finally:
            if is_lent:
                await store.remove_keys(mark)

    async def _finish(
        self, store: BucketStore, mark: Permission, id_: str, new: Props, state: Props
    ) -> Props:
        """Bring a bucket to its inputs; may be interrupted and repeated at any point."""
        start = {"endpointUrl": "", "region": "", "accessKeyId": "", "secretAccessKey": ""}
        with keeping(id_, {**start, **state, **new}) as outputs:
            cluster = await store.cluster()
            root = store.op.config["sakuraApiRootUrl"]
            outputs["endpointUrl"] = endpoint_of(cluster, new["endpoint"], root)
            outputs["region"] = cluster.region
            await store.open(mark)
            known = [key.id for key in await store.keys(mark)]
            if not outputs["secretAccessKey"] or outputs["accessKeyId"] not in known:
                key = await store.new_key(mark)
                outputs |= {"accessKeyId": key.id, "secretAccessKey": key.secret}
            wanted = new.get("versioning")
            if wanted is not None:
                url, region = outputs["endpointUrl"], outputs["region"]
                async with store.s3(url, region, outputs) as objects:
                    if await store.call(objects.is_versioned) != wanted:
                        await store.call(lambda: objects.set_versioned(on=wanted))
        return outputs

    @staticmethod
    async def _access(store: BucketStore, state: Props) -> Props:
        """The key that the state has, while the API has it too."""
        access = {name: state.get(name, "") for name in ("accessKeyId", "secretAccessKey")}
        mark = await store.mark() if access["accessKeyId"] else None
        known = [key.id for key in await store.keys(mark)] if mark else []
        return access if access["accessKeyId"] in known else dict.fromkeys(access, "")

    @staticmethod
    async def _versioning(
        store: BucketStore, url: str, region: str, access: Props, given: Props
    ) -> bool:
        """What the bucket does now; without a key, what it did."""
        if not access["accessKeyId"]:
            return bool(given["versioning"])
        try:
            async with store.s3(url, region, access) as objects:
                return await store.call(objects.is_versioned)
        except Unauthorized:
            return bool(given["versioning"])

    def _store(self, op: Operation, place: str, name: str) -> BucketStore:
        return BucketStore(self._accounts.storage_of(op.config), op, place, name)


def _place_of(id_: str) -> tuple[str, str]:
    match = _ID.match(id_)
    if match is None:
        raise KokunaiError(
            ja=f"ID「{id_}」は読めません。isk01/バケット名 の形で指定してください。",
            en=f'The id "{id_}" cannot be read; write it as isk01/my-bucket.',
        )
    return match["place"], match["name"]


def _renews_key(transition: Transition) -> bool:
    is_raised = transition.old.get("keyVersion") != transition.new["keyVersion"]
    return is_raised or not transition.state.get("accessKeyId")


async def _adoptable(store: BucketStore) -> Permission | None:
    """What a killed create left. Raises KokunaiError for a bucket or a mark of others."""
    marks = await store.marks()
    mine = next((one for one in marks if ownership.is_marked(store.op, as_item(one))), None)
    if marks and (mine is None or not store.op.owner):
        raise _foreign(store.op, store, ownership.owner_in(as_item(marks[0])))
    if mine is None and await store.exists():
        raise _foreign(store.op, store, "")
    return mine


async def _rename_marks(store: BucketStore, digest: str) -> None:
    """Drop the mark that the bucket has under its former name or owner: a new one is made."""
    permissions = await store.call(lambda: store.api.permissions(store.place))
    await store.forget(
        [
            one
            for one in permissions
            if digest and ownership.digest_in(as_item(one)) == digest != store.op.digest
        ]
    )


def _foreign(op: Operation, store: BucketStore, owner: str) -> KokunaiError:
    command = f"pulumi import kokunai:sakura:Bucket {op.name} {store.place}/{store.name}"
    whose_ja = f"（所有者の印: {owner}）" if owner else ""
    whose_en = f" (owner mark: {owner})" if owner else ""
    return KokunaiError(
        ja=f"バケット {store.name} か、その印がすでにあります{whose_ja}。このスタックのものではない"
        f"ため、何も変更していません。引き継ぐ場合は {command} を、そうでない場合は"
        "別の名前を使ってください。",
        en=f"The bucket {store.name} or its mark exists already{whose_en} and is not this stack's. "
        f"Nothing was touched. To take it over run {command}; otherwise use another name.",
    )


def _holds_objects(op: Operation, name: str, count: int) -> KokunaiError:
    remedy_ja, remedy_en = losses.remedy([op.name])
    return KokunaiError(
        ja=f"バケット {name} にオブジェクトが {count} 件以上あります。"
        f"削除するとデータが失われるため、中止しました。\n{remedy_ja}"
        "destroy の前には、一度 pulumi up を実行してください。",
        en=f"The bucket {name} holds {count} objects or more; its data would be lost, so this was "
        f"stopped.\n{remedy_en} Before a destroy, run pulumi up once with it.",
    )
