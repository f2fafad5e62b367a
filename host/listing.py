"""How dead letters are shown: as a table for people, as JSON for programs."""

import json
import shlex
import time
from collections.abc import Iterable, Iterator

from host.letters import Letter, printable
from host.view.amounts import size
from host.view.report import plain

WIDEST = 40  # characters to which the column of names grows


def table(letters: Iterable[Letter]) -> Iterator[str]:
    """A line for each place, then one for each letter in it."""
    by_place: dict[str, list[Letter]] = {}
    for letter in letters:
        by_place.setdefault(_headed(letter), []).append(letter)
    for head, here in by_place.items():
        yield head
        width = min(WIDEST, max(len(pasted(letter.shown)) for letter in here))
        for letter in here:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(letter.when))
            reason = " ".join(" ".join(map(plain, letter.reason.split("\n"))).split())
            yield f"  {when}  {size(letter.size):>8}  {pasted(letter.shown):{width}}  {reason}"


def record(letter: Letter) -> str:
    """One JSON object. Its `name` is one that `retry` takes; `path` has bytes that are no UTF-8 as half surrogates."""
    facts = {
        "name": letter.shown,
        "path": str(letter.path),
        "bytes": letter.size,
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(letter.when)),
        "reason": letter.reason,
        "owner": letter.place.owner,
        "goes_back": letter.place.home is not None,
    }
    return json.dumps(facts)


def pasted(name: str) -> str:
    """`name` as a shell takes it."""
    return shlex.quote(name)


def _headed(letter: Letter) -> str:
    place = letter.place
    returns = "" if place.home else "; they cannot go back by themselves: put them into a watched folder, or try them"
    return f"{printable(str(place.folder))}, set aside by {place.owner}{returns}:"
