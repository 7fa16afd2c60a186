"""Builds the bodies of the IaaS API's requests as Sakura's own client sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Body = dict[str, Any]
SHARED = "shared"
"""The switch id that stands for the shared segment, which faces the internet."""
MIB_PER_GIB = 1024


def server(
    *,
    name: str,
    description: str,
    tags: Sequence[str],
    plan: Body,
    switch_ids: Sequence[str],
) -> Body:
    return {
        "Server": {
            "Name": name,
            "Description": description,
            "Tags": list(tags),
            "InterfaceDriver": "virtio",
            "ServerPlan": {**plan, "ConfidentialVM": False},
            "WaitDiskMigration": False,
            "ConnectedSwitches": [connected_switch(switch_id) for switch_id in switch_ids],
        }
    }


def connected_switch(switch_id: str) -> Body:
    """A network interface of a server to be made."""
    return {"Scope": SHARED} if switch_id == SHARED else {"ID": int(switch_id)}


def server_plan(plan: Mapping[str, Any]) -> Body:
    """The plan of a server to be made or changed; zero and empty fields match any plan."""
    wanted: Body = {
        "CPU": plan["cpuCount"],
        "MemoryMB": plan["memoryGib"] * MIB_PER_GIB,
        "GPU": plan.get("gpuCount") or 0,
        "GPUModel": plan.get("gpuModel") or "",
        "CPUModel": plan.get("cpuModel") or "",
        "Commitment": plan.get("commitment") or "standard",
        "Generation": plan.get("generation") or 0,
    }
    return {key: value for key, value in wanted.items() if value not in (0, "")}


def disk(
    *,
    name: str,
    tags: Sequence[str],
    size_gib: int,
    plan_id: int,
    server_id: str,
    archive_id: str | None = None,
    config: Body | None = None,
) -> Body:
    """A disk connected to a server; `config` is applied when the copy of the archive ends."""
    made: Body = {
        "Name": name,
        "Description": "",
        "Tags": list(tags),
        "SizeMB": size_gib * MIB_PER_GIB,
        "Connection": "virtio",
        "Plan": {"ID": plan_id},
        "Server": {"ID": int(server_id)},
    }
    if archive_id is not None:
        made["SourceArchive"] = {"ID": int(archive_id)}
    body: Body = {"Disk": made}
    if config is not None:
        body |= {"Config": config, "BootAtAvailable": False}
    return body


def disk_config(
    *,
    host_name: str,
    ssh_key_ids: Sequence[str] = (),
    ssh_public_keys: Sequence[str] = (),
    password: str = "",
    disable_password_login: bool = True,
    note_ids: Sequence[str] = (),
    address: str = "",
    prefix_length: int = 0,
    gateway: str = "",
) -> Body:
    """What the API writes into the disk of a server before it boots."""
    config: Body = {"HostName": host_name, "DisablePWAuth": disable_password_login}
    keys: list[Body] = [{"ID": int(key_id)} for key_id in ssh_key_ids]
    keys += [{"PublicKey": key} for key in ssh_public_keys]
    if keys:
        config["SSHKeys"] = keys
    if password:
        config["Password"] = password
    if note_ids:
        config["Notes"] = [{"ID": int(note_id), "Variables": {}} for note_id in note_ids]
    if address:
        config["UserIPAddress"] = address
        config["UserSubnet"] = {"DefaultRoute": gateway, "NetworkMaskLen": prefix_length}
    return config


def switch(*, name: str, description: str, tags: Sequence[str]) -> Body:
    return {"Switch": {"Name": name, "Description": description, "Tags": list(tags)}}


def internet(
    *, name: str, description: str, tags: Sequence[str], prefix_length: int, bandwidth_mbps: int
) -> Body:
    """A router with a switch and a block of addresses."""
    return {
        "Internet": {
            "Name": name,
            "Description": description,
            "Tags": list(tags),
            "NetworkMaskLen": prefix_length,
            "BandWidthMbps": bandwidth_mbps,
        }
    }


def packet_filter(*, name: str, description: str, rules: Sequence[Mapping[str, str]]) -> Body:
    return {
        "PacketFilter": {
            "Name": name,
            "Description": description,
            "Expression": [expression(rule) for rule in rules],
        }
    }


def expression(rule: Mapping[str, str]) -> Body:
    """One rule of a packet filter; what is left out is the empty string."""
    return {
        "Protocol": rule["protocol"],
        "SourceNetwork": rule.get("sourceNetwork", ""),
        "SourcePort": rule.get("sourcePort", ""),
        "DestinationPort": rule.get("destinationPort", ""),
        "Action": rule["action"],
        "Description": rule.get("description", ""),
    }


def ssh_key(*, name: str, description: str, public_key: str) -> Body:
    return {"SSHKey": {"Name": name, "Description": description, "PublicKey": public_key}}


def note(*, name: str, content: str) -> Body:
    """A startup script; the API makes its description from the content."""
    return {"Note": {"Name": name, "Class": "shell", "Content": content}}


def nfs(
    *,
    name: str,
    description: str,
    tags: Sequence[str],
    plan_id: int,
    switch_id: str,
    address: str,
    prefix_length: int,
    gateway: str,
) -> Body:
    """A file server; it boots by itself when it is ready."""
    network: Body = {"NetworkMaskLen": prefix_length}
    if gateway:
        network["DefaultRoute"] = gateway
    return {
        "Appliance": {
            "Class": "nfs",
            "Name": name,
            "Description": description,
            "Tags": list(tags),
            "Plan": {"ID": plan_id},
            "Remark": {
                "Switch": {"ID": int(switch_id)},
                "Network": network,
                "Servers": [{"IPAddress": address}],
                "Plan": {"ID": plan_id},
            },
        }
    }
