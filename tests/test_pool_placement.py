"""A replica's place: what must not be lost while it waits for a machine, or between two lives; only Ray is played."""

import asyncio
import base64
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bus.books import Books
from host import remains
from host.pool import folder
from host.pool.life import LEASE
from host.pool.placement import Placement
from tests.conftest import until
from tests.launch import ROOT, processes_in
from tests.nearby import Nearby

RUN_ID = f"{os.getpid():012x}"  # of this process of those that run tests
REPLICA = "filter.1"
PUSHERS = ["watcher.1", "watcher.2"]
FIRST: dict[str, Any] = {"books": None, "hand": None, "mark": None, "death": None, "ended": []}
POISONED = """
import sys
sys.path.insert(0, {root!r})
import os, time
from pathlib import Path
from bus.hand import Hand
hand = Hand(Path(sys.argv[-1].removeprefix("--run=")) / "filter.1.hand")
print("before", hand.before, flush=True)
hand.hold([("watcher.1", "epoch", 7, "poison.jpg")])
hand.run()
{then}
"""
HELD = "before [('watcher.1', 'epoch', 7, 'poison.jpg')]"


@pytest.fixture(autouse=True)
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="zg-test-") as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        yield


class Stay:
    """A placement, and what its stand-ins have been told."""

    def __init__(self, graph: Path) -> None:
        self.cluster, self.said = Nearby(), list[tuple[str, Any]]()
        self.placement = Placement(RUN_ID, str(graph))
        self._graph = graph

    def live(self, *argv: str, **past: Any) -> "asyncio.Task[int]":
        """Begin a life."""

        async def cluster() -> Any:
            return self.cluster

        order = {"replica": REPLICA, "pool": "pool", "argv": argv, "is_module": False, "pushers": PUSHERS}
        order |= {"folder": str(self._graph)}
        life = self.placement.live(cluster(), order, {**FIRST, **past}, lambda *news: self.said.append(news))
        return asyncio.create_task(life)

    async def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        await asyncio.to_thread(until, condition, seconds)

    def program(self, then: str) -> list[str]:
        """The command line of one that says what the last life held, takes a message, and does `then`."""
        (self._graph / "program.py").write_text(POISONED.format(root=str(ROOT), then=then))
        return [sys.executable, "program.py"]

    def told(self, kind: str) -> list[Any]:
        return [value for one, value in self.said if one == kind]

    def left(self, suffix: str, machine: str = "machine1") -> Path:
        return folder.where(RUN_ID, REPLICA, machine) / f"{REPLICA}.{suffix}"


@asynccontextmanager
async def stay(graph: Path) -> AsyncIterator[Stay]:
    made = Stay(graph)
    try:
        yield made
    finally:
        made.cluster.has_room.set()
        await made.placement.let_go()
        await made.until(lambda: not processes_in(graph))


def run(story: Coroutine[Any, Any, None]) -> None:
    async def in_time() -> None:
        await asyncio.wait_for(story, 60)

    asyncio.run(in_time())


def test_what_becomes_of_its_pushers_while_it_waits_is_known_when_it_begins(tmp_path: Path) -> None:
    """One ends, and a spare one is wanted after all."""

    async def story() -> None:
        async with stay(tmp_path) as one:
            life = one.live("sh", "-c", "exec sleep 600", ended=["watcher.2"])
            await one.until(lambda: one.said and one.said[-1][1]["why"] == "the cluster is full")
            one.placement.tell(PUSHERS, PUSHERS)
            one.placement.tell(PUSHERS, ["watcher.1"])
            one.cluster.has_room.set()
            await one.until(lambda: processes_in(tmp_path))
            assert one.left("heard.watcher.1").exists()
            assert not one.left("heard.watcher.2").exists()
            life.cancel()

    run(story())


def test_of_a_life_that_nobody_waits_for_any_longer_nothing_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with stay(tmp_path) as one:
            one.cluster.has_room.set()
            life = one.live("sh", "-c", "exec sleep 600")
            await one.until(lambda: processes_in(tmp_path))
            life.cancel()
            await one.until(lambda: not processes_in(tmp_path), LEASE / 2)

    run(story())


@pytest.mark.parametrize("machine", ["machine1", "machine2"])
def test_what_a_life_died_with_is_known_after_a_rest_that_its_actor_does_not_outlast(
    tmp_path: Path, machine: str
) -> None:
    """As in a crash loop; by then the machine may be another one, or gone."""

    async def story() -> None:
        async with stay(tmp_path) as one:
            one.cluster.has_room.set()
            assert await one.live(*one.program("os.kill(os.getpid(), 11)")) == -signal.SIGSEGV
            assert one.told("line")[-1] == "before []"
            await one.placement.let_go()
            assert not one.left("hand").exists()

            one.cluster.machine = machine
            assert await one.live(*one.program("os._exit(3)"), hand=one.told("hand")[-1]) == 3
            assert one.told("line")[-1] == HELD
            assert [hand is None for hand in one.told("hand")] == [True, False] * 2

    run(story())


def test_a_life_that_cannot_begin_leaves_what_the_last_one_held_to_the_next(tmp_path: Path) -> None:
    async def story() -> None:
        async with stay(tmp_path) as one:
            one.cluster.has_room.set()
            await one.live(*one.program("os.kill(os.getpid(), 11)"))
            held = one.told("hand")[-1]
            assert await one.live("no-such-program", hand=held) == 2
            assert one.told("hand")[-1] == held, "it is not taken from the launcher's folder"

    run(story())


def test_who_was_asked_to_leave_and_then_killed_blames_nothing_and_has_the_books_of_the_launcher(
    tmp_path: Path,
) -> None:
    """As after a change of graph.yaml: both files are here, and not in the folder on the machine."""
    hand, file = tmp_path / "filter.1.hand", tmp_path / "filter.1.books"
    written = Books(file, 1)
    written["received"] = 5
    written.close()
    remains.rearrange_books(file, ["small"], ["small", "large"])
    counts = "from bus.books import Books\nBooks(Path(sys.argv[-1][6:]) / 'filter.1.books', 1)['received'] = 9\n"

    async def story() -> None:
        async with stay(tmp_path) as one:
            one.cluster.has_room.set()
            life = one.live(*one.program(f"{counts}print('holds', flush=True)\ntime.sleep(600)"))
            await one.until(lambda: "holds" in one.told("line"))
            life.cancel()  # its stand-in is killed
            await one.until(lambda: not processes_in(tmp_path))

            remains.clear_hand(hand)
            past = {"hand": base64.b64encode(hand.read_bytes()), "books": base64.b64encode(file.read_bytes())}
            assert await one.live(*one.program("os._exit(3)"), **past) == 3
            assert one.told("line")[-1] == "before []"
            assert one.left("books").read_bytes() == file.read_bytes()

    run(story())
