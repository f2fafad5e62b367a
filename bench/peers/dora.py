"""dora: `python -m bench.peers.dora send|receive plan.json`, as the two nodes of a dataflow that bench/wires.py writes.

As dora's own benchmark has it: payloads are arrow arrays of bytes made from numpy ones, the bursts have an output of
their own and a queue of 1,000. What overflows is lost, so the ends of parts are told twice.
"""

import sys
import time
from typing import Any

import pyarrow
from dora import Node

from bench.peers.plan import BURST, BURST_OVER, HEAD, Payload, Plan, Tally, sending

COPIES = 2


def send(plan: str) -> None:
    node = Node()
    for step in sending(plan, copies=COPIES):
        if isinstance(step, float):
            time.sleep(step)
        else:
            data, part = _array(step), HEAD.unpack_from(step)[2]
            node.send_output("burst" if part in (BURST, BURST_OVER) else "latency", data)


def _array(payload: Payload) -> Any:
    """Without a copy."""
    return pyarrow.Array.from_buffers(pyarrow.uint8(), memoryview(payload).nbytes, [None, pyarrow.py_buffer(payload)])


def receive(plan: str) -> None:
    tally, shapes = Tally(plan), {case.size: case.shape for case in Plan.read(plan).cases}
    for event in Node():
        if event["type"] == "INPUT":
            payload = event["value"].to_numpy()
            shape = shapes[len(payload)]
            if tally.take(payload.reshape(shape) if shape else payload):
                return


if __name__ == "__main__":
    {"send": send, "receive": receive}[sys.argv[1]](sys.argv[2])
