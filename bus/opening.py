"""What came in on a wire, made ready for user code; or the verdict on what user code never sees."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bus.books import Page
from bus.chain import Unit
from bus.header import Malformed, check
from bus.message import Message
from bus.outputs import Outputs
from bus.picture import Undecodable
from bus.pull import Pull
from bus.pusher import Item
from bus.taken import Taken
from bus.unreadable import Unreadable

SKIP = {"stream": str, "number": int, "last": int}


class Opening:
    """Every method is called with the hub's lock held."""

    def __init__(self, title: str, grants: Sequence[Path], outputs: Outputs, books: Page) -> None:
        """`title`: who says so, in the reason of a dead letter; `grants`: real paths of folders with readable files."""
        self._title, self._grants, self._outputs, self._books = title, grants, outputs, books

    def open(self, pull: Pull, item: Item, whole: bool = False) -> Taken | None:
        """The message in `item`; None if there is nothing to hand out.

        Raises Unreadable while the disk of its file fails; with `whole` the file is read as a test of that.
        """
        try:
            if item.skip:
                check(item.meta, SKIP, "a skip")
                self._conclude(pull, item, "done", "", item.meta)
                return None
            message = Message.load(item.meta, item.payload)
        except Malformed as error:
            self._conclude(pull, item, "rejected", f"{self._title}: {error}")
            return None
        item.payload = b""  # from now on it lives as long as the message
        message.origin = item
        try:
            message.open(self._grants if not item.pusher.pipe.far else ())
            if whole:
                with suppress(Undecodable):  # user code will meet it
                    _ = message.bytes
        except FileNotFoundError:
            self._conclude(pull, item, "gone", "", _number(item))  # finished elsewhere
        except Unreadable:
            message.close()
            raise
        except (Malformed, OSError) as error:
            self.refuse(pull, item, error)
        else:
            return Taken(pull, item, message, _unit(pull, item))
        return None

    def refuse(self, pull: Pull, item: Item, error: Exception) -> None:
        """It can never be handed out."""
        self._conclude(pull, item, "rejected", f"{self._title}: {error}", _number(item))

    def _conclude(
        self, pull: Pull, item: Item, verdict: str, reason: str, passed_on: dict[str, Any] | None = None
    ) -> None:
        """User code does not get it; downstream hears of `passed_on` as a skip."""
        unit = _unit(pull, item)
        self._books["rejected"] += verdict == "rejected"
        pull.release(item)
        if passed_on:
            self._outputs.skip(passed_on, unit)
        unit.drop(verdict, reason)


def _unit(pull: Pull, item: Item) -> Unit:
    return Unit(lambda verdict, reason: pull.finish(item, verdict, reason))


def _number(item: Item) -> dict[str, Any]:
    return {"stream": item.meta["stream"], "number": item.meta.get("number")}
