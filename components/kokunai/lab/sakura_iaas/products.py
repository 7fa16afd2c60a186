"""Handlers for lists that nobody can change: zones, plans, archives, prices, and the account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kokunai.lab.sakura_iaas import provider_data
from kokunai.lab.sakura_iaas.call import Call, Reply, page, single
from kokunai.lab.sakura_iaas.errors import refuse

Rows = Callable[[Call], list[dict[str, Any]]]
Handler = Callable[[Call], Reply]


def listing(name: str, rows: Rows) -> Handler:
    """A handler that lists rows under their name in the plural."""
    return lambda call: page(call, name, rows(call))


def reading(name: str, rows: Rows) -> Handler:
    """A handler that gives the row with the id in the path."""

    def read(call: Call) -> Reply:
        matching = [row for row in rows(call) if str(row["ID"]) == call.id]
        if not matching:
            refuse("not_found", call.id)
        return single(name, matching[0])

    return read


def _archive(row: dict[str, Any], zone: str) -> dict[str, Any]:
    return {
        "ID": row["ids"][zone],
        "Name": row["name"],
        "Description": "",
        "Tags": row["tags"],
        "Icon": None,
        "Scope": "shared",
        "Availability": "available",
        "SizeMB": row["size_gib"] * 1024,
        "MigratedMB": row["size_gib"] * 1024,
        "ServiceClass": "cloud/archive/20g",
        "Plan": {"ID": 2, "Name": "標準プラン", "StorageClass": "iscsi1204"},
        "CreatedAt": "2025-01-01T00:00:00+09:00",
        "ModifiedAt": "2025-01-01T00:00:00+09:00",
    }


def archives(call: Call) -> list[dict[str, Any]]:
    """Public archives of the call's zone."""
    rows = provider_data.data("products")["archives"]["archives"]
    return [_archive(row, call.zone) for row in rows if call.zone in row["ids"]]


TABLES: dict[str, tuple[str, str, Rows]] = {
    "zone": ("Zone", "Zones", lambda _: provider_data.zones()),
    "region": ("Region", "Regions", lambda _: provider_data.regions()),
    "product/server": (
        "ServerPlan",
        "ServerPlans",
        lambda call: provider_data.server_plans(call.zone),
    ),
    "product/disk": ("DiskPlan", "DiskPlans", lambda _: provider_data.disk_plans()),
    "product/internet": ("InternetPlan", "InternetPlans", lambda _: provider_data.internet_plans()),
    "archive": ("Archive", "Archives", archives),
}


def list_prices(call: Call) -> Reply:
    """GET public/price."""
    return page(call, "ServiceClasses", provider_data.prices(call.zone))


def public_prices(call: Call) -> Reply:
    """The price list that needs no key; a map by row number instead of a list."""
    rows = provider_data.prices(call.zone)
    numbered = {str(index): row for index, row in enumerate(rows)}
    counts = {"From": 0, "Count": len(rows), "Total": len(rows)}
    return Reply(200, {**counts, "ServiceClasses": numbered, "is_ok": True})


def auth_status(call: Call) -> Reply:
    """GET auth-status."""
    account = {"ID": "113000000000", "Name": "lab", "Class": "account", "Code": "lab"}
    return Reply(
        200,
        {
            "Account": account,
            "Member": {"Class": "member", "Code": call.cloud.places.lab_id},
            "AuthClass": "account",
            "AuthMethod": "apikey",
            "ExternalPermission": "",
            "IsAPIKey": True,
            "OperationPenalty": "none",
            "Permission": "create",
            "is_ok": True,
        },
    )
