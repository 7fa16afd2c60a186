"""Contract files as the lab would write them for the stacks of this checkout, without a lab."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from support.contract_hosts import host_key

STACKS = Path(__file__).parents[2] / "stacks"


def hand_over(stack: str, root: Path) -> None:
    """Write what the stack's `contracts` names below `root`."""
    shutil.copytree(STACKS / "contracts", root / "stacks/contracts", dirs_exist_ok=True)
    folder = root / ".kokunai/contracts"
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(sorted((STACKS / "deliveries").glob(f"{stack}-*.yaml"))):
        given = yaml.safe_load(path.read_text())
        hosts = [row for described in given["hosts"] for row in _rows(described, number)]
        network = {"cidr": "198.18.0.0/24", "access": "internet", "interface": "eth0"}
        row = {"state": "delivered", "delivered_on": "2026-11-28", "networks": {"shared": network}}
        contract = {**row, **given["row"], "hosts": hosts}
        (folder / path.name).write_text(
            yaml.safe_dump({"contracts": {given["contract"]: contract}})
        )


def _rows(described: dict[str, Any], number: int) -> list[dict[str, Any]]:
    name, count = described["name"], described.get("count")
    if count is None:
        return [_row(name, number, 0)]
    return [
        {**_row(f"{name}-t{tray:02}", number, tray), "rack": name, "tray": tray}
        for tray in range(count)
    ]


def _row(name: str, number: int, tray: int) -> dict[str, Any]:
    address = 100 * number + tray + 20
    return {"name": name, "address": f"198.18.0.{address}", "host_key": host_key(address)}
