"""Send what a plan says: encoded images as bytes, raw frames as numpy arrays.

python -m bench.nodes.sender --plan=plan.json …
"""

import time
from collections.abc import Iterator

from bench.peers.plan import sending
from bus import Message, finished, run, wait

MOMENT = 0.001  # seconds between two looks at whether all is acknowledged


def sender(*, plan: str) -> Iterator[Message | None]:
    """Yield each payload of the plan in its time.

    plan: the file of a bench.peers.plan.Plan
    """
    for step in sending(plan, settled=settled):
        if isinstance(step, float):
            time.sleep(step)
        else:
            yield Message(step)


def settled() -> None:
    while not finished():
        wait("waits until all is acknowledged", MOMENT)


if __name__ == "__main__":
    run(sender)
