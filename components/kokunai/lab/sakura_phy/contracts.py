"""What the emulated account has under contract, as documents of the store."""

from __future__ import annotations

import functools
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from kokunai.lab.store import Doc, Store

SERVER = "phy_server"
_FIRST_HOST = 200
"""Host numbers of the shared segment from here on; the other emulator begins at the lowest."""
_HOSTS = 55


@functools.cache
def data() -> dict[str, Any]:
    """The file of this package, parsed once."""
    path = resources.files("kokunai.lab.sakura_phy").joinpath("data", "contracts.yaml")
    parsed: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return parsed


def sign(store: Store) -> None:
    """Put all servers into an empty store."""
    if store.all(SERVER):
        return
    number = 0
    for row in data()["servers"]:
        for index in range(row["count"]):
            add_server(store, str(row["first"] + index), row, number)
            number += 1


def add_server(store: Store, server_id: str, row: dict[str, Any], number: int) -> Doc:
    """One more server under contract: off, without an operating system, connected to nothing."""
    ports = [_port(2 * number + 1), _port(2 * number + 2)]
    doc = {
        "id": server_id,
        "zone": "",
        "number": number,
        "nickname": f"{row['model'].lower()}-{server_id[-3:]}",
        "description": None,
        "tags": [data()["tag"]],
        "plan": {"plan_id": row["plan_id"], "name": row["plan"]},
        "model": row["model"],
        "host": _FIRST_HOST + number % _HOSTS,
        "power": "off",
        "wanted": "off",
        "force": False,
        "lock": None,
        "bonding": "single",
        "channel_id": 1000 + number,
        "ports": ports,
        "last_port_id": 2 * number + 2,
        "disk_id": "",
        "system": {},
        "problem": "",
    }
    store.put(SERVER, doc)
    return doc


def _port(port_id: int) -> Doc:
    return new_port(port_id, f"port {port_id}")


def new_port(port_id: int, nickname: str) -> Doc:
    """A logical port that is connected to nothing."""
    return {
        "id": port_id,
        "nickname": nickname,
        "enabled": True,
        "mode": None,
        "internet_type": None,
        "dedicated_subnet_id": None,
        "private_network_ids": [],
    }


def row_of(section: str, row_id: str | None) -> dict[str, Any] | None:
    """A network of this id, None without it."""
    return next((row for row in data()[section] if row["id"] == row_id), None)
