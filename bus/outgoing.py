"""A message on a wire that is not finished yet, as its pusher knows it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from bus.arena import Slot
from bus.chain import Verdict
from bus.header import VERSION, text
from bus.parcel import Form

if TYPE_CHECKING:
    from bus.puller import Puller


class Outgoing:
    __slots__ = (
        "expires", "finish", "form", "given", "kind", "meta", "n", "payload", "put", "suspected_by", "text", "tries",
    )  # fmt: skip

    def __init__(self, n: int, kind: str, meta: dict[str, Any], payload: bytes | Slot, finish: Verdict) -> None:
        self.n, self.kind, self.meta, self.payload, self.finish = n, kind, meta, payload, finish
        self.text = ""  # the meta as JSON, once that was made
        self.put = time.time_ns()
        self.given: set[Puller] = set()  # who may give a verdict on it
        self.form: Form | None = None  # what is to be made before it can be sent, and is its payload then
        self.expires = math.inf  # by time.monotonic: from then on it is too old to be sent
        self.tries = 0  # deaths that it is guilty of
        self.suspected_by: Puller | None = None  # who was lost with it, and has not said yet what died of what

    @property
    def caution(self) -> int:
        """Its tries, as its header says them: above 0 for a suspect, too, which travels alone but is not blamed."""
        return self.tries if self.suspected_by is None else max(self.tries, 1)

    def header(self, epoch: str, low: int, place: tuple[int, ...] = ()) -> bytes:
        """The part that goes before its payload; `place`: where that lies in the arena instead."""
        self.text = self.text or text(self.meta)
        memory = f',"memory":{[*place]}' if place else ""
        return (
            f'{{"v":{VERSION},"kind":"{self.kind}","epoch":"{epoch}","n":{self.n},"low":{low},"tries":{self.caution}'
            f'{memory},"meta":{self.text}}}'
        ).encode()

    @property
    def failing(self) -> bool:
        """Whether its file could not be read so far: others go first."""
        return self.form is not None and self.form.due > 0

    def make(self) -> None:
        """Make what it carries, unless that was done for another wire. Raises as Form.make does."""
        if self.form is not None:
            self.form.make()
            self.meta, self.payload, self.text = {**self.meta, **self.form.fields}, self.form.payload, ""
            self.leave()

    def leave(self) -> None:
        """It has what it carries, or will not need it."""
        if self.form is not None:
            form, self.form = self.form, None
            form.leave()
