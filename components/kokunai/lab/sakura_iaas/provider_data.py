"""Reads from YAML what the emulated provider sells: zones, plans, archives and prices."""

from __future__ import annotations

import functools
import itertools
import json
from importlib import resources
from typing import Any

import yaml

Row = dict[str, Any]


@functools.cache
def data(name: str) -> Any:
    """One file of the folder `data`, parsed once."""
    path = resources.files("kokunai.lab.sakura_iaas").joinpath("data", f"{name}.yaml")
    text = path.read_text("utf-8")
    return yaml.safe_load(text)


def region(region_id: str) -> Row:
    """One region as the API lists it."""
    row = data("zones")["regions"][region_id]
    return {
        "ID": int(region_id),
        "Name": row["name"],
        "Description": row["description"],
        "NameServers": row["name_servers"],
    }


@functools.cache
def regions() -> list[Row]:
    """All regions."""
    return [region(key) for key in data("zones")["regions"]]


@functools.cache
def zones() -> list[Row]:
    """All zones in the order in which the API lists them."""
    return [
        {
            "ID": row["id"],
            "DisplayOrder": order,
            "Name": row["name"],
            "Description": row["description"],
            "IsDummy": row.get("sandbox", False),
            "VNCProxy": None,
            "FTPServer": None,
            "Region": region(row["region"]),
        }
        for order, row in enumerate(data("zones")["zones"], 1)
    ]


def zone(name: str) -> Row | None:
    """The zone of a name, or None."""
    return next((row for row in zones() if row["Name"] == name), None)


def _server_plan(row: Row) -> Row:
    return {
        "ID": row["id"],
        "Name": row["name"],
        "CPU": row["cpu_count"],
        "MemoryMB": row["memory_gib"] * 1024,
        "GPU": row.get("gpu_count", 0),
        "GPUModel": row.get("gpu_model", ""),
        "CPUModel": row.get("cpu_model", "uncategorized"),
        "Commitment": "standard",
        "Generation": row["generation"],
        "ConfidentialVM": False,
        "ServiceClass": row["service_class"],
        "Availability": "available",
        "Description": "",
    }


def _ordinary_plans() -> list[Row]:
    table = data("server_plans")["ordinary"]
    pairs = [(c, m) for c, sizes in table["memory_gib_by_cpu_count"].items() for m in sizes]
    return [
        {
            "id": generation * 1_000_000 + memory_gib * 1000 + cpu_count,
            "name": f"プラン/{cpu_count}Core-{memory_gib}GB",
            "cpu_count": cpu_count,
            "memory_gib": memory_gib,
            "generation": generation,
            "service_class": f"cloud/plan/{cpu_count}core-{memory_gib}gb"
            + ("-g2" if generation == max(table["generations"]) else ""),
        }
        for generation, (cpu_count, memory_gib) in itertools.product(table["generations"], pairs)
    ]


@functools.cache
def server_plans(zone_name: str) -> list[Row]:
    """Server plans of a zone: ordinary ones, then those with GPUs."""
    gpu = [row for row in data("server_plans")["gpu"] if zone_name in row["zones"]]
    return [_server_plan(row) for row in [*_ordinary_plans(), *gpu]]


def pci_of(gpu_model: str) -> Row | None:
    """PCI ids of a GPU model of the API, or None for an unknown model."""
    row: Row | None = data("server_plans")["pci"].get(gpu_model)
    return row


def _disk_size(word: str, size_gib: int) -> Row:
    in_tib = size_gib >= 1024
    return {
        "Availability": "available",
        "DisplaySize": size_gib // 1024 if in_tib else size_gib,
        "DisplaySuffix": "TB" if in_tib else "GB",
        "ServiceClass": disk_service_class(word, size_gib),
        "SizeMB": size_gib * 1024,
    }


def disk_service_class(word: str, size_gib: int) -> str:
    """Key of the price list for a kind of disk and its size."""
    return f"cloud/disk/{word}/{size_gib}g"


@functools.cache
def disk_plans() -> list[Row]:
    """All disk plans with their sizes."""
    return [
        {
            "ID": row["id"],
            "Name": row["name"],
            "StorageClass": row["storage_class"],
            "Availability": "available",
            "Size": [_disk_size(row["word"], size_gib) for size_gib in row["sizes_gib"]],
        }
        for row in data("products")["disk_plans"]["plans"]
    ]


def disk_plan(plan_id: str) -> Row | None:
    """The disk plan of an id, or None."""
    return next((row for row in disk_plans() if str(row["ID"]) == plan_id), None)


@functools.cache
def internet_plans() -> list[Row]:
    """All bandwidths of routers."""
    return [
        {
            "ID": mbps,
            "Name": f"{mbps}Mbps共有",
            "BandWidthMbps": mbps,
            "ServiceClass": f"cloud/internet/router/{mbps}m",
            "Availability": "available",
        }
        for mbps in data("products")["internet_plans"]["mbps"]
    ]


def nfs_size_gib(plan_id: str) -> int | None:
    """Size of an NFS plan, or None for a plan that is not sold."""
    plans = data("products")["nfs_plans"]["plans"]
    sizes = {str(key): size for table in plans.values() for key, size in table.items()}
    return sizes.get(plan_id)


def nfs_note_content() -> str:
    """The JSON that the public note sys-nfs carries; clients find NFS plan ids in it."""
    plans = {
        word: [
            {"size": size, "availability": "available", "planId": plan_id}
            for plan_id, size in table.items()
        ]
        for word, table in data("products")["nfs_plans"]["plans"].items()
    }
    return json.dumps({"plans": plans})


def archives() -> list[Row]:
    """Rows of the public archives, with their ids by zone."""
    rows: list[Row] = data("products")["archives"]["archives"]
    return rows


@functools.cache
def cdroms(zone_name: str) -> list[Row]:
    """Public ISO images of a zone."""
    row = zone(zone_name) or {}
    moment = "2025-01-01T00:00:00+09:00"
    return [
        {
            "ID": str(113_800_000_000 + row["ID"] * 100 + image["number"]),
            "Name": image["name"],
            "Description": "",
            "Tags": image["tags"],
            "Icon": None,
            "Scope": "shared",
            "Availability": "available",
            "SizeMB": image["size_gib"] * 1024,
            "StorageClass": "iscsi1204",
            "DisplayOrder": image["number"],
            "CreatedAt": moment,
            "ModifiedAt": moment,
        }
        for image in data("media")["cdroms"]["images"]
    ]


def prices(zone_name: str) -> list[Row]:
    """The price list of a zone, in yen."""
    return [
        {
            "ServiceClassID": row["id"],
            "ServiceClassName": row["name"],
            "ServiceClassPath": row["path"],
            "DisplayName": row["display"],
            "ServiceCharge": "cloud/uptime",
            "IsPublic": True,
            "Price": {
                "Hourly": row["hourly"],
                "Daily": row["daily"],
                "Monthly": row["monthly"],
                "Zone": zone_name,
            },
        }
        for row in data("products")["prices"]["classes"]
        if zone_name in row["zones"]
    ]
