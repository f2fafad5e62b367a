"""ezmsg as in its examples, two units in two processes: `python -m bench.peers.ezmsg plan.json`.

Messages go through its shared memory, and what is received is read in place. A publisher whose buffers are all in use
waits. The buffers are made large enough from the start, and eight, so that those for 4K fit into most a /dev/shm.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator
from typing import Any

import ezmsg.core as ez

from bench.peers.plan import Plan, Tally, sending

BUFFERS = 8
ROOM = 65536  # bytes of a buffer beyond the payload
PLAN = sys.argv[-1]  # the processes are forked, or given the same command line


class Settings(ez.Settings):
    """Of both units."""

    plan: str


class Sender(ez.Unit):
    """Publishes what the plan says."""

    SETTINGS = Settings
    OUTPUT = ez.OutputStream(Any, num_buffers=BUFFERS, buf_size=max(case.size for case in Plan.read(PLAN).cases) + ROOM)

    @ez.publisher(OUTPUT)
    async def send(self) -> AsyncGenerator[Any, None]:
        for step in sending(self.SETTINGS.plan):
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield self.OUTPUT, step
        raise ez.Complete


class Receiver(ez.Unit):
    """Counts what comes."""

    SETTINGS = Settings
    INPUT = ez.InputStream(Any)

    async def initialize(self) -> None:
        self.tally = Tally(self.SETTINGS.plan)

    @ez.subscriber(INPUT, zero_copy=True)
    async def take(self, payload: Any) -> None:
        if self.tally.take(payload):
            raise ez.NormalTermination


def main(plan: str) -> None:
    sender, receiver = Sender(Settings(plan)), Receiver(Settings(plan))
    ez.run(
        SENDER=sender,
        RECEIVER=receiver,
        connections=((sender.OUTPUT, receiver.INPUT),),
        process_components=(sender, receiver),
    )


if __name__ == "__main__":
    main(PLAN)
