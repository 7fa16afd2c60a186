"""Serves the calls of the engine until it stops this process or is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from typing import TYPE_CHECKING

import grpc
from pulumi.runtime.proto import language_pb2_grpc

from kokunai.airgap.language_host import CHANNEL_OPTIONS, LOOPBACK
from kokunai.airgap.language_host.children import Children
from kokunai.airgap.language_host.service import LanguageHost
from kokunai.callers import SameUserOnly

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str]) -> None:
    """Serve; the last argument is the engine's address, those before it are its log flags."""
    engine_address = arguments[-1] if arguments else ""
    asyncio.run(_serve(engine_address))


async def _serve(engine_address: str) -> None:
    children = Children()
    ending = _watch_for_end()
    server = grpc.aio.server(interceptors=[SameUserOnly()], options=CHANNEL_OPTIONS)
    host = LanguageHost(engine_address, children)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    await server.start()
    print(port, flush=True)  # The engine reads the port there.
    await ending
    await children.stop_all()
    # The engine waits for this process at the end of every command, so it ends at once.
    os._exit(0)


def _watch_for_end() -> asyncio.Future[None]:
    """A future that is done at a signal, or when the reader of the output is gone."""
    loop = asyncio.get_running_loop()
    ending: asyncio.Future[None] = loop.create_future()
    output = sys.stdout.fileno()

    def end() -> None:
        loop.remove_reader(output)
        if not ending.done():
            ending.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    if stat.S_ISFIFO(os.fstat(output).st_mode):
        # There is never anything to read, but the engine alone holds the other end: the kernel
        # reports its death here, also where it was not the engine that started us.
        loop.add_reader(output, end)
    return ending
