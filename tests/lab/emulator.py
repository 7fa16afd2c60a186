"""All emulators over real HTTP on a free port, with hosts that only remember what was asked."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from sakura_account import SakuraAccount

from kokunai.lab.application import build
from kokunai.lab.credentials import Credentials, credentials_of
from kokunai.lab.delays import Delays
from kokunai.lab.machines import Machines, NoMachines
from kokunai.lab.places import Places
from kokunai.lab.port_slots import claim
from kokunai.lab.services import Services

AT_ONCE = Delays(copy_seconds=0, boot_seconds=0, stop_seconds=0)


class Recorder(NoMachines):
    """Remembers what it was asked; a boot waits while `gate` is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, ...]] = []
        self.booted: dict[str, Any] = {}
        self.gate = threading.Event()
        self.gate.set()

    def ensure_switch(self, switch_id):
        self.calls.append(("ensure_switch", switch_id))

    def remove_switch(self, switch_id):
        self.calls.append(("remove_switch", switch_id))

    def boot(self, machine):
        self.gate.wait(30)
        self.calls.append(("boot", machine.server_id))
        self.booted[machine.server_id] = machine
        super().boot(machine)

    def power_off(self, server_id, *, force):
        self.calls.append(("power_off", server_id, force))
        super().power_off(server_id, force=force)

    def set_filter(self, server_id, interface_id, rules):
        self.calls.append(("set_filter", server_id, interface_id, rules))

    def remove_machine(self, server_id):
        self.calls.append(("remove_machine", server_id))

    def remove_disk(self, disk_id):
        self.calls.append(("remove_disk", disk_id))

    def ensure_nfs(self, appliance):
        self.calls.append(("ensure_nfs", appliance))

    def remove_nfs(self, appliance_id):
        self.calls.append(("remove_nfs", appliance_id))


@dataclass
class Api(SakuraAccount):
    """A client of an emulator in this process, and what is inside the emulator."""

    services: Services = field(kw_only=True)
    machines: Any = field(kw_only=True)
    stop: Callable[[], None] = field(kw_only=True)

    @property
    def places(self) -> Places:
        return self.services.places

    @property
    def credentials(self) -> Credentials:
        return credentials_of(self.places)


# Certificates take longer to read than most of these tests, and loopback has none.
_UNUSED_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _serve(server: uvicorn.Server, sockets: list[Any]) -> threading.Thread:
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=sockets)))
    thread.start()
    return thread


def open_emulator(directory: Path, machines: Machines, delays: Delays) -> Api:
    directory.mkdir(exist_ok=True)
    slot = claim(directory, None)
    services = Services(slot.places, machines, delays)
    credentials = credentials_of(slot.places)
    config = uvicorn.Config(build(services), http="h11", ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = _serve(server, [slot.server])
    services.resume()
    auth = (credentials.token, credentials.secret)
    client = httpx.Client(auth=auth, timeout=30, trust_env=False, verify=_UNUSED_TLS)

    def stop() -> None:
        client.close()
        server.should_exit = True
        thread.join()
        slot.server.close()
        slot.network_lock.close()
        getattr(machines, "gate", threading.Event()).set()
        services.close()

    return Api(slot.places.url, client, services=services, machines=machines, stop=stop)
