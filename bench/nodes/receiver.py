"""Take what a sender sends, hold it as bytes or as a numpy array, and count it.

python -m bench.nodes.receiver --plan=plan.json …
"""

from collections.abc import Iterable

from bench.peers.plan import Tally
from bus import Message, run


def receiver(messages: Iterable[Message], *, plan: str) -> None:
    """Count all that comes.

    plan: the file of a bench.peers.plan.Plan
    """
    tally = Tally(plan)
    for message in messages:
        tally.take(message.bytes if message.encoded else message.array)


if __name__ == "__main__":
    run(receiver)
