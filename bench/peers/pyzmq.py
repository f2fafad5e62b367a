"""Bare pyzmq, PUSH to PULL over ipc: `python -m bench.peers.pyzmq send|receive plan.json`.

As pyzmq's documentation has it for numpy: what is large goes without a copy, and its memory is used again only when
the tracker says that it was sent.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy
import zmq

from bench.peers.plan import Payload, Plan, Tally, sending

ARRAYS = 4
LARGE = 65536  # bytes: below it a copy is cheaper than the bookkeeping, says pyzmq's documentation


def send(plan: str, address: str) -> None:
    socket: Any = zmq.Context.instance().socket(zmq.PUSH)
    socket.connect(address)
    trackers: list[Any] = [None] * ARRAYS
    turn = 0

    def reserve(array: int) -> None:
        if trackers[array]:
            trackers[array].wait()

    for step in sending(plan, reserve=reserve, arrays=ARRAYS):
        if isinstance(step, float):
            time.sleep(step)
        elif isinstance(step, bytes):
            socket.send(step, copy=len(step) < LARGE)
        else:
            trackers[turn] = socket.send(step, copy=False, track=True)
            turn = (turn + 1) % ARRAYS
    socket.close(linger=-1)
    zmq.Context.instance().term()


def receive(plan: str, address: str) -> None:
    socket: Any = zmq.Context.instance().socket(zmq.PULL)
    socket.bind(address)
    tally, shapes = Tally(plan), {case.size: case.shape for case in Plan.read(plan).cases}
    while not tally.take(_held(socket, shapes)):
        pass


def _held(socket: Any, shapes: dict[int, tuple[int, int, int] | None]) -> Payload:
    frame = socket.recv(copy=False)
    shape = shapes[len(frame.buffer)]
    return numpy.frombuffer(frame.buffer, numpy.uint8).reshape(shape) if shape else frame.bytes


if __name__ == "__main__":
    {"send": send, "receive": receive}[sys.argv[1]](sys.argv[2], f"ipc://{Path(sys.argv[2]).with_name('hop.ipc')}")
