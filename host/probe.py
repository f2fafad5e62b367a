"""Ask the page in this container how its launcher is: `python -I host/probe.py health ready`; exits with 1 for a no.

For the probes of Compose and Kubernetes. The page listens on the container's own loopback, so nobody outside can knock
there. A program of its own that imports a socket alone: it runs every few seconds.
"""

import socket
import sys

PAGE = "127.0.0.1", 8080  # where the launcher has its page unless --page says otherwise
PATIENCE = 4.0  # seconds; less than the probe's own


def ask(word: str) -> bytes:
    """The status line of the answer to `GET /word`. Raises OSError."""
    with socket.create_connection(PAGE, PATIENCE) as page:
        page.sendall(f"GET /{word} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        return page.makefile("rb").readline().strip()


if __name__ == "__main__":
    for word in sys.argv[1:]:
        try:
            status = ask(word)
        except OSError as error:
            sys.exit(f"the page cannot be asked: {error}")
        if b" 200 " not in status:
            sys.exit(f"not {word}: {status.decode(errors='replace')}")
