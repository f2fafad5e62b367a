"""The graph's file, and with --reload the modules of its nodes, followed: what is saved is noticed, and checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from host import modules
from host.graph import GraphError
from host.plan import Plan, Wish
from host.reading import document
from host.reading.problems import Problems
from host.runfolder import Refused
from host.safety import open_to_others

PACE = 0.5  # seconds between two looks at the files
GLANCE = 0.05  # … while they change
STILL = 0.2  # seconds without a change after which what stands there is meant
PATIENCE = 1.0  # … after which what makes no sense is meant, too, and not half of what is being written

Stamp = tuple[object, ...]


class Edit(NamedTuple):
    """A change that was checked."""

    plan: Plan
    reloaded: set[str]  # nodes whose module, or what it imports, is another one now


class Follow:
    """Times are those of time.monotonic(), in seconds."""

    def __init__(self, wish: Wish, run: Path, plan: Plan, say: Callable[[str], None], *, reload: bool) -> None:
        """`plan` is what runs; `reload`: whether the modules are followed, too."""
        self._wish, self._run, self._say, self._reload = wish, run, say, reload
        self._refused = ""  # why what stands there does not run
        self._take(plan)
        self._seen, self._since = self._stamp(), time.monotonic()
        self._settled: Stamp | None = None  # what was dealt with last; something may have been saved since the start
        self.looks_at = self._since + PACE
        if trouble := self._trouble(plan):
            say(f"{trouble}; until then no change is followed")

    def look(self) -> Edit | None:
        """A change, once it stands still and is checked; one that is refused is said."""
        now = time.monotonic()
        if now < self.looks_at:
            return None
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen, self._since = stamp, now
        self.looks_at = now + (PACE if stamp == self._settled else GLANCE)
        if stamp == self._settled or now - self._since < STILL:
            return None
        try:
            edit = self._read()
        except (GraphError, Refused) as error:
            if now - self._since >= PATIENCE:
                self._refuse(str(error))
            return None
        self._refused = ""
        if edit:
            self._take(edit.plan)
        self._settled = self._seen = self._stamp()
        return edit

    def _read(self) -> Edit | None:
        """What stands there; None if that runs already. Raises GraphError, Refused."""
        text = document.read_text(self._wish.path, Problems(str(self._wish.path)))
        modules.check(self._files)
        digests = modules.digests(self._files)
        changed = {file for file in digests if digests[file] != self._digests.get(file)}
        if text == self._plan.graph.text and not changed:
            if self._refused:
                self._say(f"{self._wish.path} is what runs again")
            return None
        plan = self._wish.plan(self._run)
        if trouble := self._trouble(plan):
            raise Refused(trouble)
        return Edit(plan, {name for name, files in self._of_node.items() if not changed.isdisjoint(files)})

    def _refuse(self, why: str) -> None:
        if why != self._refused:
            self._say("the change is refused, and what runs goes on:")
            for line in why.splitlines():
                self._say(line)
        self._refused = why
        self._settled = self._seen = self._stamp()

    def _take(self, plan: Plan) -> None:
        """This runs now."""
        self._plan = plan
        nodes = {process.node.name: process.node for process in plan.processes}
        self._of_node = {
            name: modules.below(node.source, plan.graph.folder)
            for name, node in nodes.items()
            if node.source and self._reload
        }
        self._files = sorted(set().union(*self._of_node.values()))
        self._digests = modules.digests(self._files)

    def _trouble(self, plan: Plan) -> str:
        """Which file others could write, so that they could have us run anything, and the cure; none if none."""
        sources = {process.node.source for process in plan.processes if process.node.source}
        own = {file for file in {*sources, *self._files} if not modules.is_ours(file)}
        folders = {plan.graph.folder, *(file.parent for file in own)}
        return next(filter(None, map(open_to_others, [plan.graph.path.absolute(), *sorted(folders), *sorted(own)])), "")

    def _stamp(self) -> Stamp:
        """What changes when one of the files does. While one is refused, another one may be missing beside it."""
        beside = [self._plan.graph.folder] if self._refused else []
        return tuple(_facts([self._wish.path, *self._files])), tuple(_facts(beside))


def _facts(files: Iterable[Path]) -> Iterable[object]:
    for file in files:
        try:
            its = file.stat()
        except OSError:
            yield None
        else:
            yield its.st_dev, its.st_ino, its.st_mtime_ns, its.st_size, its.st_mode, its.st_uid, its.st_gid
