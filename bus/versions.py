"""What two machines that do not understand each other may differ in."""

import platform

import zmq

from bus.header import VERSION


def versions() -> dict[str, int | str]:
    """Of the protocol of the wires, of Python, and of the library that the wires are made of."""
    return {"wire": VERSION, "python": platform.python_version(), "zeromq": zmq.zmq_version()}
