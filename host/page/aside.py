"""The dead letters of this machine, for the page: a list of them, their images, and the way back."""

import os
import time
from hashlib import sha256
from typing import Any

from bus.picture import decode
from host.graph import Graph
from host.letters import Letter, Letters, printable
from host.page.pictures import shrunk
from host.page.regular import opened
from host.retry import put_back, what_follows

SHOWN = 100  # letters, the newest
LONGEST = 2000  # characters of a reason
MOST = 64 * 1024 * 1024  # bytes of a file that is shown
REST = 2.0  # seconds between two looks …
SHARE = 10  # … or so many times what the last one took, if that is more


class Aside:
    """Looks through the folders of dead letters, now and then."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._found: dict[str, Letter] = {}
        self._looks_at = 0.0  # time.monotonic() seconds
        self.listed: dict[str, Any] = {"count": 0, "troubles": [], "letters": []}

    def look(self, *, at_once: bool = False) -> None:
        """List them anew, unless that was done just now."""
        begun = time.monotonic()
        if begun < self._looks_at and not at_once:
            return
        letters = Letters(self.graph)
        self._found = {_id(letter): letter for letter in letters.found}
        newest = sorted(self._found.items(), key=lambda one: -one[1].when)[:SHOWN]
        self.listed = {
            "count": len(self._found),
            "troubles": letters.troubles,
            "letters": [_fields(id, letter) for id, letter in newest],
        }
        self._looks_at = time.monotonic() + max(REST, SHARE * (time.monotonic() - begun))

    def image(self, id: str, size: int) -> bytes:
        """The letter's image as a JPEG of at most `size` pixels a side.

        Raises KeyError if it is not there (any longer), ValueError, with words, if it is no image.
        """
        try:
            with opened(self._found[id].path) as file:
                body = file.read(MOST + 1)
        except OSError:
            raise KeyError(id) from None
        if len(body) > MOST:
            raise ValueError(f"over {MOST // 1024 // 1024} MiB are not shown")
        return shrunk(decode(body, size), size)[0]

    def retry(self, id: str) -> str:
        """Put the letter back; what follows. Raises KeyError if it is not there, retry.Stays if it cannot."""
        letter = self._found[id]
        if not os.path.lexists(letter.path):  # somebody else has put it back
            raise KeyError(id)
        try:
            home = put_back(letter)
        finally:
            self.look(at_once=True)
        own = printable(letter.own)
        back = f"{letter.shown} is back{f' as {own}' if own != letter.shown else ''}"
        return f"{back}: {what_follows(home)}"


def _id(letter: Letter) -> str:
    """A name for addresses, that tells no path."""
    return sha256(os.fsencode(letter.path)).hexdigest()[:24]


def _fields(id: str, letter: Letter) -> dict[str, Any]:
    return {
        "id": id,
        "name": letter.shown,
        "owner": letter.place.owner,
        "when": letter.when,
        "size": letter.size,
        "reason": letter.reason[:LONGEST],
        "goes_back": letter.place.home is not None,
    }
