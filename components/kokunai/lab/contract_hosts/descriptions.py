"""What a lab is told of the hosts that it shall hand over, and the machines that follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from kokunai.lab.machines import Gpu, Machine, Nic

if TYPE_CHECKING:
    from kokunai.lab.places import Places
    from kokunai.lab.store import Doc

_NAME = r"^[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?$"
_LAST_HOST, _FIRST_HOST = 250, 151
"""Host numbers on the shared segment, taken from above; servers of an API count from below."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GpuDescription(_Strict):
    """Simulated GPUs of a host."""

    product: str = Field(pattern=r"^[\x20-\x7e]{1,80}$")
    """As `nvidia-smi` names it, for example `NVIDIA H200`."""
    device: str = Field(pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}$")
    """PCI vendor and device, for example `10de:2335`."""
    count: int = Field(ge=0, le=16)
    has_tools: bool = True
    """False for a bare host, on which no `nvidia-smi` is installed."""


class HostDescription(_Strict):
    """One host, or a rack of equal ones."""

    name: str = Field(pattern=_NAME)
    count: int | None = Field(default=None, ge=1, le=64)
    """Given for a rack: names get the tray's number, `-t00` and so on."""
    gpu: GpuDescription | None = None
    architecture: str = Field(default="", pattern=r"^(?:|x86_64|aarch64)$")
    """What `uname -m` says there; empty is the truth."""
    user: str = Field(default="root", pattern=r"^[a-z_][a-z0-9_-]{0,31}$")


class Delivery(_Strict):
    """Hosts that are delivered together."""

    hosts: list[HostDescription] = Field(min_length=1)
    ssh_public_keys: list[str] = Field(min_length=1)


def documents(delivery: Delivery) -> list[Doc]:
    """A document for each host, without id and address."""
    return [row for described in delivery.hosts for row in _of(described, delivery)]


def _of(described: HostDescription, delivery: Delivery) -> list[Doc]:
    shared: dict[str, Any] = {
        "zone": "",
        "gpu": described.gpu.model_dump() if described.gpu else None,
        "architecture": described.architecture,
        "user": described.user,
        "keys": delivery.ssh_public_keys,
    }
    if described.count is None:
        return [{**shared, "name": described.name, "rack": "", "tray": None}]
    return [
        {**shared, "name": f"{described.name}-t{tray:02}", "rack": described.name, "tray": tray}
        for tray in range(described.count)
    ]


def free_host(taken: set[int]) -> int | None:
    """The highest free host number of the shared segment."""
    return next((one for one in range(_LAST_HOST, _FIRST_HOST - 1, -1) if one not in taken), None)


def machine(doc: Doc, places: Places) -> Machine:
    """The host as it must be when it is on."""
    number = int(doc["shared_host"])
    nic = Nic(
        interface_id=doc["interface_id"],
        mac_address=f"9c:a3:bb:00:00:{number:02x}",
        switch_id="shared",
        address=str(places.shared_network[number]),
        prefix_length=places.shared_network.prefixlen,
        gateway=places.gateway,
    )
    return Machine(
        server_id=doc["id"],
        disk_id=doc["disk_id"],
        host_name=doc["name"],
        nics=(nic,),
        ssh_public_keys=tuple(doc["keys"]),
        gpu=_gpu(doc["gpu"]),
        image="the operator's own",
        login_user=doc["user"],
        architecture=doc["architecture"],
        rack=doc["rack"],
    )


def _gpu(row: dict[str, Any] | None) -> Gpu | None:
    if not row or not row["count"]:
        return None
    vendor, _, device = row["device"].partition(":")
    return Gpu(
        model=row["product"],
        product_name=row["product"],
        vendor_id=vendor,
        device_id=device,
        pci_class="0302",
        count=row["count"],
        has_tools=row["has_tools"],
    )
