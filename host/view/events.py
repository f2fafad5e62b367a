"""What has happened to the graph: the last deaths, ends, failures and the like, for whoever looks later."""

import time
from collections import deque
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["death", "failed", "ready", "ended", "stopped", "hang", "memory", "spare", "pending", "graph"]
Event: TypeAlias = tuple[float, str, str, str]  # seconds since the epoch, who, kind, words

KEPT = 200


class Events:
    """The last of them, in order."""

    def __init__(self) -> None:
        self.all: deque[Event] = deque(maxlen=KEPT)

    def note(self, who: str, kind: Kind, words: str) -> None:
        self.all.append((time.time(), who, kind, words))
