"""Pass every message on, after a nap: a filter whose work is done elsewhere, on a GPU or a server.

python -m bench.nodes.passer --nap=0.02 …
"""

import time
from collections.abc import Iterable, Iterator

from bus import Message, run


def passer(messages: Iterable[Message], *, nap: float = 0.0) -> Iterator[Message]:
    """Yield each message as it is.

    nap: seconds for which each is kept
    """
    for message in messages:
        if nap:
            time.sleep(nap)
        yield message


if __name__ == "__main__":
    run(passer)
