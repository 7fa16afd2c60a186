"""The plugin's process: a port on standard output, then calls until it is told to end."""

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

from kokunai.plugin.ansible.private import sweep
from kokunai.plugin.registry import registry
from kokunai.plugin.serving.journal import Journal
from kokunai.plugin.serving.server import Servicer

if TYPE_CHECKING:
    from collections.abc import Sequence

_MESSAGE_BYTES = 400 * 1024 * 1024
"""What the engine allows for one message."""
_OPTIONS = [
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_BYTES),
]
_LAST_WORDS_SECONDS = 5.0
"""What runs when a signal comes may end, so that no id is lost."""
_LOOK_SECONDS = 1.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the engine whose address is the first argument that is no option."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    addresses = [word for word in words if not word.startswith("-")]
    sweep()  # of a plugin that was killed together with its run
    asyncio.run(serve(addresses[0] if addresses else ""))
    sys.stdout.flush()
    os._exit(0)  # threads of libraries must not hold the engine up


async def serve(engine_address: str) -> None:
    """Until a signal comes or the process that started it is gone."""
    journal = Journal(engine_address)
    servicer = Servicer(registry(), journal)
    server = grpc.aio.server(options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    ended = _ending()
    async with journal.sending():
        await server.start()
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await ended.wait()
        servicer.stop.set()
        # Calls under way see the stop and answer with what exists.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(servicer.idle.wait(), _LAST_WORDS_SECONDS)
        await server.stop(grace=0.2)


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
