"""SIMULATION (kokunai lab): answers on TCP 2049 and says that it is not NFS."""

import contextlib
import socket
import sys

_LABEL = b"SIMULATION: kokunai lab file server, not NFS\n"


def main(address: str) -> None:
    """Serve until killed."""
    with socket.create_server((address, 2049)) as server:
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(_LABEL)


if __name__ == "__main__":
    main(sys.argv[1])
