"""What the first life of a run has found out, for all lives after it: `<run>/<hash>.first`."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path


def first(run: Path | None, about: str, words: str) -> str:
    """`words`, or what any node of this run has said `about` it first. Without a run folder, or room in it: `words`."""
    if run is None:
        return words
    place = run / f"{hashlib.sha256(os.fsencode(about)).hexdigest()[:24]}.first"
    fresh = place.with_suffix(f".{os.getpid()}")
    try:
        if not place.exists():
            fresh.write_bytes(os.fsencode(words))
            with suppress(FileExistsError):  # another was faster
                os.link(fresh, place)
        return os.fsdecode(place.read_bytes())
    except OSError:
        return words
    finally:
        with suppress(OSError):
            fresh.unlink()
