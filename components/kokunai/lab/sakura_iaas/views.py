"""Translates documents of the store into what the API shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_iaas import icons, provider_data

if TYPE_CHECKING:
    from kokunai.lab.sakura_iaas.call import Cloud
    from kokunai.lab.store import Doc, Store

View = dict[str, Any]
# The API shows the shared segment as a switch, whose id must always be the same.
SHARED_SWITCH_ID = "113000000001"
_SHARED_SUBNET_ID = 1
_SHARED_MBPS = 100


def common(cloud: Cloud, doc: Doc) -> View:
    """The fields that most resources have."""
    return {
        "ID": doc["id"],
        "Name": doc["name"],
        "Description": doc["description"],
        "Tags": doc["tags"],
        "Icon": icons.view_in(cloud.store, doc),
        "CreatedAt": doc["created_at"],
        "ModifiedAt": doc["modified_at"],
    }


def zone_of(doc: Doc) -> View | None:
    """The zone as other resources show it; None for what belongs to the account."""
    return provider_data.zone(doc["zone"])


def instance(doc: Doc) -> View:
    """Power state of a server or an appliance."""
    is_on = doc["status"] == "up"
    host = {"Name": f"sac-{doc['zone']}-lab", "InfoURL": "", "Class": "dynamic"}
    return {
        "Status": doc["status"],
        "BeforeStatus": doc["before_status"],
        "StatusChangedAt": doc["status_changed_at"],
        "ModifiedAt": doc["modified_at"],
        "Host": host if is_on else None,
        "Warnings": doc["problem"],
        "WarningsValue": 1 if doc["problem"] else 0,
        "CDROM": {"ID": doc["cdrom_id"]} if doc.get("cdrom_id") else None,
    }


def shared_subnet(cloud: Cloud) -> View:
    """The network of the shared segment."""
    network = cloud.places.shared_network
    return {
        "ID": _SHARED_SUBNET_ID,
        "NetworkAddress": str(network.network_address),
        "NetworkMaskLen": network.prefixlen,
        "DefaultRoute": cloud.places.gateway,
        "Internet": {"BandWidthMbps": _SHARED_MBPS},
    }


def _switch_of_interface(cloud: Cloud, doc: Doc) -> View | None:
    if doc["switch_id"] is None:
        return None
    if doc["switch_id"] == "shared":
        base = {"ID": SHARED_SWITCH_ID, "Name": "スイッチ", "Scope": "shared"}
        subnet = shared_subnet(cloud)
        shown = {name: subnet[name] for name in ("DefaultRoute", "NetworkMaskLen")}
        return {**base, "Subnet": subnet, "UserSubnet": shown}
    switch = cloud.store.get("switch", doc["switch_id"])
    if switch is None:
        return None
    subnet = doc.get("user_subnet") or switch["user_subnet"]
    base = {"ID": switch["id"], "Name": switch["name"], "Scope": "user"}
    return {**base, "Subnet": None, "UserSubnet": subnet}


def interface(cloud: Cloud, doc: Doc) -> View:
    """An interface without its server, as a server shows it."""
    shared = doc["shared_host"]
    rules = doc["packet_filter_id"] and cloud.store.get("packetfilter", doc["packet_filter_id"])
    return {
        "ID": doc["id"],
        "MACAddress": doc["mac_address"],
        "IPAddress": str(cloud.places.shared_network[shared]) if shared else None,
        "UserIPAddress": doc["user_ip_address"] or None,
        "HostName": None,
        "Switch": _switch_of_interface(cloud, doc),
        "PacketFilter": {"ID": rules["id"], "Name": rules["name"], "RequiredHostVersion": 0}
        if rules
        else None,
    }


def whole_interface(cloud: Cloud, doc: Doc) -> View:
    """An interface with the server it belongs to."""
    server = doc["server_id"] and cloud.store.get("server", doc["server_id"])
    owner = {"ID": server["id"], "Name": server["name"]} if server else None
    return {**interface(cloud, doc), "Server": owner, "CreatedAt": doc["created_at"]}


def _storage(doc: Doc) -> View:
    plan = provider_data.disk_plan(doc["plan_id"]) or {}
    return {
        "ID": f"113000{doc.get('storage', 0):03}{doc['plan_id']:0>3}",
        "Name": "lab",
        "Class": plan.get("StorageClass"),
    }


def _plan_of_disk(doc: Doc) -> View:
    plan = provider_data.disk_plan(doc["plan_id"]) or {}
    return {key: plan.get(key) for key in ("ID", "Name", "StorageClass")}


def connected_disk(doc: Doc, migrated_mb: int) -> View:
    """A disk without its server, as a server shows it."""
    return {
        "ID": doc["id"],
        "Name": doc["name"],
        "Connection": doc["connection"],
        "ConnectionOrder": doc["connection_order"] if doc["server_id"] else None,
        "EncryptionAlgorithm": doc.get("encryption_algorithm", "none"),
        "EncryptionKey": {"KMSKeyID": doc["kms_key_id"]} if doc.get("kms_key_id") else None,
        "ReinstallCount": 0,
        "SizeMB": doc["size_mb"],
        "MigratedMB": migrated_mb,
        "Availability": doc["availability"],
        "ServiceClass": doc["service_class"],
        "Plan": _plan_of_disk(doc),
        "Storage": _storage(doc),
        "BundleInfo": None,
    }


def disk(cloud: Cloud, doc: Doc) -> View:
    """A disk with the server it belongs to."""
    server = doc["server_id"] and cloud.store.get("server", doc["server_id"])
    archive = doc["source_archive_id"]
    return {
        **connected_disk(doc, cloud.reconciler.migrated_mb(doc)),
        **common(cloud, doc),
        "JobStatus": None,
        "SourceArchive": {"ID": archive, "Availability": "available"} if archive else None,
        "SourceDisk": None,
        "Server": {"ID": server["id"], "Name": server["name"]} if server else None,
    }


def server(cloud: Cloud, doc: Doc) -> View:
    """A server with its disks and interfaces."""
    disks = sorted(
        cloud.store.of_server("disk", doc["id"]), key=lambda disk: int(disk["connection_order"])
    )
    return {
        **common(cloud, doc),
        "Availability": "available",
        "HostName": doc["host_name"],
        "ServiceClass": doc["plan"]["ServiceClass"],
        "InterfaceDriver": doc["interface_driver"],
        "ServerPlan": doc["plan"],
        "Zone": zone_of(doc),
        "Instance": instance(doc),
        "Disks": [connected_disk(each, cloud.reconciler.migrated_mb(each)) for each in disks],
        "Interfaces": [
            interface(cloud, nic) for nic in cloud.store.of_server("interface", doc["id"])
        ],
        "PrivateHost": None,
        "BundleInfo": None,
        "WaitDiskMigration": doc.get("wait_disk_migration", False),
    }


def server_count(store: Store, switch_id: str) -> int:
    """How many servers are connected to a switch."""
    nics = store.of_switch("interface", switch_id)
    return len({nic["server_id"] for nic in nics if nic["server_id"]})


def switch(cloud: Cloud, doc: Doc) -> View:
    """A switch and what is connected to it."""
    return {
        **common(cloud, doc),
        "Scope": "user",
        "Subnet": None,
        "UserSubnet": doc["user_subnet"],
        "Zone": zone_of(doc),
        "Internet": doc.get("internet"),
        "Subnets": doc.get("subnets", []),
        "IPv6Nets": [],
        "Bridge": {"ID": doc["bridge_id"]} if doc.get("bridge_id") else None,
        "HybridConnection": None,
        "ServiceClass": "cloud/switch/default",
        "ServerCount": server_count(cloud.store, doc["id"]),
        "ApplianceCount": len(cloud.store.of_switch("appliance", doc["id"])),
    }
