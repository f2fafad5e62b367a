"""What may come a thousand times a second is said once a minute."""

import math
import time
from collections.abc import Callable

QUIET = 60.0  # seconds between two equal lines


class Seldom:
    """Says each line at most once in `quiet` seconds, and then how often it was left unsaid."""

    def __init__(self, say: Callable[[str], None], quiet: float = QUIET) -> None:
        self._say, self._quiet = say, quiet
        self._said: dict[str, tuple[float, int]] = {}  # line -> when it was said last, how often it came since

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        last, unsaid = self._said.get(line, (-math.inf, 0))
        if now - last < self._quiet:
            self._said[line] = last, unsaid + 1
            return
        self._said[line] = now, 0
        self._say(f"{line} (and {unsaid} times since that was last said)" if unsaid else line)
