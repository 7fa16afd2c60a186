"""Takes a port and an address range for a lab: the first slot that is free."""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from kokunai.errors import KokunaiError
from kokunai.lab.places import Places

_SLOT_COUNT = 32
_PATIENCE_SECONDS = 1.0
"""How long to wait for the recorded slot, whose port a killed daemon may hold a moment longer.

Another slot would change the address of every host.
"""


@dataclass(frozen=True)
class PortSlot:
    """A slot, held while its sockets are open, so that the end of the process frees it."""

    places: Places
    server: socket.socket
    network_lock: socket.socket


def _server_socket(port: int) -> socket.socket:
    # asyncio turns off Nagle's delay (40 ms per call) only where the protocol is given explicitly.
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen(512)
    except OSError:
        server.close()
        raise
    return server


def _network_lock(network: ipaddress.IPv4Network) -> socket.socket:
    """An abstract socket that only one process can bind, as a lock of an address range."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind(f"\0kokunai-lab-{network.network_address}")
    except OSError:
        lock.close()
        raise
    return lock


def _routed(network: ipaddress.IPv4Network, table: str) -> bool:
    """Whether /proc/net/route has a route into the network besides the default route."""
    for line in table.splitlines()[1:]:
        words = line.split()
        destination = int.from_bytes(bytes.fromhex(words[1])[::-1], "big")
        mask = int.from_bytes(bytes.fromhex(words[7])[::-1], "big")
        if mask and ipaddress.IPv4Network((destination, mask.bit_count())).overlaps(network):
            return True
    return False


def _is_foreign(places: Places) -> bool:
    try:
        table = Path("/proc/net/route").read_text("ascii")
    except OSError:
        return False
    return _routed(places.shared_network, table)


def _take(places: Places) -> PortSlot | None:
    """The slot of these places with port and network, or None if either is taken."""
    try:
        server = _server_socket(places.port)
    except OSError:
        return None
    try:
        return PortSlot(places, server, _network_lock(places.shared_network))
    except OSError:
        server.close()
        return None


def _take_back(places: Places) -> PortSlot | None:
    limit = time.monotonic() + _PATIENCE_SECONDS
    while (slot := _take(places)) is None and time.monotonic() < limit:
        time.sleep(0.05)
    return slot


def claim(directory: Path, recorded: int | None) -> PortSlot:
    """The recorded slot if it is free, else the next free one."""
    first = recorded or 0
    for offset in range(_SLOT_COUNT):
        number = (first + offset) % _SLOT_COUNT
        places = Places(directory, number)
        # Not checked for the recorded slot, whose route may be that of this lab's own hosts.
        if number != recorded and _is_foreign(places):
            continue
        slot = _take_back(places) if number == recorded else _take(places)
        if slot is not None:
            return slot
    raise KokunaiError(
        ja="空いているポートとアドレス範囲がありません。"
        "他のラボを kokunai lab down で止めてください。",
        en="No free port and address range; stop other labs with `kokunai lab down`.",
    )
