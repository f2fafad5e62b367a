"""The meter of connections from other hosts."""

import os
import socket
from threading import Event

from bus.meter import Eye, Gauge


def test_a_descriptor_that_is_something_else_by_now_is_no_connection() -> None:
    eye, wakes = Eye(), Event()
    gauge = Gauge(eye, 5560, True, wakes.set)
    near, far = socket.socketpair()
    nothing = os.open(os.devnull, os.O_RDONLY)
    with near, far:
        for descriptor in (near.fileno(), nothing):
            gauge.came(descriptor)
            assert not gauge.look()
    os.close(nothing)
    gauge.came(nothing)
    eye.close()
    assert not wakes.is_set()


def test_a_connection_at_the_port_is_looked_at() -> None:
    eye, wakes = Eye(), Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        gauge = Gauge(eye, server.getsockname()[1], True, wakes.set)
        with socket.create_connection(server.getsockname()) as far, server.accept()[0] as near:
            gauge.came(near.fileno())
            assert wakes.is_set()
            assert gauge.look()
            del far
    eye.close()
