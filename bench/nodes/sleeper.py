"""Keep every message for as long as some other program once kept one: a filter whose work is done elsewhere.

python -m bench.nodes.sleeper --times=times.json …
"""

import json
import random
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from bus import Message, run


def sleeper(messages: Iterable[Message], *, times: str) -> Iterator[Message]:
    """Yield each message as it is.

    times: a file with a list of seconds, of which one is drawn for each message
    """
    seconds = json.loads(Path(times).read_text())
    for message in messages:
        time.sleep(random.choice(seconds))
        yield message


if __name__ == "__main__":
    run(sleeper)
