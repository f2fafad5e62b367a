"""Ray as its documentation has it, two actors of one cluster: `python -m bench.peers.ray plan.json`.

The sender calls a method of the receiver, whose calls are done in order; what is over 100 KB goes through the shared
object store by itself, and is read in place. As its pattern for limiting the pending calls says, the sender waits for
the oldest once some are on their way.
"""

import sys
import time
from pathlib import Path
from typing import Any

import ray

from bench.peers.plan import Tally, sending

PENDING = 16
ROOM = 2**30  # bytes of the object store


class Receiver:
    """Counts what comes."""

    def __init__(self, plan: str) -> None:
        self._tally = Tally(plan)

    def take(self, payload: Any) -> None:
        self._tally.take(payload)


class Sender:
    """Sends what the plan says."""

    def send(self, plan: str, receiver: Any) -> None:
        pending: list[Any] = []

        def settled() -> None:
            ray.get(pending)
            pending.clear()

        for step in sending(plan, settled=settled):
            if isinstance(step, float):
                time.sleep(step)
            else:
                if len(pending) >= PENDING:
                    ray.get(pending.pop(0))
                pending.append(receiver.take.remote(step))
        settled()


def main(plan: str) -> None:
    ray.init(num_cpus=2, object_store_memory=ROOM, include_dashboard=False, log_to_driver=False)
    receiver = ray.remote(Receiver).remote(plan)
    ray.get(ray.remote(Sender).remote().send.remote(plan, receiver))
    ray.shutdown()


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).absolute()))
