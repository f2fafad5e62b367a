"""One replica at work: its wires, what its user code holds, and its way from the start to the end mark."""

from __future__ import annotations

import inspect
import socket
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from bus import death
from bus.hand import Hand
from bus.hangs import Outside
from bus.hiding import conceal
from bus.hub import Hub
from bus.inputs import Input
from bus.inside import Inside
from bus.leaving import Leaving
from bus.link import Sockets, by_wire
from bus.lookout import Lookout
from bus.marks import Marks
from bus.measures import Measures
from bus.message import Message
from bus.notify import Notify
from bus.opening import Opening
from bus.order import Order
from bus.outputs import Misuse, Outputs
from bus.picture import Undecodable
from bus.pull import Pull
from bus.push import Push
from bus.superseded import Superseded
from bus.taken import Taken
from bus.times import BLOCKED, NEITHER, WAITING, WORKING
from bus.traces import Errors
from bus.unreadable import Unreadable

STALE = 0.002  # seconds without serving the wires after which the next `next` does


class Node:
    def __init__(self, options: Namespace, parameters: dict[str, bool], marks: Marks) -> None:
        """`parameters` are the function's inputs. Raises ValueError if the wires cannot be as `options` has them."""
        self.name: str = options.name
        run: Path | None = options.run
        self.hub = Hub()
        self.marks = marks
        pushes = by_wire(options.push, lambda pipe: pipe.output)
        self.measures = Measures(run, self.name, len(pushes), self.say, trace=options.trace)
        self.books = self.measures.books
        self._errors = Errors()
        self.lookout = Lookout(self.books, self.hub.lock)
        self.hand = Hand(run and run / f"{self.name}.hand")
        self.notify = Notify(self.name)
        self.outside = Outside(self.hand, self.books, self.say)
        self.leaving = Leaving(self)
        self.superseded = Superseded(self)
        self.hub.on_beat, self.hub.on_signals, self.hub.on_gone = self.beat, self.leaving.hear, self.superseded.hear
        self.inside = Inside(self)
        self.asked: Input | None = None  # the input that user code asked last
        self.inputs = {name: Input(self) for name in parameters}
        self.outputs = Outputs(self.name, self.measures, self.say)
        self.hub.join(self.outputs.dead)
        self.hub.join(self.outputs.arena)
        self._title = f"{self.name.rpartition('.')[0] or self.name} on {socket.gethostname()}"
        grants = [Path(grant).resolve() for grant in options.grant]
        self.opening = Opening(self._title, grants, self.outputs, self.books)
        self.sockets = Sockets(options.key, self._refused_some)
        before = death.last(self.hand.before, run, self.name, self._title)
        pulls = by_wire(options.pull, lambda pipe: pipe.input or next(iter(parameters)))
        for which, ((name, wire), pipes) in enumerate(pulls.items()):
            into, order = self.inputs[name], None
            if pipes[0].in_order:
                order = Order(wire, run and run / f"{self.name}.order.{which}", self.say)
            into.pulls.append(Pull(self.hub, self.sockets, pipes, into.queue, before, self.marks, self.say, order))
        for page, ((name, _), pipes) in zip(self.books.wires, pushes.items(), strict=True):
            clocks, arena = self.measures.clocks, self.outputs.arena
            self.outputs.add(name, Push(self.hub, self.sockets, pipes, page, clocks, arena, self.say, marks))

    def say(self, words: str) -> None:
        print(words, flush=True)

    def _refused_some(self, count: int) -> None:
        self.books["refused"] += count

    def holding(self) -> list[Taken]:
        return [taken for source in self.inputs.values() for taken in source.taken]

    def overdue(self) -> bool:
        """Whether the wires want to be served before more is handed out."""
        if any(pull.overdue for source in self.inputs.values() for pull in source.pulls):
            return True
        return time.monotonic() - self.hub.served > STALE

    # ---- what user code holds

    def let_go(self, taken: Taken, unwanted: str = "") -> None:
        """User code has finished with `taken`: what it yielded meanwhile decides the rest, unless it was `unwanted`."""
        message, unit = taken.message, taken.unit
        message.close()
        taken.pull.release(taken.item)
        self.books["received"] += 1
        self.measures.let_go(taken)
        self.outputs.skip({"stream": message.stream, "number": message.number}, unit, taken.told)
        if message.reason is not None:
            self.books["rejected"] += 1
            unit.drop("rejected", conceal(f"{self._title}: {message.reason}"))
        elif taken.wires:
            unit.drop()
        elif unwanted or (self.outputs.wires and message.number is not None):
            self.books["unwanted"] += 1
            unit.drop("dropped", f"{self._title}: {unwanted or 'passed nothing on'}")
        else:
            unit.drop("done")

    def failed(self, error: Exception) -> None:
        """User code raised `error`: what it held is done again, and counted against what it asked for last.

        With empty hands it is a death, and raised again.
        """
        if self.hub.failure:
            raise error
        holding = self.holding()
        culprit = self._culprit(error, holding)
        self.books["failures"] += culprit is None
        if not holding:
            raise error
        if not culprit:
            self.say(f"failed on {', '.join(taken.message.name or repr(taken.message) for taken in holding)}")
            self.say(self._errors.words(error))
        asked = self.asked.taken if self.asked and self.asked.taken else holding
        words = conceal(f"{self._title}: {type(error).__name__}: {error}")
        with self.inside:
            for source in self.inputs.values():
                taken_here, source.taken = source.taken, []
                for taken in taken_here:
                    if taken is not culprit:
                        if culprit and taken.partner is culprit and not isinstance(error, Unreadable):
                            source.drop(taken, f"came with what cannot be decoded: {culprit.message.name}")
                            continue
                        taken.message.close()
                        taken.pull.give_back(taken.item, not culprit and taken in asked, words)
                    elif isinstance(error, Unreadable):
                        taken.message.close()
                        source.put_off(taken.pull, taken.item, error)
                    else:
                        taken.message.reject(str(error))
                        self.let_go(taken)

    def _culprit(self, error: Exception, holding: list[Taken]) -> Taken | None:
        """What cannot be decoded, or read for now; with a message of the node's own that is a fault of the node."""
        if not isinstance(error, Undecodable | Unreadable):
            return None
        if not isinstance(error.culprit, Message):
            return holding[0] if len(holding) == 1 else None
        return next((taken for taken in holding if taken.made(error.culprit)), None)

    def send(self, out: object) -> None:
        """Send what user code yielded as soon as there is room. Raises Misuse, or Stopped."""
        message, wires = self.outputs.pick(out)
        with self.inside:
            while not (self.outputs.dead.room() and all(push.room() for push in wires)):
                with self.measures.times.spent(BLOCKED):
                    self.hub.wait()
                self.lookout.beat()
            self.lookout.over()
            holding = self.holding()
            if not holding:
                self.outputs.number(message)
            self.outputs.send(message, wires, holding)
            if self.overdue():
                self.hub.serve()
            if not holding:
                self.leaving.check_idle()

    def beat(self) -> None:
        self.notify.beat()
        self.outside.beat()
        self.measures.beat()

    def breathe(self) -> None:
        """User code has nothing to send."""
        with self.inside:
            self.hub.check()
            self.hub.serve()
            self.leaving.check_idle()

    # ---- from start to end

    def work(self, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        """Call `function` until its inputs have ended. Raises Stopped, and what ends the process."""
        self.measures.times.turn(WORKING)
        while True:
            received = self.books["received"]
            try:
                flow = function(*(source if source.pulls else None for source in self.inputs.values()), **arguments)
                if inspect.isgenerator(flow):
                    with closing(flow):
                        for out in flow:
                            self.breathe() if out is None else self.send(out)
                elif flow is not None:
                    raise Misuse(f"returned {type(flow).__name__}: a node yields its messages, one by one")
            except Misuse as misuse:
                self.say(f"{self.name} {misuse}")
                raise SystemExit(2) from None
            except Exception as error:
                self.failed(error)
                continue
            if self._through():
                self.measures.times.turn(NEITHER)
                return
            if self.books["received"] == received:
                self._refused()

    def _refused(self) -> None:
        """The function wants nothing of an input that goes on: that is right only if another input has ended."""
        wired = [source for source in self.inputs.values() if source.pulls]
        if not any(source.ended for source in wired):
            self.say(f"{self.name} returned without taking a message, although one waits for it")
            raise SystemExit(1)
        with self.inside, self.measures.times.spent(WAITING):
            while not all(source.ended for source in wired):
                for source in wired:
                    source.discard("came after the end of another input")
                self.leaving.check()
                self.hub.wait()

    def close(self) -> None:
        for part in (self.hub, self.sockets, self.outputs.arena, self.notify, self.outside, self.hand, self.measures):
            part.close()

    def _through(self) -> bool:
        """The function has returned: whether its inputs have ended too. If more comes, it is to be called afresh."""
        with self.inside, self.measures.times.spent(WAITING):
            for source in self.inputs.values():
                source.let_go()
            wired = [source for source in self.inputs.values() if source.pulls]
            while not any(source.waits for source in wired):
                for push in self.outputs.wires:
                    push.closed = all(source.quiet for source in wired)
                if all(source.ended for source in wired):
                    return True
                self.leaving.check()
                self.hub.wait()
            for push in self.outputs.wires:
                push.closed = False
            return False
