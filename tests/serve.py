"""An http server on loopback that has one answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serve(body: bytes | None, silent: bool = False) -> Iterator[str]:
    """Answer every request with `body` (None: 404), and then say nothing more if `silent`. Gives the address."""
    over = threading.Event()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404 if body is None else 200)
            self.end_headers()
            try:
                self.wfile.write(body or b"")
                self.wfile.flush()
            except ConnectionError:
                return  # who asked has heard enough
            if silent:
                over.wait(60)

        def log_message(self, *words: object) -> None:
            """Nothing: the tests' output is about the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()
