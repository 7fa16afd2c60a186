"""Requests against the ones recorded from Sakura's own Go client (iaas-api-go v1.29.2)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from kokunai.drivers import sakura_iaas, sakura_requests
from kokunai.drivers.sakura_http import SakuraHttp
from kokunai.drivers.sakura_iaas import SakuraIaas
from support.sakura_items import page, server

PLAN = {"cpuCount": 4, "memoryGib": 56, "gpuCount": 1, "generation": 200, "commitment": "standard"}

GOLDEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "server": (
        sakura_requests.server(
            name="node",
            description="a node",
            tags=["t"],
            plan=sakura_requests.server_plan(PLAN),
            switch_ids=["shared", "113000000001"],
        ),
        {
            "Server": {
                "Name": "node",
                "Description": "a node",
                "Tags": ["t"],
                "InterfaceDriver": "virtio",
                "ServerPlan": {
                    "CPU": 4,
                    "MemoryMB": 57344,
                    "GPU": 1,
                    "Commitment": "standard",
                    "Generation": 200,
                    "ConfidentialVM": False,
                },
                "WaitDiskMigration": False,
                "ConnectedSwitches": [{"Scope": "shared"}, {"ID": 113000000001}],
            }
        },
    ),
    "disk": (
        sakura_requests.disk(
            name="node-0",
            tags=[],
            size_gib=100,
            plan_id=4,
            server_id="113000000002",
            archive_id="113000000003",
            config=sakura_requests.disk_config(
                host_name="node",
                ssh_public_keys=["ssh-ed25519 AAAA"],
                password="a long password",
                note_ids=["113000000004"],
                address="192.168.0.2",
                prefix_length=24,
                gateway="192.168.0.1",
            ),
        ),
        {
            "Disk": {
                "Name": "node-0",
                "SizeMB": 102400,
                "Connection": "virtio",
                "Plan": {"ID": 4},
                "SourceArchive": {"ID": 113000000003},
                "Server": {"ID": 113000000002},
            },
            "Config": {
                "Password": "a long password",
                "SSHKeys": [{"PublicKey": "ssh-ed25519 AAAA"}],
                "DisablePWAuth": True,
                "HostName": "node",
                "Notes": [{"ID": 113000000004, "Variables": {}}],
                "UserIPAddress": "192.168.0.2",
                "UserSubnet": {"DefaultRoute": "192.168.0.1", "NetworkMaskLen": 24},
            },
        },
    ),
    "switch": (
        sakura_requests.switch(name="lan", description="", tags=[]),
        {"Switch": {"Name": "lan"}},
    ),
    "packet filter": (
        sakura_requests.packet_filter(
            name="ssh",
            description="",
            rules=[
                {
                    "protocol": "tcp",
                    "sourceNetwork": "10.0.0.0/8",
                    "destinationPort": "22",
                    "action": "allow",
                }
            ],
        ),
        {
            "PacketFilter": {
                "Name": "ssh",
                "Expression": [
                    {
                        "Protocol": "tcp",
                        "SourceNetwork": "10.0.0.0/8",
                        "DestinationPort": "22",
                        "SourcePort": "",
                        "Action": "allow",
                        "Description": "",
                    }
                ],
            }
        },
    ),
    "ssh key": (
        sakura_requests.ssh_key(name="me", description="", public_key="ssh-ed25519 AAAA"),
        {"SSHKey": {"Name": "me", "PublicKey": "ssh-ed25519 AAAA"}},
    ),
    "note": (
        sakura_requests.note(name="script", content="#!/bin/sh\n"),
        {"Note": {"Name": "script", "Class": "shell", "Content": "#!/bin/sh\n"}},
    ),
    "nfs": (
        sakura_requests.nfs(
            name="share",
            description="",
            tags=[],
            plan_id=201,
            switch_id="113000000001",
            address="192.168.0.9",
            prefix_length=24,
            gateway="192.168.0.1",
        ),
        {
            "Appliance": {
                "Class": "nfs",
                "Plan": {"ID": 201},
                "Remark": {
                    "Switch": {"ID": 113000000001},
                    "Network": {"DefaultRoute": "192.168.0.1", "NetworkMaskLen": 24},
                    "Servers": [{"IPAddress": "192.168.0.9"}],
                    "Plan": {"ID": 201},
                },
            }
        },
    ),
}

CALLS = [
    ("power_on", (sakura_iaas.SERVER, "is1a", "1"), {}, "PUT", "server/1/power", None),
    (
        "power_off",
        (sakura_iaas.SERVER, "is1a", "1"),
        {"force": True},
        "DELETE",
        "server/1/power",
        {"Force": True},
    ),
    ("delete_server", ("is1a", "1", ["2", "3"]), {}, "DELETE", "server/1", {"WithDisk": [2, 3]}),
    ("connect_disk", ("is1a", "2", "1"), {}, "PUT", "disk/2/to/server/1", None),
    ("connect_filter", ("is1a", "4", "5"), {}, "PUT", "interface/4/to/packetfilter/5", None),
    ("connect_switch", ("is1a", "4", "shared"), {}, "PUT", "interface/4/to/switch/shared", None),
    (
        "change_plan",
        ("is1a", "1", sakura_requests.server_plan({**PLAN, "gpuCount": 0})),
        {},
        "PUT",
        "server/1/plan",
        {"CPU": 4, "MemoryMB": 57344, "Generation": 200, "Commitment": "standard"},
    ),
]


SURPLUS: dict[str, dict[str, Any]] = {
    "disk": {"Disk.Description": "", "Disk.Tags": [], "BootAtAvailable": False},
    "switch": {"Switch.Description": "", "Switch.Tags": []},
    "packet filter": {"PacketFilter.Description": ""},
    "ssh key": {"SSHKey.Description": ""},
    "nfs": {"Appliance.Name": "share", "Appliance.Description": "", "Appliance.Tags": []},
}
"""What we say and the recorded client leaves out: empty values, and the name it was not given."""


def differences(golden: Any, ours: Any, path: str = "") -> dict[str, Any]:
    """What is missing or otherwise in our body, and what only we have, by its place."""
    if isinstance(golden, dict) and isinstance(ours, dict):
        places = {key: f"{path}.{key}".removeprefix(".") for key in golden | ours}
        found = {place: ours[key] for key, place in places.items() if key not in golden}
        found |= {place: "missing" for key, place in places.items() if key not in ours}
        for key in golden.keys() & ours.keys():
            found |= differences(golden[key], ours[key], places[key])
        return found
    if isinstance(golden, list) and isinstance(ours, list) and len(golden) == len(ours):
        pairs = enumerate(zip(golden, ours, strict=True))
        parts = [differences(*pair, f"{path}[{index}]") for index, pair in pairs]
        return {place: value for part in parts for place, value in part.items()}
    return {} if golden == ours else {path: ours}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_body_is_the_recorded_one_but_for_what_is_listed(name: str) -> None:
    ours, golden = GOLDEN[name]

    assert differences(golden, ours) == SURPLUS.get(name, {})


@pytest.mark.parametrize(
    ("name", "args", "named", "method", "path", "body"),
    CALLS,
    ids=lambda one: one if isinstance(one, str) else "",
)
async def test_a_call_goes_where_the_recorded_one_goes(  # noqa: PLR0917
    name, args, named, method, path, body
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"Server": server(), "Success": True, "is_ok": True})

    async with SakuraHttp("t", "s", transport=httpx.MockTransport(answer)) as http:
        await getattr(SakuraIaas(http), name)(*args, **named)

    (request,) = seen
    assert (request.method, request.url.path) == (
        method,
        f"/cloud/zone/is1a/api/cloud/1.1/{path}",
    )
    assert (json.loads(request.content) if request.content else None) == body


async def test_a_search_sends_json_as_the_query_and_asks_for_every_page() -> None:
    queries: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        queries.append(json.loads(httpx.URL(request.url).query and _text(request)))
        first = 200 * len(queries) - 200
        items = [server(113000000000 + n) for n in range(first, min(first + 200, 350))]
        return httpx.Response(200, json=page("Servers", items, first, Total=350))

    async with SakuraHttp("t", "s", transport=httpx.MockTransport(answer)) as http:
        found = await SakuraIaas(http).find_tagged(sakura_iaas.SERVER, "is1a", "mine")

    assert len(found) == 350
    assert [query["From"] for query in queries] == [0, 200]
    assert queries[0]["Filter"] == {"Tags.Name": [["mine"]]}


def _text(request: httpx.Request) -> str:
    from urllib.parse import unquote

    return unquote(request.url.query.decode())
