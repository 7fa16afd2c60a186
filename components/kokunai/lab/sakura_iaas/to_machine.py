"""Translates documents of the store into the values that the host side takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kokunai.lab.machines import FilterRule, Gpu, Machine, NfsAppliance, Nic
from kokunai.lab.sakura_iaas import provider_data

if TYPE_CHECKING:
    from kokunai.lab.places import Places
    from kokunai.lab.store import Doc, Store


def boot_disk(store: Store, server_id: str) -> Doc | None:
    """The first connected disk with a system on it; None where the server has none."""
    disks = [disk for disk in store.of_server("disk", server_id) if disk["source_archive_id"]]
    return min(disks, key=lambda disk: int(disk["connection_order"]), default=None)


def rules_of(store: Store, interface: Doc) -> tuple[FilterRule, ...] | None:
    """Rules of the interface's packet filter; None when it has no filter."""
    packet_filter = interface["packet_filter_id"] and store.get(
        "packetfilter", interface["packet_filter_id"]
    )
    if not packet_filter:
        return None
    return tuple(_rule(rule) for rule in packet_filter["rules"])


def _rule(rule: dict[str, str]) -> FilterRule:
    return FilterRule(
        protocol=rule["Protocol"],
        action=rule["Action"],
        source_network=rule["SourceNetwork"],
        source_port=rule["SourcePort"],
        destination_port=rule["DestinationPort"],
    )


def _nic(store: Store, places: Places, interface: Doc, config: Doc | None) -> Nic:
    """A network interface; `config` is the disk's, None for all but the first interface.

    The provider's disk configuration sets up only the first interface. With DHCP it gets an
    address from the shared segment, and none from a switch, where no server answers.
    """
    address, prefix_length, gateway = "", 24, ""
    if config is not None and interface["switch_id"] == "shared":
        address = str(places.shared_network[interface["shared_host"]])
        prefix_length, gateway = places.shared_network.prefixlen, places.gateway
    elif config is not None and config.get("user_ip_address") and not config.get("enable_dhcp"):
        subnet = config.get("user_subnet") or {}
        address = config["user_ip_address"]
        prefix_length = subnet.get("NetworkMaskLen", 24)
        gateway = subnet.get("DefaultRoute", "")
    return Nic(
        interface_id=interface["id"],
        mac_address=interface["mac_address"].lower(),
        switch_id=interface["switch_id"],
        address=address,
        prefix_length=prefix_length,
        gateway=gateway,
        filter_rules=rules_of(store, interface),
    )


def _gpu(plan: Doc) -> Gpu | None:
    pci = provider_data.pci_of(plan["GPUModel"]) if plan["GPU"] else None
    if pci is None:
        return None
    return Gpu(
        model=plan["GPUModel"],
        product_name=pci["product_name"],
        vendor_id=pci["vendor_id"],
        device_id=pci["device_id"],
        pci_class=pci["pci_class"],
        count=plan["GPU"],
    )


def _system(disk: Doc) -> dict[str, str]:
    """Image and login user of the archive that the disk was copied from."""
    archive = disk.get("image_id") or disk["source_archive_id"]
    rows = provider_data.archives()
    row = next((row for row in rows if archive in row["ids"].values()), None)
    if row is None:
        return {}
    return {"image": row["name"], "login_user": row.get("login_user", "root")}


def host_name_of(server: Doc, config: Doc) -> str:
    """The configured name with only the letters of a host name, else one with the server's id."""
    wanted = config.get("host_name") or server["host_name"] or server["name"]
    cleaned = re.sub(r"[^a-z0-9.-]+", "-", wanted.lower()).strip("-.")
    return cleaned or f"server-{server['id']}"


def machine(store: Store, places: Places, server: Doc, disk: Doc) -> Machine:
    """The server as it must be when it is on, without unconnected interfaces."""
    config = disk["config"]
    interfaces = store.of_server("interface", server["id"])
    return Machine(
        server_id=server["id"],
        disk_id=disk["id"],
        host_name=host_name_of(server, config),
        nics=tuple(
            _nic(store, places, interface, config if index == 0 else None)
            for index, interface in enumerate(interfaces)
            if interface["switch_id"]
        ),
        ssh_public_keys=tuple(config.get("ssh_public_keys", ())),
        password_hash=config.get("password_hash", ""),
        password_login=bool(config.get("password_hash")) and not config.get("key_login_only"),
        startup_scripts=tuple(config.get("startup_scripts", ())),
        gpu=_gpu(server["plan"]),
        partition_uuid=config.get("partition_uuid", ""),
        **_system(disk),
    )


def nfs(appliance: Doc) -> NfsAppliance:
    """The file server of an appliance."""
    return NfsAppliance(
        appliance_id=appliance["id"],
        switch_id=appliance["switch_id"],
        address=appliance["address"],
        prefix_length=appliance["prefix_length"],
        size_gib=appliance["size_gib"],
    )
