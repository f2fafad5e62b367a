"""An http server of the files in a folder, which says how long they are and gives parts of them, as most do."""

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes in the midst of it is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def served(folder: Path, asked: "list[str] | None" = None, breaks: int = 0) -> Iterator[str]:
    """Serve the folder; gives its address. The paths that clients ask for are noted in `asked`.

    breaks: the byte of a file before which every connection breaks off; 0: none does
    """

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            file = folder / Path(self.path).name
            if not file.is_file():
                self.send_error(404)
                return
            body = file.read_bytes()
            part = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            first = int(part[1]) if part else 0
            last = int(part[2]) if part and part[2] else len(body) - 1
            self.send_response(206 if part else 200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(last + 1 - first))
            if part:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
            self.end_headers()
            try:
                self.wfile.write(body[first : breaks or last + 1])
                self.close_connection = bool(breaks)
            except ConnectionError:
                self.close_connection = True  # who asked has seen enough

        def log_message(self, *words: object) -> None:
            """Nothing: the tests' output is about the tests."""

    server = _Server(("127.0.0.1", 0), Answer)
    server.daemon_threads = True  # a client that has gone keeps none of them
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
