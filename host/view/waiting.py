"""What waits for a machine, and why: said when it has done so for some seconds, and when the reason is another one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence

from host.view.facts import Facts
from host.view.states import PENDING

SAID_AFTER = 5.0  # seconds for which something must have been the reason
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")  # with other ones, of what is free, it is the same reason


class Waiting:
    """Says it in one line for all replicas of a node that wait for the same."""

    def __init__(self, say: Callable[[str, str], None]) -> None:
        """`say`: of which node, and what."""
        self._say = say
        self._since: dict[tuple[str, str], float] = {}  # node and reason -> since when it waits for that
        self._said = set[tuple[str, str]]()

    def look(self, nodes: Sequence[Facts], now: float) -> None:
        """`nodes`: as status.json has them; `now`: seconds of any clock."""
        found = defaultdict[tuple[str, str], list[str]](list)
        for node in nodes:
            for replica in node["replicas"]:
                if replica["state"] == PENDING:
                    found[node["name"], NUMBER.sub("#", replica["words"])].append(replica["words"])
        self._since = {one: self._since.get(one, now) for one in found}
        self._said &= found.keys()
        for one, words in found.items():
            if one not in self._said and now - self._since[one] >= SAID_AFTER:
                self._said.add(one)
                who = "waits" if len(words) == 1 else f"{len(words)} replicas wait"
                self._say(one[0], f"{who} for a machine: {words[0]}")
