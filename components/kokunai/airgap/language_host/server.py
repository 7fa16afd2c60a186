"""Serves the language contract until the engine is done with it or gone."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import grpc
from pulumi.runtime.proto import language_pb2_grpc

from kokunai.airgap.language_host.children import Children, watch_end
from kokunai.airgap.language_host.service import LanguageHost
from kokunai.airgap.language_host.transport import CHANNEL_OPTIONS, LOOPBACK


def run(arguments: Sequence[str]) -> None:
    """Serve; the last argument is the engine's address, those before it are its log flags."""
    engine_address = arguments[-1] if arguments else ""
    asyncio.run(serve(engine_address))


async def serve(engine_address: str) -> None:
    children = Children()
    ending = watch_for_end(is_spawned=bool(engine_address))
    server = grpc.aio.server(options=CHANNEL_OPTIONS)
    host = LanguageHost(engine_address, children)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    await server.start()
    print(port, flush=True)  # how the engine learns it
    await ending
    await children.stop_all()
    # The engine waits for this process at the end of every command: no orderly, slow shutdown.
    sys.stdout.flush()
    os._exit(0)


def watch_for_end(*, is_spawned: bool) -> "asyncio.Future[None]":
    """Return a future that is done at a signal or, where the engine spawned us, at its death."""
    loop = asyncio.get_running_loop()
    parent = os.getppid()
    # Attached to by hand, the host has a shell as its parent, and a terminal to be ended from.
    ending = watch_end(parent) if is_spawned and parent > 1 else loop.create_future()

    def end() -> None:
        if not ending.done():
            ending.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    return ending
