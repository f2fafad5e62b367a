"""What may come a thousand times a second is said once a minute."""

import math
import time
from collections.abc import Callable

QUIET = 60.0  # seconds between two equal lines
MOST = 256  # lines that are remembered; a stranger may make up more


class Seldom:
    """Says each line at most once in `quiet` seconds, and then how often it was left unsaid."""

    def __init__(self, say: Callable[[str], None], quiet: float = QUIET) -> None:
        self._say, self._quiet = say, quiet
        self._said: dict[str, tuple[float, int]] = {}  # line -> when it was said last, how often it came since

    def __call__(self, line: str, count: int = 1, topic: str = "") -> None:
        """`topic`: what makes two lines equal, if it is not the line; `count`: how often it has come now."""
        now, topic = time.monotonic(), topic or line
        last, unsaid = self._said.get(topic, (-math.inf, 0))
        if now - last < self._quiet:
            self._said[topic] = last, unsaid + count
            return
        self._said.pop(topic, None)
        self._said[topic] = now, count - 1
        while len(self._said) > MOST:
            del self._said[next(iter(self._said))]
        self._say(f"{line} (and {unsaid} times since that was last said)" if unsaid else line)
