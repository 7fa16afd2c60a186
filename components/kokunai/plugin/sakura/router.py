"""`kokunai:sakura:Router`: a router with a switch and a block of public addresses."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, ClassVar, Literal

from kokunai.drivers import sakura_requests
from kokunai.drivers.errors import NotFound, Passing
from kokunai.drivers.sakura_iaas import INTERNET
from kokunai.errors import KokunaiError
from kokunai.plugin.inputs import Computed
from kokunai.plugin.kind import (
    OWNED_BY,
    UNKNOWN,
    Created,
    Found,
    Operation,
    Props,
    Transition,
)
from kokunai.plugin.sakura import fields, ownership
from kokunai.plugin.sakura.kind import (
    SakuraKind,
    changeable,
    description_inputs,
    keeping,
    mark_found,
    named,
    own_tags,
    place_of,
)
from kokunai.plugin.sakura.ownership import Finding
from kokunai.plugin.sakura.session import id_of, ready

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.sakura.session import Session

# iaas-api-go v1.29.2 types/internet_constants.go, as are the lengths of the mask.
_Bandwidth = Literal[
    100, 250, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 5500, 6000, 6500, 7000,
    7500, 8000, 8500, 9000, 9500, 10000,
]  # fmt: skip
_RESERVED_AT_START = 4
"""Of a block: the network's own address and three of the gateway."""
_LOOKS_WHILE_ABSENT = 30
"""A new router answers 404 for a while; Sakura's own client asks as often (helper/wait)."""


class RouterInputs(fields.Tagged):
    """A router with a switch and a block of public addresses."""

    prefix_length: Literal[26, 27, 28] = 28
    """Length of the block's mask; five addresses of it are reserved. / ブロックのマスク長。"""
    bandwidth_mbps: _Bandwidth = 100
    """Bandwidth to the internet. / インターネット側の帯域。"""


class RouterComputed(Computed):
    """What the API chooses."""

    router_id: str
    """The API's current id, which changes with the bandwidth. / 現在の ID。"""
    switch_id: str
    """Id of the switch to connect servers to. / サーバーをつなぐスイッチの ID。"""
    network: str
    """The block, for example `203.0.113.16/28`. / アドレスブロック。"""
    gateway: str
    """Default route of the servers. / サーバーのデフォルトルート。"""
    addresses: list[str]
    """What servers may use: the block without its reserved addresses. / 使えるアドレス。"""


_COMPUTED = ("routerId", "switchId", "network", "gateway", "addresses")
_FIXED = (
    "ルーターのアドレスブロックとゾーンは変更できないため、作り直します。"
    "公開アドレスは別のものになります / "
    "the block and the zone of a router are fixed, so it is made anew with other public addresses"
)


class Router(SakuraKind):
    """A router; its Pulumi id is the API's first id, `routerId` the current one."""

    pulumi_type = "kokunai:sakura:Router"
    model = RouterInputs
    computed = RouterComputed
    marked = (INTERNET,)
    default_timeout_seconds = 1200.0
    replaced_by: ClassVar = dict.fromkeys(("zone", "prefixLength"), _FIXED)

    def identity(self, transition: Transition) -> str:
        """The API's current id, which changes with the bandwidth."""
        return str(transition.state.get("routerId") or transition.id)

    async def preview(self, op: Operation, transition: Transition) -> Props:
        """The outputs; another bandwidth makes the current id unknown, and nothing else."""
        outputs = await super().preview(op, transition)
        if transition.old.get("bandwidthMbps") != transition.new["bandwidthMbps"]:
            outputs["routerId"] = UNKNOWN
        return outputs

    def refuse_left(self, op: Operation, item: Item, new: Props) -> None:
        """The block of what an interrupted create left cannot become another one."""
        left = Found(id_of(item), view(item, new), {})
        self.refuse_other(op, left, new)

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Create it, or adopt what a killed create made, and wait for its block."""
        new = transition.new
        session = self.session(op, new["zone"])
        left = Finding(session, INTERNET)

        async def find() -> Item | None:
            item = await left()
            if item is not None:
                self.refuse_left(op, item, new)
            return item

        item = await session.create(INTERNET, ready(_body(op, new)), find, is_unrecorded=True)
        return Created(id_of(item), await _finish(session, id_of(item), item, new, {}))

    async def read(self, op: Operation, transition: Transition) -> Found | None:
        """The router as the API shows it."""
        zone, item_id = place_of(transition.id, transition.old, transition.state)
        item = await _current(self.session(op, zone), transition)
        if item is None:
            return None
        inputs = view(item, {"zone": zone})
        outputs = {**inputs, **_computed(item), **mark_found(transition, item)}
        return Found(item_id, inputs, outputs)

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Change labels and bandwidth in place, and finish an interrupted create."""
        new = transition.new
        session = self.session(op, new["zone"])
        item = await _current(session, transition)
        if item is None:
            raise _gone(op)
        return await _finish(session, transition.id, item, new, transition.state)

    async def delete(self, op: Operation, transition: Transition) -> None:
        """Remove it with its switch, waiting while servers are connected."""
        zone, _ = place_of(transition.id, transition.state)
        session = self.session(op, zone)
        item = await _current(session, transition)
        if item is not None:
            await session.delete(INTERNET, id_of(item))


