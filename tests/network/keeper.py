"""Keeps a network namespace until its input ends; hands out sockets that belong there: `t` asks for TCP, `u` for UDP.

Its standard input is a Unix socket. Nothing but this process holds the namespace, so that a killed test leaves none.
"""

import socket
import sys

KINDS = {b"t": socket.SOCK_STREAM, b"u": socket.SOCK_DGRAM}


def main() -> None:
    with socket.socket(fileno=sys.stdin.fileno()) as door:
        door.send(b"ready")
        while wanted := door.recv(1):
            with socket.socket(socket.AF_INET, KINDS[wanted]) as made:
                socket.send_fds(door, [wanted], [made.fileno()])


if __name__ == "__main__":
    main()
