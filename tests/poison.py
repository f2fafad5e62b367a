"""A filter that some frames kill, in the ways in which programs die; it is a node of tests' graphs."""

import ctypes
import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from bus import Message, batches, called, run

MOST = 2_000_000_000  # bytes: who is not stopped before ends itself, which is another death
BITE = 8_000_000  # bytes


def poison(frames: Iterable[Message], *, deaths: dict[str, Any], batch: int = 1) -> Iterator[Message]:
    """Pass each frame on under this node's name.

    deaths: which number dies of what, such as {"17": "exits"}
    batch: how many are held at once
    """
    for group in batches(frames, batch, seconds=0.05) if batch > 1 else ([frame] for frame in frames):
        for frame in group:
            if death := deaths.get(str(frame.number)):
                DEATHS[death](frame)
            yield frame.replace(name=f"{called()}/{frame.name}")


def exits(frame: Message) -> None:
    os._exit(9)


def segfaults(frame: Message) -> None:
    ctypes.string_at(0)


def segfaults_in_a_thread(frame: Message) -> None:
    thread = threading.Thread(target=segfaults, args=(frame,))
    thread.start()
    thread.join()


def hangs(frame: Message) -> None:
    while True:
        pass


def eats(frame: Message) -> None:
    eaten = [b"x" * BITE]
    while len(eaten) < MOST // BITE:
        eaten.append(bytes(bytearray(eaten[0])))
    os.abort()


def overeats(frame: Message) -> None:
    """For the kernel to see, where `eats` is for the launcher."""
    eats(frame)


def raises(frame: Message) -> None:
    raise RuntimeError(f"no idea what {frame.name} is")


DEATHS = {death.__name__: death for death in (exits, segfaults, segfaults_in_a_thread, hangs, eats, overeats, raises)}


if __name__ == "__main__":
    run(poison)
