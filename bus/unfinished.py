"""What a pusher has not finished on one wire, and in which order the part of it that is not sent goes out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from bus.arena import Slot
from bus.books import WirePage
from bus.chain import Verdict, nobody
from bus.clocks import Clocks
from bus.link import Pipe
from bus.outgoing import Outgoing
from bus.parcel import Form
from bus.puller import Puller

MOST_FAILING = 4  # messages whose files cannot be read for now; with more nothing new is taken


class Unfinished:
    """All of it by number, and a queue of the unsent: with `latest` the newest alone, with `max_age` nothing old."""

    def __init__(self, pipe: Pipe, page: WirePage, clocks: Clocks) -> None:
        """`pipe`: any one of the wire; `page`: what it has in the books."""
        self.all: dict[int, Outgoing] = {}
        self.latest, self.max_age = pipe.keep == "latest", pipe.max_age
        self._queue: deque[int] = deque()
        self.wire, self._page, self._clocks = pipe.wire, page, clocks
        self._n = 0

    def was_given(self, puller: Puller, n: int) -> bool:
        """Whether `puller` may say something of message `n`: it was given that, or all of it is finished."""
        out = self.all.get(n)
        return puller in out.given if out else n <= self._n

    @property
    def low(self) -> int:
        """The lowest number that is not finished; the next one if all are."""
        return next(iter(self.all), self._n + 1)  # dicts keep order: the first is the lowest

    @property
    def all_sent(self) -> bool:
        return not self._queue

    @property
    def room(self) -> bool:
        """Whether a message may be added. Nobody waits for what nobody may take soon."""
        if self.latest or not self._queue:
            return True
        waiting = [out for out in self.unsent() if not (self.max_age and out.kind == "skip")]
        return len(waiting) < MOST_FAILING and all(out.failing for out in waiting)

    def add(
        self,
        kind: str,
        meta: dict[str, Any],
        payload: bytes | Slot,
        finish: Verdict,
        form: Form | None = None,
        text: str = "",
    ) -> None:
        if self.latest and kind == "message":
            for old in [out for out in self.unsent() if out.kind == "message" and not out.tries]:
                self._drop(old, "passed_over", f'a newer frame came on "{self.wire}"')
        self._n += 1
        self.all[self._n] = out = Outgoing(self._n, kind, meta, payload, finish)
        out.form, out.text = form, text
        if self.max_age and kind == "message":
            out.expires = time.monotonic() + self.max_age
            if meta["time"] == "captured":
                captured = self._clocks.captured(meta["hops"], meta["captured"])
                out.expires -= max(0.0, time.time() - captured / 1e9)
        self._queue.append(self._n)

    def skip(self, meta: dict[str, Any], finish: Verdict) -> None:
        """Downstream is to know that this number will not come."""
        if meta.get("number") is None:
            finish("", "")
        else:
            last = meta.get("last", meta["number"])
            self.add("skip", {"stream": meta["stream"], "number": meta["number"], "last": last}, b"", finish)

    def finish(self, n: int, verdict: str, reason: str) -> None:
        out = self.all.pop(n, None)
        if out is not None:
            if out.form is not None:
                out.leave()
            out.finish(verdict, reason)

    # ---- the queue

    def unsent(self) -> list[Outgoing]:
        return [self.all[n] for n in self._queue if n in self.all]

    def first(self) -> Outgoing | None:
        """What goes out next; what has become too old is dropped first."""
        while self._queue:
            out = self.all.get(self._queue[0])
            if out is None:
                self._queue.popleft()
            elif self.max_age and self._drop_outdated():
                continue
            elif out.form is None or not out.failing:
                return out
            else:
                now = time.monotonic()
                return next((one for one in self.unsent() if one.form is None or one.form.due <= now), None)
        return None

    def sent(self, out: Outgoing) -> None:
        self._queue.remove(out.n)  # it is the first, unless the first has failed
        if out.kind == "message":
            self._page["sent"] += 1
            self._page["bytes"] += len(out.payload)

    def tell(self, pullers: int) -> None:
        """Write down how it stands, with so many pullers up."""
        waits = [out for out in self.all.values() if out.kind == "message"]
        self._page["queued"] = sum(out.kind == "message" for out in self.unsent())
        self._page["unfinished"], self._page["oldest"] = len(waits), waits[0].put if waits else 0
        self._page["pullers"] = pullers

    def put_back(self, numbers: Iterable[int]) -> None:
        """Those of them that are not finished go out again, before all others."""
        waiting = set(self._queue)
        self._queue.extendleft(reversed([n for n in numbers if n in self.all and n not in waiting]))

    def _drop_outdated(self) -> bool:
        """Whether there was any."""
        now = time.monotonic()
        old = [out for out in self.unsent() if out.expires < now]
        for out in old:
            self._drop(out, "outdated", f'was over {self.max_age:.12g} s old before "{self.wire}" could take it')
        return bool(old)

    def _drop(self, out: Outgoing, counter: str, reason: str) -> None:
        """It was not sent, and will not be: downstream hears of it as a skip."""
        meta = out.meta
        self._page.let_pass(counter)
        self.finish(out.n, "dropped", reason)
        stream, first, last = meta["stream"], meta["number"], meta.get("last", meta["number"])
        for skip in reversed(self.unsent()):  # those that were joined before end where this one begins
            if skip.finish is nobody and (skip.meta["stream"], skip.meta["last"] + 1) == (stream, first):
                first = skip.meta["number"]  # one skip for all in a row, so that a long wait needs no memory
                self.finish(skip.n, "", "")
        self._queue = deque(n for n in self._queue if n in self.all)
        self.skip({"stream": stream, "number": first, "last": last}, nobody)
