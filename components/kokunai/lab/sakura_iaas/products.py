"""Handlers for lists that nobody can change: zones, plans, ISO images, prices, and the account."""

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


def _cdroms(call: Call) -> list[dict[str, Any]]:
    return provider_data.cdroms(call.zone)


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
    "cdrom": ("CDROM", "CDROMs", _cdroms),
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
