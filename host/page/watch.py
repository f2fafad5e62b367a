"""What there is to see now: looked for again and again, once for all viewers."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from host import runfolder
from host.graph import Graph, GraphError
from host.page.aside import Aside
from host.page.history import History
from host.page.lines import Lines
from host.page.pictures import Pictures, Wanted
from host.view import overview
from host.view.facts import Facts

LOOK = 0.5  # seconds between two looks at the numbers
PICTURES = 1.0  # seconds between two rounds of pictures, at least
HUMILITY = 10  # nice
FRESH = 5.0  # seconds after which the launcher, which writes once a second, is taken for gone

Result = TypeVar("Result")


class Look(NamedTuple):
    """One look at the numbers."""

    number: int  # of the look, from 1 on
    text: str  # of the shared part of what viewers are sent, as JSON
    whole: Facts | None  # the overview; None: there is none


class Watch:
    """The run folder, as this process sees it. Each kind of work has a thread: no slow disk holds up the rest."""

    def __init__(self, run: Path, graph: Graph, reading: Callable[[], Graph]) -> None:
        """`reading`: reads the graph anew."""
        self._run, self._graph, self._reading = run, graph, reading
        self._graph_of = runfolder.graph_in(run)
        self._looking = ThreadPoolExecutor(1, "look")
        self._drawing, self._walking = (ThreadPoolExecutor(1, name, be_humble) for name in ("draw", "walk"))
        self._lines, self._history = Lines(run, graph.nodes), History(run / "page.history")
        self._pictures = Pictures(run, graph)
        self._inode = run.stat().st_ino
        self._news = asyncio.Event()
        self.aside = Aside(graph)
        self.nodes = {*graph.nodes}  # those that were there once, too: a viewer may still look at one
        self.wants: dict[object, set[Wanted]] = {}  # viewer that looks -> what it wants to see
        self.now = Look(0, "", None)
        self._said = ""  # what is wrong with the numbers
        self._shown = "null"  # the overview as viewers are sent it
        self.letters = (0, "")  # how often the list has changed, and the list as JSON
        self.lines_since, self.points_since = self._lines.since, self._history.since

    @property
    def newest_point(self) -> int:
        """Its moment; 0: there is none."""
        return self._history.newest

    def picture(self, wanted: Wanted) -> Any:
        return self._pictures.made.get(wanted)

    async def look_on(self) -> None:
        """Look at the numbers until the run folder is gone."""
        while await self._in(self._looking, self._look):
            self._news.set()
            self._news = asyncio.Event()
            await asyncio.sleep(LOOK)

    async def draw_on(self) -> None:
        """Make the pictures that somebody wants to see, for ever."""
        while True:
            begun = time.monotonic()
            wanted = set().union(*self.wants.values())
            await self._in(self._drawing, self._pictures.make, wanted)
            await asyncio.sleep(max(PICTURES / 2 if wanted else LOOK, begun + PICTURES - time.monotonic()))

    async def walk_on(self) -> None:
        """List the dead letters while somebody looks, for ever."""
        while True:
            if self.wants:
                await self.list_letters()
            await asyncio.sleep(LOOK)

    async def list_letters(self) -> None:
        await self._in(self._walking, self.aside.look)
        text = json.dumps(self.aside.listed)
        if text != self.letters[1]:
            self.letters = self.letters[0] + 1, text

    async def walking(self, deed: Callable[..., Result], *what: object) -> Result:
        """Do something with dead letters, in their thread."""
        return await self._in(self._walking, deed, *what)

    async def after(self, number: int) -> Look:
        """The newest look, if need be the first that comes behind the one with this number."""
        while self.now.number <= number:
            await self._news.wait()
        return self.now

    def close(self) -> None:
        for thread in (self._looking, self._drawing, self._walking):
            thread.shutdown(wait=False, cancel_futures=True)
        self._lines.close()

    async def _in(self, thread: ThreadPoolExecutor, deed: Callable[..., Result], *what: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(thread, deed, *what)

    def _look(self) -> bool:
        """Take one look; whether the run folder is still there."""
        try:
            if self._run.stat().st_ino != self._inode:
                return False
        except FileNotFoundError:
            return False
        if self.wants:
            with suppress(OSError):  # no room for a folder's entry: no pictures, then
                (self._run / "watched").touch(0o600)
                os.utime(self._run / "watched")
        self._learn()
        whole = self._whole()
        if whole:
            self._history.add(whole)
        self._lines.read()
        clock = f'"now": {time.time()}, "silent": {json.dumps(silence(whole))}'
        self.now = Look(self.now.number + 1, f'{{{clock}, "overview": {self._shown}}}', whole)
        return True

    def _learn(self) -> None:
        """See whether the graph that runs has become another one."""
        if (kept := runfolder.graph_in(self._run)) == self._graph_of:
            return
        try:
            self._graph = self._reading()
        except GraphError:  # a module has gone since it was checked: what was read before is shown
            return
        self._graph_of, self.nodes = kept, self.nodes | self._graph.nodes.keys()
        self._lines.learn(self._graph.nodes)
        self._pictures.graph = self.aside.graph = self._graph

    def _whole(self) -> Facts | None:
        try:
            whole = overview.read(self._run)
            self._shown = json.dumps({**whole, "nodes": [_shown(node) for node in whole["nodes"]]})
        except FileNotFoundError:  # the launcher has not written yet
            return self.now.whole
        except (OSError, ValueError, LookupError, TypeError) as error:  # what was read before is shown, with its age
            self._say(f"the numbers of the launcher cannot be read: {error!r}")
            return self.now.whole
        self._said = ""
        return whole

    def _say(self, words: str) -> None:
        """Say it in the log, once as long as it is so."""
        if words != self._said:
            print(words, flush=True)
        self._said = words


def _shown(node: Facts) -> Facts:
    """What the page shows of a node: no histograms."""
    kinds = {kind: {"now": times["now"], "ever": times["ever"]} for kind, times in node["latency"].items()}
    return {**node, "latency": kinds}


def be_humble() -> None:
    """From now on whatever the nodes do comes before what this thread does (setpriority(2): of a thread, on Linux)."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HUMILITY)


def silence(whole: Facts | None) -> float | None:
    """For how many seconds the launcher has written nothing; None: it never has."""
    return max(0.0, time.time() - float(whole["at"])) if whole else None


def is_healthy(whole: Facts | None) -> bool:
    """Whether there is a launcher that looks after its nodes."""
    since = silence(whole)
    return since is not None and since < FRESH


def is_ready(whole: Facts | None) -> bool:
    """Whether all nodes of this host run, or have done what they had to."""
    if whole is None or not is_healthy(whole):
        return False
    here = [node["state"] for node in whole["nodes"] if node["state"] != "elsewhere" and not node.get("age")]
    return all(state in ("runs", "ended") for state in here)
