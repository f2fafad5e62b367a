"""Count what comes, in a file of 8 bytes.

python -m bench.nodes.counter --file=count …
"""

import os
from collections.abc import Iterable

from bus import Message, run


def counter(messages: Iterable[Message], *, file: str) -> None:
    """Write the number of messages so far, little-endian, with each.

    file: where
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
    for count, _ in enumerate(messages, 1):
        os.pwrite(descriptor, count.to_bytes(8, "little"), 0)


if __name__ == "__main__":
    run(counter)
