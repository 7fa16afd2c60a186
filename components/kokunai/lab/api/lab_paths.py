"""Paths of the lab itself, below /_lab: what there is, and which faults to make; loopback only."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kokunai.lab import assembly

from .faults import Fault, Faults

if TYPE_CHECKING:
    from starlette.requests import Request

    from .call import Lab

_KINDS = {
    "servers": "server",
    "disks": "disk",
    "switches": "switch",
    "interfaces": "interface",
    "packet_filters": "packetfilter",
    "ssh_keys": "sshkey",
    "notes": "note",
    "appliances": "appliance",
}


def state_of(lab: Lab) -> dict[str, Any]:
    """Counts and names of everything in the store, and the machine's kind."""
    found = {plural: lab.store.all(kind) for plural, kind in _KINDS.items()}
    machines = lab.caretaker.machines
    return {
        "lab_id": lab.places.lab_id,
        "pid": os.getpid(),
        "port": lab.places.port,
        "slot": lab.places.slot,
        "shared_network": str(lab.places.shared_network),
        "machines": {"kind": machines.kind, "limits": machines.limits},
        "busy": lab.caretaker.busy(),
        "owed": len(lab.store.owed()),
        "counts": {plural: len(docs) for plural, docs in found.items()},
        "names": {plural: [_name(doc) for doc in docs] for plural, docs in found.items()},
        "servers": [_server(lab, doc) for doc in found["servers"]],
        "appliances": [_power(doc) for doc in found["appliances"]],
    }


def _name(doc: dict[str, Any]) -> str:
    return str(doc.get("name", doc["id"]))


def _power(doc: dict[str, Any]) -> dict[str, Any]:
    addresses = [doc["address"]] if "address" in doc else []
    shown = {name: doc[name] for name in ("id", "name", "zone", "status", "wanted", "problem")}
    return {**shown, "addresses": addresses}


def _server(lab: Lab, doc: dict[str, Any]) -> dict[str, Any]:
    disk = assembly.boot_disk(lab.store, doc["id"])
    nics = lab.store.of_server("interface", doc["id"])
    shared = lab.places.shared_network
    return {
        **_power(doc),
        "plan": doc["plan"]["Name"],
        "disk_id": disk["id"] if disk else "",
        "addresses": [
            str(shared[nic["shared_host"]]) if nic["shared_host"] else nic["user_ip_address"]
            for nic in nics
        ],
    }


def lab_routes(lab: Lab, faults: Faults) -> list[Route]:
    async def state(_: Request) -> Response:
        return JSONResponse({**state_of(lab), "calls": faults.tally.view()})

    async def show(_: Request) -> Response:
        return JSONResponse({"faults": [rule.view() for rule in faults.rules]})

    async def add(request: Request) -> Response:
        try:
            body = await request.json()
            rules = [Fault.parse(each) for each in (body if isinstance(body, list) else [body])]
        except (ValueError, TypeError) as problem:
            return JSONResponse({"error": str(problem)}, 400)
        faults.rules.extend(rules)
        return JSONResponse({"faults": [rule.view() for rule in faults.rules]}, 201)

    async def clear(_: Request) -> Response:
        faults.rules.clear()
        return JSONResponse({"faults": []})

    return [
        Route("/_lab/state", state),
        Route("/_lab/faults", show, methods=["GET"]),
        Route("/_lab/faults", add, methods=["POST"]),
        Route("/_lab/faults", clear, methods=["DELETE"]),
    ]
