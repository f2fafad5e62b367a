"""What dies of what: which messages may be deadly, which have killed, and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bus.outgoing import Outgoing
from bus.puller import Puller
from bus.unfinished import Unfinished

TRIES = 3  # deaths that make a message a dead letter


class Guilt:
    """That of the messages of one wire. What a puller was lost with is suspect until it has told what became of it."""

    def __init__(
        self, unfinished: Unfinished, say: Callable[[str], None], give_up: Callable[[Outgoing, str, str], None]
    ) -> None:
        """`give_up(out, verdict, reason)` is called for what is a dead letter now."""
        self._unfinished, self._say, self._give_up = unfinished, say, give_up

    def suspect(self, puller: Puller) -> None:
        """It is lost: what is open there may kill the next puller, before this one tells."""
        puller.is_missed = True
        for n in puller.open:
            self._unfinished.all[n].suspected_by = puller

    def hear(self, puller: Puller, state: dict[str, Any], epoch: str) -> None:
        """A new life tells, once, what the last one had in hand; a life that is back has died of nothing."""
        incarnation = state["incarnation"]
        is_new = incarnation not in puller.blamed
        if "hand" not in state or not (is_new or puller.is_back):
            return
        puller.blamed.add(incarnation)
        puller.is_missed = False
        for out in self._unfinished.all.values():
            if out.suspected_by is puller:
                out.suspected_by = None
        for n in [n for of, n in state["hand"] if of == epoch and is_new]:
            self.blame(n, state.get("death") or f"killed {puller.name}")

    def blame(self, n: int, words: str) -> None:
        """`n` is guilty once more; the last time makes it a dead letter."""
        out = self._unfinished.all.get(n)
        if out is None:
            return
        out.tries += 1
        if out.tries >= TRIES:
            wire = self._unfinished.wire
            self._say(f"gives up {out.meta.get('name') or n} on {wire} after {out.tries} tries: {words}")
            self._give_up(out, "rejected", f"{words} ({out.tries} times)")
