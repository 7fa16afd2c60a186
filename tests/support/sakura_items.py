"""Items as Sakura's API sends them, for tests without an emulator."""

from __future__ import annotations

from typing import Any

PLAN = {"CPU": 4, "MemoryMB": 57344, "GPU": 1, "Commitment": "standard", "Generation": 200}


def server(id_: int | str = "113000000001", **changed: Any) -> dict[str, Any]:
    return {
        "ID": id_,
        "Name": "node",
        "Description": "",
        "Tags": ["mine"],
        "ServerPlan": PLAN,
        "Instance": {"Status": "down"},
        "Disks": [],
        "Interfaces": [],
        **changed,
    }


def page(plural: str, items: list[dict[str, Any]], start: int = 0, **changed: Any) -> dict:
    counts = {"From": start, "Count": len(items), "Total": start + len(items)}
    return {**counts, plural: items, "is_ok": True, **changed}
