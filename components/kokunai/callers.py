"""Refuses gRPC calls of other users of this machine, since a loopback port is open to all of them.

The kernel's table of connections says which user opened the other end. Where the table does not
even show a listening socket of our own, as in some sandboxes, it is no evidence, and the kernel is
asked over netlink. A system that tells in neither way (macOS) cannot be asked: there every caller
is let in, and only what servers check themselves holds; where a table is there, a line says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import ipaddress
import os
import socket
import stat
import struct
import sys
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import grpc.aio

from kokunai import socket_diag
from kokunai.language import worded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_OWN_DESCRIPTORS = Path("/proc/self/fd")
_LISTENING = "0A"
_ESTABLISHED = 1
"""Of other states the table shows user 0, since no process holds the connection any more."""
_LOOKS, _PAUSE_SECONDS = 3, 0.02
_REMEMBERED = 256


class Endpoint(NamedTuple):
    """One end of a TCP connection."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int


class _Own(NamedTuple):
    """Our end of a connection: the same number with the same inode is the same connection."""

    descriptor: int
    inode: int


def endpoint(address: str, port: int) -> Endpoint:
    """An end by its address as text; an IPv4 address in IPv6 form counts as IPv4."""
    found = ipaddress.ip_address(address)
    return Endpoint(getattr(found, "ipv4_mapped", None) or found, port)


def endpoint_of_peer(peer: str) -> Endpoint:
    """The end that gRPC calls `ipv4:127.0.0.1:5` or `ipv6:%5B::1%5D:5`. Raises ValueError."""
    family, _, rest = urllib.parse.unquote(peer).partition(":")
    if family not in ("ipv4", "ipv6"):
        raise ValueError(peer)
    address, _, port = rest.rpartition(":")
    return endpoint(address.strip("[]"), int(port))


def owner_of(client: Endpoint, server: Endpoint, lines: Iterable[str]) -> int | None:
    """User id of the process that opened `client` towards `server`; None where no line tells."""
    for line in lines:
        fields = line.split()
        if len(fields) < 10 or fields[3] != f"{_ESTABLISHED:02X}" or fields[9] == "0":
            continue
        if (_table_endpoint(fields[1]), _table_endpoint(fields[2])) == (client, server):
            return int(fields[7])
    return None


def _table_endpoint(text: str) -> Endpoint:
    """An end as the kernel writes it: words in the machine's byte order, `0100007F:1F90`."""
    words, _, port = text.partition(":")
    numbers = [int(words[start : start + 8], 16) for start in range(0, len(words), 8)]
    packed = struct.pack(f"={len(numbers)}I", *numbers)
    return endpoint(str(ipaddress.ip_address(packed)), int(port, 16))


# Where it is seen who opened a connection


def _in_tables(client: Endpoint, server: Endpoint) -> int | None:
    return owner_of(client, server, _lines())


def _over_netlink(client: Endpoint, server: Endpoint) -> int | None:
    """Raises OSError where the kernel cannot be asked, which refuses as a missing line does."""
    return socket_diag.user_of(client, server)


def _source() -> Callable[[Endpoint, Endpoint], int | None] | None:
    """What tells the user of a connection on this machine, None where nothing does.

    Chosen before anybody can call, so that no caller has a hand in it.
    """
    is_there = any(os.access(table, os.R_OK) for table in TABLES)
    if is_there and _tables_show_a_listener():
        return _in_tables
    if _netlink_shows_a_connection():
        return _over_netlink
    if is_there:
        _warn_that_nothing_tells()
    return None


def _tables_show_a_listener() -> bool:
    """Whether a listening socket of ours is in the tables; true where none can be opened.

    A table that is being changed may be shown with gaps, so one look does not count.
    """
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            own = endpoint(*listener.getsockname()[:2])
            return any(_is_listening(own) for _ in range(_LOOKS))
    except OSError:
        return True


def _is_listening(own: Endpoint) -> bool:
    rows = [fields for line in _lines() if len(fields := line.split()) > 3]
    return any(row[3] == _LISTENING and _table_endpoint(row[1]) == own for row in rows)


def _netlink_shows_a_connection() -> bool:
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            socket.create_connection(listener.getsockname()[:2]) as client,
        ):
            ends = [endpoint(*end[:2]) for end in (client.getsockname(), client.getpeername())]
            return _over_netlink(*ends) == os.geteuid()
    except (OSError, AttributeError):
        return False


@functools.cache
def _warn_that_nothing_tells() -> None:
    """Once a process, however many servers it has."""
    text = worded(
        "このマシンでは接続元のユーザーを確かめられないため、ほかのユーザーからの呼び出しを"
        "拒否できません（/proc/net/tcp が空です）",
        "this machine does not show which user opened a connection, so callers of other users "
        "cannot be refused (/proc/net/tcp is empty)",
        " / ",
    )
    print(f"kokunai: {text}", file=sys.stderr)


