"""Whoever serves the wires hears all that came, in whatever portions, whether or not this process was stopped."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import zmq

from bus.hub import ASLEEP, Hub
from bus.visits import AT_ONCE, waiting

Ends = tuple[Hub, "zmq.Socket[bytes]", list[bytes]]  # a hub, who sends to it, and what it has heard


@contextmanager
def heard() -> Iterator[Ends]:
    """The two ends are in this process, where libzmq delivers at once: what was sent is there."""
    with zmq.Context() as context, context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
        pull.bind("inproc://here")
        push.connect("inproc://here")
        hub, came = Hub(), list[bytes]()
        hub.on(pull, lambda: came.extend(part for [part] in waiting(pull)))
        try:
            hub.serve()
            yield hub, push, came
        finally:
            hub.close()


@pytest.mark.parametrize("stopped", [0, 2 * ASLEEP], ids=["awake", "stopped"])
def test_more_than_one_portion_is_heard_to_the_end_though_nothing_follows(stopped: float) -> None:
    with heard() as (hub, push, came):
        for number in range(3 * AT_ONCE):
            push.send(b"%d" % number)
        hub.served = time.monotonic() - stopped
        for _ in range(4):
            hub.serve()
        assert came == [b"%d" % number for number in range(3 * AT_ONCE)]
