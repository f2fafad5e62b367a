"""What the splitter told about the streams that it opened, and which file is a frame of which."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from bus import Message, step
from bus.durable import FOLDER, opened, sync_files, sync_folder
from media.said import Said

# The file in the watched folder that keeps the facts: a watcher is told them once, and may be killed.
MEMORY = ".streams"
LARGEST = 2**63 - 1  # of any number in a message
RETRY = 1.0  # seconds until a disk that failed is tried again
MOST = 1000  # streams that are remembered, the latest of them

Facts = dict[str, Any]


class Origin(NamedTuple):
    """Where a file comes from; without a stream it was not our splitter that wrote it."""

    stream: str
    number: int | None
    facts: Facts


class Streams:
    """The facts about each stream, by its name."""

    def __init__(self, folder: Path) -> None:
        self._memory = folder / MEMORY
        self._facts: dict[str, Facts] = _recall(self._memory)
        self._is_new = False  # whether there is something to keep
        self._next_try = 0.0  # by time.monotonic
        self._said = Said()

    def learn(self, told: Iterable[Message]) -> None:
        """Take in what the splitter says about streams that it opened, and keep it."""
        for message in told:
            if self._facts.get(message.stream) != message.data:
                self._facts[message.stream] = message.data
                self._is_new, self._next_try = True, 0.0
        self.keep()

    def keep(self) -> None:
        """Write down what is new, for power cuts too, as soon as the disk takes it."""
        if not self._is_new or time.monotonic() < self._next_try:
            return
        try:
            self._keep()
        except FileNotFoundError:
            raise
        except OSError as error:
            self._next_try = time.monotonic() + RETRY
            words = f"cannot write {self._memory}: {error.strerror}; tries again until it works"
            self._said.once("kept", str(error.errno), words)
        else:
            self._is_new = False
            self._said.over("kept", f"{self._memory} is written")

    @property
    def kept(self) -> bool:
        """Whether all that was learnt is on the disk."""
        return not self._is_new

    def origin(self, name: str) -> Origin:
        """Where the file with this relative path comes from: frames are named `<stream>-…-<number>`."""
        stream, _, number = name.rpartition("/")[2].rpartition(".")[0].rpartition("-")
        while stream and number.isdecimal() and int(number) <= LARGEST:
            if stream in self._facts:
                return Origin(stream, int(number), self._facts[stream])
            stream = stream.rpartition("-")[0]
        return Origin("", None, {})

    def _keep(self) -> None:
        for forgotten in list(self._facts)[:-MOST]:
            del self._facts[forgotten]
        new = self._memory.with_name(MEMORY + ".new")
        with step("remember"):
            new.write_text(json.dumps(self._facts))
            with opened(new) as draft:
                sync_files([draft])
            new.replace(self._memory)
            with opened(self._memory.parent, FOLDER) as folder:
                sync_folder(folder)


def _recall(memory: Path) -> dict[str, Facts]:
    try:
        facts = json.loads(memory.read_text())
        return {str(stream): dict(fact) for stream, fact in facts.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        print(f"{memory} is damaged, so frames of an earlier run go on without their facts: {error}")
        return {}