class _Judged:
    """Who is at the other end of a connection, looked up once a connection."""

    def __init__(self) -> None:
        self._users: dict[str, tuple[_Own, int]] = {}
        self._source = _source()

    @property
    def can_tell(self) -> bool:
        """Whether anything on this machine shows who opened a connection."""
        return self._source is not None

    def known(self, peer: str) -> int | None:
        """The user of a connection that was looked up and is still open."""
        own, user = self._users.get(peer, (None, None))
        return user if own is not None and _is_open(own) else None

    def look(self, peer: str) -> int | None:
        """The user now; None for a connection that is gone or that no table shows yet."""
        own, user = _look(peer, self._source) if self._source else (None, None)
        if own is None or user is None:
            return None
        if len(self._users) >= _REMEMBERED:
            self._users.clear()
        self._users[peer] = (own, user)
        return user


def _refusal(user: int | None) -> str | None:
    """Why a caller is refused, None for our own user and root."""
    if user in (0, os.geteuid()):
        return None
    who = "不明 / unknown" if user is None else str(user)
    return (
        f"ほかのユーザー（uid {who}）からの呼び出しは受け付けません。\n"
        f"calls of another user (uid {who}) are refused"
    )


class SameUserOnly(grpc.aio.ServerInterceptor):
    """Lets in callers that run as this process's user or as root, judged once a connection."""

    def __init__(self) -> None:
        self._judged = _Judged()

    async def intercept_service(
        self, continuation: Callable[..., Awaitable[Any]], call: Any
    ) -> Any:
        """The handler of a call behind the check; a stream of requests has none in this house."""
        handler = await continuation(call)
        if handler is None or handler.request_streaming:
            return None
        behaviour = handler.unary_stream if handler.response_streaming else handler.unary_unary

        async def checked(request: Any, context: Any) -> Any:
            await self.check(context)
            answer = behaviour(request, context)
            return await answer if inspect.isawaitable(answer) else answer

        streams = handler.response_streaming
        make: Any = (
            grpc.unary_stream_rpc_method_handler if streams else grpc.unary_unary_rpc_method_handler
        )
        return make(checked, handler.request_deserializer, handler.response_serializer)

    async def check(self, context: Any) -> None:
        """End the call of another user with PERMISSION_DENIED."""
        if self._judged.can_tell and (why := _refusal(await self._user_of(context.peer()))):
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, why)

    async def _user_of(self, peer: str) -> int | None:
        user = self._judged.known(peer)
        for _ in range(_LOOKS):
            if user is not None or (user := self._judged.look(peer)) is not None:
                return user
            await asyncio.sleep(_PAUSE_SECONDS)
        return None


class SameUserOnlyInThreads(grpc.ServerInterceptor):
    """The same for a server that answers in threads and has no streams."""

    def __init__(self) -> None:
        self._judged = _Judged()

    def intercept_service(self, continuation: Callable[..., Any], call: Any) -> Any:
        """The handler of a call behind the check."""
        handler = continuation(call)
        if handler is None or handler.request_streaming or handler.response_streaming:
            return None

        def checked(request: Any, context: Any) -> Any:
            self.check(context)
            return handler.unary_unary(request, context)

        make: Any = grpc.unary_unary_rpc_method_handler
        return make(checked, handler.request_deserializer, handler.response_serializer)

    def check(self, context: Any) -> None:
        """End the call of another user with PERMISSION_DENIED."""
        if self._judged.can_tell and (why := _refusal(self._user_of(context.peer()))):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, why)

    def _user_of(self, peer: str) -> int | None:
        user = self._judged.known(peer)
        for _ in range(_LOOKS):
            if user is not None or (user := self._judged.look(peer)) is not None:
                return user
            time.sleep(_PAUSE_SECONDS)
        return None


def _look(
    peer: str, source: Callable[[Endpoint, Endpoint], int | None]
) -> tuple[_Own | None, int | None]:
    """Our end of the connection with `peer`, and the user of the other end.

    Our end is looked at again afterwards: while it is open, no other process can get the peer's
    port towards us, so what `source` says is about this very connection.
    """
    with contextlib.suppress(ValueError, OSError):
        client = endpoint_of_peer(peer)
        for number in [int(entry.name) for entry in _OWN_DESCRIPTORS.iterdir()]:
            server = _server_end(number, client)
            if server is None:
                continue
            own = _Own(number, os.fstat(number).st_ino)
            user = source(client, server)
            return (own, user) if _is_open(own) else (None, None)
    return None, None


def _lines() -> Iterable[str]:
    for table in TABLES:
        with contextlib.suppress(OSError):
            yield from table.read_text("ascii").splitlines()[1:]


def _server_end(descriptor: int, client: Endpoint) -> Endpoint | None:
    """Our own end, where the descriptor is the connection with `client`."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            opened = socket.socket(fileno=descriptor)
            try:
                is_internet = opened.family in (socket.AF_INET, socket.AF_INET6)
                if is_internet and endpoint(*opened.getpeername()[:2]) == client:
                    return endpoint(*opened.getsockname()[:2])
            finally:
                opened.detach()  # gRPC goes on using it
    return None


def _is_open(own: _Own) -> bool:
    try:
        if os.fstat(own.descriptor).st_ino != own.inode:
            return False
        opened = socket.socket(fileno=own.descriptor)
    except OSError:
        return False
    try:
        state = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return state[0] == _ESTABLISHED
    except OSError:
        return False
    finally:
        opened.detach()
