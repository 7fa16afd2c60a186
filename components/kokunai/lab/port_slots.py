"""Which port and address range a lab takes: the first slot that nobody else holds."""

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
"""How long to wait for the recorded slot, whose port a killed daemon holds a moment longer: another
slot would change the address of every host."""


@dataclass(frozen=True)
class PortSlot:
    """Held as long as the sockets are open, so a killed lab leaves nothing behind."""

    places: Places
    server: socket.socket
    network_lock: socket.socket


def _server_socket(port: int) -> socket.socket:
    # asyncio switches Nagle's delay off only where the protocol is named; it costs 40 ms a call.
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
    """An abstract socket: one holder on this machine, gone with its process."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind(f"\0kokunai-lab-{network.network_address}")
    except OSError:
        lock.close()
        raise
    return lock


def _routed(network: ipaddress.IPv4Network, table: str) -> bool:
    """Whether /proc/net/route knows a way into the network other than the default route."""
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
    """Both port and network, or nothing."""
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
    """The recorded slot if it can be had, else the next free one."""
    first = recorded or 0
    for offset in range(_SLOT_COUNT):
        number = (first + offset) % _SLOT_COUNT
        places = Places(directory, number)
        # The recorded slot is not asked: a route into its network belongs to this lab's own hosts.
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
