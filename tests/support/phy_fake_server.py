"""Sakura's own fake server of the PHY API, built from the Go module proxy and kept in the cache."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "v0.1.3"
_MODULE = "github.com/sacloud/phy-api-go"
_COMMAND = f"{_MODULE}/cmd/phy-api-go-fake-server"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "kokunai"
_LOCK_NANOSECONDS = 300_000_000
"""How long the fake takes for each step of what it does in the background."""


def program() -> Path:
    """The server's executable; skips the test where there is no Go."""
    built = _CACHE / f"phy-api-go-fake-server-{VERSION}-{platform.machine()}"
    if not built.exists():
        if shutil.which("go") is None:
            pytest.skip("Go is not installed, so Sakura's fake server cannot be built")
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
            _build(Path(folder)).rename(built)
    return built


def _build(folder: Path) -> Path:
    text = f"module kokunai.local/phy\n\ngo 1.21\n\nrequire {_MODULE} {VERSION}\n"
    (folder / "go.mod").write_text(text)
    made = folder / "server"
    done = subprocess.run(
        ["go", "build", "-o", str(made), _COMMAND],
        cwd=folder,
        env={**os.environ, "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return made


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The root URL of a server with two GPU servers under contract."""
    data = folder / "data.json"
    data.write_text(json.dumps(_account()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [str(program()), "--addr", address, "--data", str(data)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(f"http://{address}/ping", process)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("the fake server did not start")


def _account() -> dict[str, Any]:
    ids = ["100000000001", "100000000002"]
    network = "300000000001"
    return {
        "Services": [_service(one) for one in ids],
        "Servers": [_server(one, number) for number, one in enumerate(ids)],
        "DedicatedSubnets": [],
        "PrivateNetworks": [
            {
                "hybrid": {"destinations": None, "service_id": ""},
                "private_network_id": network,
                "server_count": 0,
                "service": _quiet(network),
                "vlan_id": 3001,
                "zone": {"region": "石狩", "zone_id": 303},
            }
        ],
        "ActionInterval": _LOCK_NANOSECONDS,
        "GeneratedID": 9000,
    }


def _quiet(service_id: str) -> dict[str, Any]:
    return {
        "activated": "2026-10-01T00:00:00+09:00",
        "description": None,
        "nickname": f"n-{service_id[-2:]}",
        "service_id": service_id,
    }


def _service(service_id: str) -> dict[str, Any]:
    return {
        **_quiet(service_id),
        "plan": {"name": "高火力 PHY NVIDIA H200 141GB x8", "plan_id": "gpu-h200x8"},
        "product_category": "server",
        "tags": [{"color": "ffffff", "label": "kokunai", "tag_id": 1}],
    }


def _server(server_id: str, number: int) -> dict[str, Any]:
    # It says that it is bonded, but has two ports: the fake never changes what it says.
    channel, ports = 1001 + number, [2001 + 2 * number, 2002 + 2 * number]
    power = {"status": "off", "stored": "2026-10-01T00:00:00+09:00"}
    return {
        "Server": {
            "cached_power_status": power,
            "ipv4": {
                "gateway_address": "192.0.2.1",
                "ip_address": f"192.0.2.{11 + number}",
                "name_servers": ["198.51.100.1"],
                "network_address": "192.0.2.0",
                "prefix_length": 24,
                "type": "common_ip_address",
            },
            "lock_status": None,
            "port_channels": [
                {
                    "bonding_type": "lacp",
                    "link_speed_type": "10gbe",
                    "locked": False,
                    "port_channel_id": channel,
                    "ports": ports,
                }
            ],
            "ports": [_port(one, channel) for one in ports],
            "server_id": server_id,
            "service": _quiet(server_id),
            "spec": {
                "cpu_clock_speed": 2,
                "cpu_core_count": 112,
                "cpu_count": 2,
                "cpu_model_name": "Xeon 8480",
                "memory_size": 2048,
                "port_channel_10gbe_count": 1,
                "port_channel_1gbe_count": 0,
                "storages": [],
                "total_storage_device_count": 0,
            },
            "zone": {"region": "石狩", "zone_id": 303},
        },
        "RaidStatus": None,
        "OSImages": [
            {
                "manual_partition": True,
                "name": "Ubuntu 22.04 x86_64",
                "os_image_id": "ubuntu2204",
                "require_password": True,
                "superuser_name": "ubuntu",
                "public_key_authentication": True,
            }
        ],
        "PowerStatus": {"status": "off"},
    }


def _port(port_id: int, channel: int) -> dict[str, Any]:
    return {
        "enabled": False,
        "global_bandwidth_mbps": None,
        "internet": None,
        "local_bandwidth_mbps": None,
        "mode": None,
        "nickname": f"port {port_id}",
        "port_channel_id": channel,
        "port_id": port_id,
        "private_networks": None,
    }
