"""Asks the kernel over netlink who holds one end of a TCP connection, where /proc does not tell.

It is the same knowledge as that of /proc/net/tcp, which some sandboxes replace by an empty file.
"""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address, IPv6Address

_SOCK_DIAG = 4
"""Netlink's protocol number (linux/netlink.h, NETLINK_SOCK_DIAG)."""
_BY_FAMILY = 20
_REQUEST = 1
_ESTABLISHED = 1
_ANY_COOKIE = b"\xff" * 8
_HEADER = struct.Struct("=IHHII")
_ENDS = struct.Struct("=2s2s16s16sI8s")
_ASKED = struct.Struct("=BBBBI")
_TOLD = struct.Struct("=BBBB")
_NUMBERS = struct.Struct("=IIIII")
_PATIENCE_SECONDS = 2.0

Address = IPv4Address | IPv6Address


def user_of(client: tuple[Address, int], server: tuple[Address, int]) -> int | None:
    """User id of who opened `client` towards `server`; None where the kernel shows no such end.

    A kernel without netlink shows none. Raises OSError where the kernel cannot be asked.
    """
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        return None
    with socket.socket(family, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.settimeout(_PATIENCE_SECONDS)
        kernel.sendto(_request(client, server), (0, 0))
        return _user_in(kernel.recv(65536), _ends(client, server))


def _ends(client: tuple[Address, int], server: tuple[Address, int]) -> bytes:
    ports = [end[1].to_bytes(2, "big") for end in (client, server)]
    addresses = [end[0].packed.ljust(16, b"\0") for end in (client, server)]
    return _ENDS.pack(*ports, *addresses, 0, _ANY_COOKIE)


def _request(client: tuple[Address, int], server: tuple[Address, int]) -> bytes:
    family = socket.AF_INET if isinstance(client[0], IPv4Address) else socket.AF_INET6
    body = _ASKED.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << _ESTABLISHED)
    body += _ends(client, server)
    return _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST, 1, 0) + body


def _user_in(answer: bytes, wanted: bytes) -> int | None:
    """The user in an answer about exactly the ends that were asked for."""
    begins = _HEADER.size + _TOLD.size
    numbers = begins + _ENDS.size
    if len(answer) < numbers + _NUMBERS.size or _HEADER.unpack_from(answer)[1] != _BY_FAMILY:
        return None
    _, state, _, _ = _TOLD.unpack_from(answer, _HEADER.size)
    *_, user, inode = _NUMBERS.unpack_from(answer, numbers)
    told = _ENDS.unpack_from(answer, begins)[:4]
    # A connection that no process holds any more is shown with user 0 and without an inode.
    is_held = state == _ESTABLISHED and inode != 0
    return int(user) if is_held and _same(told, _ENDS.unpack(wanted)[:4]) else None


def _same(told: tuple[bytes, ...], wanted: tuple[bytes, ...]) -> bool:
    """Whether ports and addresses agree; a socket of IPv6 shows an IPv4 address in IPv6 form."""
    return all(one in {other, _mapped(other)} for one, other in zip(told, wanted, strict=True))


def _mapped(packed: bytes) -> bytes:
    is_ipv4 = len(packed) == 16 and not any(packed[4:])
    return b"\0" * 10 + b"\xff\xff" + packed[:4] if is_ipv4 else packed
