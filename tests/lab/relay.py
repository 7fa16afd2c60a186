"""An HTTP proxy that answers every name with one emulator, for clients with a fixed address."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

_NOT_PASSED_ON = {"host", "connection", "proxy-connection", "accept-encoding", "content-length"}


@contextmanager
def relay(target: str) -> Iterator[str]:
    """The proxy's address; calls go to the host and port of the URL `target`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(urlsplit(target).netloc))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(netloc: str) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def _pass_on(self) -> None:
            url = urlsplit(self.path)
            path = f"{url.path}?{url.query}" if url.query else url.path
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept = {k: v for k, v in self.headers.items() if k.lower() not in _NOT_PASSED_ON}
            connection = http.client.HTTPConnection(netloc, timeout=60)
            connection.request(self.command, path, body, kept)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    for method in ("GET", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._pass_on)
    return Handler
