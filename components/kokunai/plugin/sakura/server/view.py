"""Translates a server of the API into inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.drivers.sakura_requests import MIB_PER_GIB
from kokunai.plugin.sakura.kind import description_inputs, own_tags
from kokunai.plugin.sakura.power import status_of
from kokunai.plugin.sakura.products import DISK_PLAN_IDS
from kokunai.plugin.sakura.server.boot_disk import config_digest_of
from kokunai.plugin.sakura.session import id_of

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.kind import Props

WRITE_ONLY = (
    "sshKeyIds",
    "sshPublicKeys",
    "password",
    "disablePasswordLogin",
    "startupScript",
    "hostKeySeed",
    "forceShutdown",
)
"""Inputs that the API does not show; an imported server lacks them."""
_PLAN_KEYS = {"gpuModel": "GPUModel", "cpuModel": "CPUModel", "generation": "Generation"}
_PLAN_NAMES = {number: name for name, number in DISK_PLAN_IDS.items()}


def inputs(item: Item, zone: str, given: Props, image: str) -> Props:
    """All inputs; `given` has those that the API does not show, and is empty on import."""
    return {
        "name": item["Name"],
        "zone": zone,
        **description_inputs(item),
        "tags": own_tags(item.get("Tags")),
        "hostName": given.get("hostName") or item.get("HostName") or item["Name"],
        "plan": _plan(item.get("ServerPlan") or {}, given.get("plan")),
        "disks": [
            _disk(disk, image if index == 0 else "")
            for index, disk in enumerate(item.get("Disks") or [])
        ],
        "nics": [
            _nic(interface, _map_at(given.get("nics"), index))
            for index, interface in enumerate(item.get("Interfaces") or [])
        ],
        **{name: given[name] for name in WRITE_ONLY if name in given},
    }


def computed(item: Item, boot_disk: Item | None) -> Props:
    """The outputs beside the inputs."""
    interfaces = item.get("Interfaces") or []
    addresses = list(map(_address, interfaces))
    return {
        "serverId": id_of(item),
        "diskIds": list(map(id_of, item.get("Disks") or [])),
        "interfaceIds": list(map(id_of, interfaces)),
        "address": addresses[0] if addresses else "",
        "addresses": addresses,
        "macAddresses": [str(interface.get("MACAddress") or "") for interface in interfaces],
        "zoneName": str((item.get("Zone") or {}).get("Name") or ""),
        "instanceStatus": status_of(item),
        "configDigest": config_digest_of(boot_disk),
    }


def segment_of(interface: Item) -> str:
    """`shared`, the id of a switch, or empty when it is not connected."""
    switch = interface.get("Switch") or {}
    return "shared" if switch.get("Scope") == "shared" else str(switch.get("ID") or "")


def filter_of(interface: Item) -> str:
    """Id of the packet filter before an interface, or empty."""
    return str((interface.get("PacketFilter") or {}).get("ID") or "")


def _plan(sold: Item, given: Props | None) -> Props:
    """Optional keys appear where they were given, or all of them on import."""
    plan: Props = {
        "cpuCount": int(sold.get("CPU") or 0),
        "memoryGib": int(sold.get("MemoryMB") or 0) // MIB_PER_GIB,
        "gpuCount": int(sold.get("GPU") or 0),
        "commitment": sold.get("Commitment") or "standard",
    }
    for ours, theirs in _PLAN_KEYS.items():
        if sold.get(theirs) and (given is None or ours in given):
            plan[ours] = sold[theirs]
    return plan


def _disk(item: Item, image: str) -> Props:
    disk: Props = {
        "sizeGib": int(item.get("SizeMB") or 0) // MIB_PER_GIB,
        "plan": _PLAN_NAMES.get(int((item.get("Plan") or {}).get("ID") or 0), "ssd"),
    }
    return {**disk, "image": image} if image else disk


def _nic(interface: Item, given: Props) -> Props:
    segment = segment_of(interface)
    nic: Props = {
        "switchId": segment,
        "address": "" if segment == "shared" else interface.get("UserIPAddress") or "",
        "gateway": given.get("gateway", ""),
    }
    if "prefixLength" in given:
        nic["prefixLength"] = given["prefixLength"]
    if filter_of(interface):
        nic["packetFilterId"] = filter_of(interface)
    return nic


def _address(interface: Item) -> str:
    own = interface.get("IPAddress") if segment_of(interface) == "shared" else None
    return str(own or interface.get("UserIPAddress") or "")


def _map_at(items: Any, index: int) -> Props:
    return items[index] if isinstance(items, list) and index < len(items) else {}
