"""Runs the plugin's process: prints its port, then answers calls until it has to end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import grpc
import grpc.aio
from pulumi.runtime.proto import provider_pb2_grpc

from kokunai.callers import SameUserOnly
from kokunai.plugin.kind import SHUTDOWN_GRACE_SECONDS
from kokunai.plugin.serving.engine_log import EngineLog
from kokunai.plugin.serving.server import Servicer

if TYPE_CHECKING:
    from kokunai.plugin.module import Registry

_MESSAGE_BYTES = 400 * 1024 * 1024
"""The engine's own limit for one message."""
_OPTIONS = [
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_BYTES),
]
_LOOK_SECONDS = 1.0


def run(registry: Registry, engine_address: str) -> None:
    """Serve the engine at this address, then end the process."""
    registry.start()
    asyncio.run(serve(registry, engine_address))
    sys.stdout.flush()
    os._exit(0)  # threads of libraries must not delay the engine


async def serve(registry: Registry, engine_address: str) -> None:
    """Answer calls until a signal comes or the process that started this one is gone."""
    engine_log = EngineLog(engine_address)
    servicer = Servicer(registry, engine_log)
    server = grpc.aio.server(interceptors=[SameUserOnly()], options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    ended = _ending()
    async with engine_log.sending():
        await server.start()
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await ended.wait()
        servicer.stop.set()
        # Running calls notice the stop and answer with what exists.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(servicer.idle.wait(), SHUTDOWN_GRACE_SECONDS)
        await server.stop(grace=0.2)
        await registry.close()


def _ending() -> asyncio.Event:
    """Set by SIGINT or SIGTERM, and when the parent process is gone."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, ended.set)
    parent = os.getppid()

    def look() -> None:
        if os.getppid() != parent:
            ended.set()
        else:
            loop.call_later(_LOOK_SECONDS, look)

    look()
    return ended
