"""A change of the graph, applied while it runs: who has no place left goes, who is another one begins anew.

Nothing is lost by it, as nothing is by a death: what a replica held goes back to who sent it, and comes again. Who is
to be another one is asked to leave, and begins its next life under its new command line the moment that it has left;
all others do not notice. docs/live.md has the rules.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

from host import remains
from host.child import NEVER, Child
from host.difference import Difference
from host.elastic import Elastic
from host.graph import Graph
from host.link.elsewhere import Elsewhere
from host.plan import Plan
from host.runfolder import RunFolder
from host.view.telling import Telling

LEAVE_TIME = 8.0  # seconds that a replica has to finish what it holds, before it is killed
WRONG = 2  # the exit code of a node whose arguments are wrong


class Change:
    """Changes the `children` in place: others hold the same list, the sink first."""

    def __init__(
        self,
        graph: Graph,
        children: list[Child],
        run: RunFolder,
        telling: Telling,
        elsewhere: Elsewhere,
        elastic: Elastic,
        line: Callable[[str, str], None],
    ) -> None:
        self._graph, self._children, self._run, self._line = graph, children, run, line
        self._telling, self._elsewhere, self._elastic = telling, elsewhere, elastic
        self._edited = set[Child]()  # those that were not ready yet since a change has made them what they are
        self._waiting = set[Child]()  # those that bind ports which others may hold until they have left
        self._has_begun = False
        self._untold_since = NEVER  # when the last change began, by time.monotonic, until it is said to be through

    @property
    def is_under_way(self) -> bool:
        """Whether somebody is still to leave; the next change waits until this one is through."""
        return any(child.is_changing for child in self._children)

    def begin(self, plan: Plan, found: Difference, changed: Collection[str]) -> None:
        """Let all be what `plan` says. `changed`: nodes that are not what they were, whatever their wires are."""
        self._graph, self._has_begun = plan.graph, True
        now = time.monotonic()
        deadline = now + LEAVE_TIME
        self._untold_since = now if found.gone or found.fresh or found.changed else NEVER
        for child in [*self._children]:
            name = child.process.replica
            if name in found.kept:
                before = child.process
                child.process = replace(
                    found.kept[name], argv=before.argv, pipes=before.pipes, outgoing=before.outgoing
                )
            elif name in found.changed:
                child.leave_for(found.changed[name], deadline)
            else:
                child.remove(deadline)
        for name, process in found.fresh.items():
            with self._said_by(name):
                remains.forget(self._run.path, name)
            self._children.append(child := Child(process, plan.graph.folder, self._run, self._line))
            if not self._elastic.rests(child):
                self._start(child)
        for child in [child for child in self._children if not child.is_running]:
            if child.is_removed:
                self._drop(child)
            elif child.successor:
                is_source = not child.node.inputs and child.node.name in changed
                self._succeed(child, has_ended=child.over == "ended" and not is_source)
        places = {process.replica: place for place, process in enumerate(plan.processes)}
        self._children.sort(key=lambda child: places.get(child.process.replica, len(places)))
        self._telling.learn(self._graph, self._children)
        self.settle()

    def left(self, child: Child) -> None:
        """One of those that were to leave has."""
        if child.is_removed:
            self._drop(child)
        else:
            self._succeed(child, has_ended=self._run.mark(child.process.replica).exists())
            self._telling.learn(self._graph, self._children)
        self.settle()

    def settle(self) -> None:
        """Let those start that wait for others, and those begin again that have something to do again."""
        if not self._has_begun:
            return
        if not self.is_under_way:
            for child in self._waiting:
                child.starts_at = 0.0
            self._waiting.clear()
        while again := [child for child in self._children if self._has_work(child)]:
            for child in again:
                self._start(child)

    def tell_when_through(self) -> None:
        """Say so, once, when everyone has left who is to, and all who begin are there."""
        if self._untold_since == NEVER or self.is_under_way or not all(map(_is_there, self._edited)):
            return
        seconds, self._untold_since = time.monotonic() - self._untold_since, NEVER
        self._telling.of_graph(f"changed: all of it runs, after {seconds:.1f} s")

    def excuses(self, child: Child, code: int) -> bool:
        """Whether the last change has made it exit with `code`: then it waits for the next one, and fails nobody."""
        if child.is_ready:
            self._edited.discard(child)
        if code != WRONG or child not in self._edited:
            return False
        child.starts_at = NEVER
        return True

    def _succeed(self, child: Child, *, has_ended: bool) -> None:
        """It has left: let it be what it is to be. What has ended stays so, unless somebody feeds it again.

        No message is blamed for what it held when it was asked to leave.
        """
        replica, outgoing = child.process.replica, child.process.outgoing
        child.take_over()
        with self._said_by(child.process.label):
            remains.rearrange_books(self._run.books(replica), outgoing, child.process.outgoing)
            remains.clear_hand(self._run.hand(replica))
        child.over = "ended" if has_ended else ""
        if not has_ended and child.is_wanted:
            self._start(child)
        elif not has_ended:
            self._elastic.rest(child)

    def _start(self, child: Child) -> None:
        """Let it live, or live again, as soon as its ports are free."""
        with self._said_by(child.process.label):
            remains.revive(self._run.path, child.process.replica)
        child.begin_again()
        self._edited.add(child)
        if any(pipe.bind and pipe.far for pipe in child.process.pipes):
            child.starts_at = NEVER
            self._waiting.add(child)

    def _drop(self, child: Child) -> None:
        """It has left for good. Its figures are read before they go."""
        self._children.remove(child)
        self._edited.discard(child)
        self._telling.of(child, "stopped", "has left: it is not in the graph any longer")
        self._telling.learn(self._graph, self._children)
        with self._said_by(child.process.label):
            remains.forget(self._run.path, child.process.replica)

    def _has_work(self, child: Child) -> bool:
        """Whether it is over, and has something to do again: an input that lives, or, if it had no way on, a way on."""
        if child.over == "ended":
            pushers = [name for pusher in self._graph.pushers[child.node.name] for name in self._names(pusher)]
            return any(self._lives(pusher, child.process.replica) for pusher in pushers)
        if child.over == "stopped":
            pullers = [name for puller in self._graph.pullers[child.node.name] for name in self._names(puller)]
            return any(self._lives(puller, "") for puller in pullers)
        return False

    def _names(self, node: str) -> list[str]:
        return self._graph.nodes[node].names

    def _lives(self, replica: str, puller: str) -> bool:
        """Whether it has a life or one to come, as far as is known here. `puller`: who may have heard that it has not.

        One that has left its end mark is over, although its process may say so for a moment.
        """
        here = next((child for child in self._children if child.process.replica == replica), None)
        if here:
            return not here.over and not here.is_leaving and not self._run.mark(replica).exists()
        node = replica.rpartition(".")[0]
        return node not in self._elsewhere.over and not self._run.has_heard(puller, replica)

    @contextmanager
    def _said_by(self, name: str) -> Iterator[None]:
        """What the disk of the run folder refuses is said, and the change goes on."""
        try:
            yield
        except OSError as error:
            self._line(name, f"what its last life has left in {self._run.path} is not in order: {error.strerror}")


def _is_there(child: Child) -> bool:
    """Whether it has got as far as it will: a command without wires does not say when it is ready."""
    return child.is_ready or child.over in ("ended", "spare") or (child.is_running and not child.leaves_mark)
