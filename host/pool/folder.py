"""The run folder of a replica on a machine of a pool: it outlives the actor that holds it, and so tells of its end."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

from bus.books import COUNTERS
from host.runfolder import SINCE, Refused, RunFolder, base, hold

PREFIX = "pool-"
ABANDONED = 3600.0  # seconds after which one that nobody holds is removed
GRACE = 5.0  # seconds that one waits for the actor before it to let go: Ray may start this one sooner than that is gone
PAUSE = 0.05  # seconds between two tries
HELD = SINCE.pack(1)  # the head of a hand that is sent: since when, only the clock of its machine could say
PROGRESS = tuple(COUNTERS.index(name) for name in ("received", "sent", "made"))


class Folder(RunFolder):
    """Held for as long as the actor lives; a path of its own on each of Ray's machines, even if they share a disk."""

    def __init__(self, run_id: str, replica: str, node: str) -> None:
        """`node`: Ray's id of the machine. Raises Refused if the place is not safe, or if another process holds it."""
        self.path = where(run_id, replica, node)
        self._lock = _held(self.path)
        self.id = f"{run_id}.{replica}.{secrets.token_hex(4)}"  # this actor's alone: what carries it may be killed
        self.notify = self.path / "notify"
        self.notify.unlink(missing_ok=True)  # of an actor that was killed
        self._replica = replica
        sweep()

    def recover(
        self, books: bytes | None, mark: str | None, death: str | None, hand: bytes | None, is_whole: bool
    ) -> None:
        """Be as the run folder of its last life was, on whichever machine. Raises OSError.

        `hand`: what that held, if that was another machine; None: what is here. `is_whole`: the launcher has all since
        that ended, and may have changed it as its graph has; else the books here may be ahead of those that it has.
        """
        if books:
            here = self.books(self._replica)
            own = here.read_bytes() if here.exists() else b""
            if is_whole or _progress(books) > _progress(own):
                here.write_bytes(books)
        self._put("done", mark.encode() if mark else None)
        self._put("death", death.encode() if death else None)
        if hand is not None:
            self._put("hand", hand or None)

    def held(self) -> bytes:
        """What the node, which is dead, had in its hand; nothing if that was nothing. Raises OSError."""
        hand = self.hand(self._replica)
        body = hand.read_bytes() if hand.exists() else b""
        return HELD + body[SINCE.size :].rstrip(b"\0") if any(body[: SINCE.size]) else b""

    def touch(self) -> None:
        """Somebody is there, so that nobody removes it soon after."""
        os.utime(self.path)

    def release(self, *, keep: bool) -> None:
        """Let go of it; it goes unless it is to be kept for the next actor here."""
        if not keep:
            shutil.rmtree(self.path, ignore_errors=True)  # what resists is swept later
        os.close(self._lock)

    def _put(self, suffix: str, body: bytes | None) -> None:
        path = self.path / f"{self._replica}.{suffix}"
        if body is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(body)


def where(run_id: str, replica: str, node: str) -> Path:
    return base() / f"{PREFIX}{run_id}.{replica}.{node[:8]}"


def sweep() -> None:
    """Remove what nobody has held for long. Raises Refused."""
    for path in base().glob(f"{PREFIX}*"):
        with suppress(OSError):  # another one was faster
            if path.stat().st_mtime < time.time() - ABANDONED and (lock := hold(path)) is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)


def inherit(run_id: str, replica: str, node: str) -> bytes:
    """What the last life of `replica` on this machine died with in its hand, so that another machine's life reports it.

    To be called on that machine once its actor is gone; the folder goes with it. Nothing if there is none.
    """
    path = where(run_id, replica, node)
    if not path.exists():
        return b""
    try:
        lock = _held(path)
    except Refused:  # the old life is not over: nobody can know what it will die with
        return b""
    hand = path / f"{replica}.hand"
    body = hand.read_bytes() if hand.exists() else b""
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)
    return body


def _held(path: Path) -> int:
    deadline = time.monotonic() + GRACE
    while (lock := hold(path)) is None:
        if time.monotonic() > deadline:
            raise Refused(f"{path} is still held by the actor before this one")
        time.sleep(PAUSE)
    return lock


def _progress(books: bytes) -> int:
    """How far a replica had come when these were its books."""
    return sum(int.from_bytes(books[8 * place : 8 * place + 8], "little") for place in PROGRESS)