async def _current(session: Session, transition: Transition) -> Item | None:
    """The router by its id, else by its mark: the answer with a new id may have been lost."""
    known = transition.state.get("routerId")
    item = await session.read(INTERNET, known or place_of(transition.id, {"zone": session.zone})[1])
    if item is not None or not transition.state:
        return item
    owners = {session.op.owner, str(transition.old.get(OWNED_BY) or "")} - {""}
    marked = await ownership.marked(session, INTERNET)
    return next((item for item in marked if ownership.owner_in(item) in owners), None)


async def _finish(session: Session, pulumi_id: str, item: Item, new: Props, state: Props) -> Props:
    """Bring a router to its inputs; may be interrupted and repeated at any point."""
    start = {**dict.fromkeys(_COMPUTED, ""), "addresses": [], **state, **new}
    with keeping(pulumi_id, {**start, "routerId": id_of(item)}) as outputs:
        item = await _ready(session, id_of(item))
        outputs.update(_computed(item))
        if not ownership.is_marked(session.op, item) or _labels(item) != _labels_of(new):
            body = {"Internet": changeable(session.op, new)}
            await session.update(INTERNET, id_of(item), body)
        if item["BandWidthMbps"] != new["bandwidthMbps"]:
            item = await _widened(session, item, new["bandwidthMbps"])
            outputs.update(_computed(await _ready(session, id_of(item))))
    return outputs


async def _ready(session: Session, router_id: str) -> Item:
    """Wait until the API shows a new router and its block."""
    absent = 0

    async def look() -> Item:
        nonlocal absent
        try:
            return await session.get(INTERNET, router_id)
        except NotFound:
            absent += 1
            if absent >= _LOOKS_WHILE_ABSENT:
                raise
            return {}

    return await session.until(
        look,
        lambda item: bool(item and _blocks(item)),
        lambda _: "ルーターの準備を待っています / waiting for the router",
    )


async def _widened(session: Session, item: Item, mbps: int) -> Item:
    """Change the bandwidth, which gives a new id; the mark finds it if the answer is lost."""
    attempt = 0
    while item["BandWidthMbps"] != mbps:
        router_id = id_of(item)
        try:
            item = await session.once(
                lambda id_=router_id: session.api.change_bandwidth(  # type: ignore[misc]  # the default binds it
                    session.zone, id_, mbps
                )
            )
        except (Passing, NotFound) as error:
            await session.back_off(error, attempt)
            attempt += 1
            mine = await ownership.mine(session, INTERNET)
            if not mine:
                raise
            item = mine[0]
    return item


def _body(op: Operation, props: Props) -> Item:
    return sakura_requests.internet(
        **named(op, props),
        prefix_length=props["prefixLength"],
        bandwidth_mbps=props["bandwidthMbps"],
    )


def _labels(item: Item) -> Props:
    return {
        "name": item["Name"],
        **description_inputs(item),
        "tags": own_tags(item.get("Tags")),
    }


def _labels_of(inputs: Props) -> Props:
    named = ("name", "description", "site", "labels", "owner", "tags")
    return {name: inputs[name] for name in named if name in inputs}


def view(item: Item, given: Props) -> Props:
    """The inputs; the API shows all of them but the zone."""
    return {
        **_labels(item),
        "zone": given["zone"],
        "prefixLength": item["NetworkMaskLen"],
        "bandwidthMbps": item["BandWidthMbps"],
    }


def _blocks(item: Item) -> list[Item]:
    """The blocks that are the router's own, without those that are routed to a host."""
    subnets = (item.get("Switch") or {}).get("Subnets") or []
    return [subnet for subnet in subnets if not subnet.get("NextHop")]


def _computed(item: Item) -> Props:
    network, gateway, usable = "", "", []
    for block in _blocks(item)[:1]:
        named = f"{block['NetworkAddress']}/{block['NetworkMaskLen']}"
        hosts = list(ipaddress.IPv4Network(named, strict=False))
        network, gateway = named, block.get("DefaultRoute") or str(hosts[1])
        usable = [str(host) for host in hosts[_RESERVED_AT_START:-1]]
    return {
        "routerId": id_of(item),
        "switchId": str((item.get("Switch") or {}).get("ID", "")),
        "network": network,
        "gateway": gateway,
        "addresses": usable,
    }


def _gone(op: Operation) -> KokunaiError:
    return KokunaiError(
        ja=f"ルーター {op.name} がありません。pulumi refresh の後でもう一度実行してください。",
        en=f"The router {op.name} is gone; run `pulumi refresh` and try again.",
    )
