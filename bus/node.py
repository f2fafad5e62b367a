"""One replica at work: its wires, what its user code holds, and its way from the start to the end mark."""

from __future__ import annotations

import inspect
import socket
import time
import traceback
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from bus.books import Books
from bus.chain import Unit
from bus.hand import Hand
from bus.header import Malformed, check
from bus.hiding import conceal
from bus.hub import Hub
from bus.inputs import Input, Taken
from bus.inside import Inside
from bus.link import Pipe, Sockets
from bus.marks import Marks
from bus.message import Message
from bus.notify import Notify
from bus.outputs import Misuse, Outputs
from bus.picture import Undecodable
from bus.pull import Pull
from bus.push import Push
from bus.pusher import Item

SKIP = {"stream": str, "number": int, "last": int}
NEWS = 4  # finished messages that may wait before a pusher is told
STALE = 0.002  # seconds without serving the wires after which the next `next` does
GOODBYE = 1.0  # seconds in which pullers are told that the end has come; the mark tells those who miss it


class Node:
    def __init__(self, options: Namespace, parameters: dict[str, bool], marks: Marks) -> None:
        """`parameters` are the function's inputs. Raises ValueError if the wires cannot be as `options` has them."""
        self.name: str = options.name
        run: Path | None = options.run
        self.hub = Hub()
        self.marks = marks
        self.books = Books(run and run / f"{self.name}.books")
        self.hand = Hand(run and run / f"{self.name}.hand")
        self.notify = Notify(self.name)
        self.hub.on_beat = self.notify.beat
        self.inside = Inside(self)
        self.inputs = {name: Input(self) for name in parameters}
        self.outputs = Outputs(self.name, self.books, self.say)
        self._title = f"{self.name.rpartition('.')[0] or self.name} on {socket.gethostname()}"
        self._grants = [Path(grant).resolve() for grant in options.grant]
        self._sockets = Sockets(options.key)
        for (name, _), pipes in _by_wire(options.pull, lambda pipe: pipe.input or next(iter(parameters))).items():
            into = self.inputs[name]
            before, marked = self.hand.before, self.marks.ended
            into.pulls.append(Pull(self.hub, self._sockets, pipes, into.queue, before, marked, self.say))
        for (name, _), pipes in _by_wire(options.push, lambda pipe: pipe.output).items():
            self.outputs.add(name, Push(self.hub, self._sockets, pipes, self.say))

    def say(self, words: str) -> None:
        print(words, flush=True)

    def holding(self) -> list[Taken]:
        return [taken for source in self.inputs.values() for taken in source.taken]

    def overdue(self) -> bool:
        """Whether the wires want to be served before more is handed out."""
        news = sum(pull.news for source in self.inputs.values() for pull in source.pulls)
        return news >= NEWS or time.monotonic() - self.hub.served > STALE

    # ---- what user code holds

    def open(self, pull: Pull, item: Item) -> Taken | None:
        """The message in `item`, ready for user code; None if there is nothing to hand out."""
        unit = Unit(lambda verdict, reason: pull.finish(item, verdict, reason))
        verdict, reason, passed_on = "done", "", None
        try:
            if item.skip:
                check(item.meta, SKIP, "a skip")
                passed_on = item.meta
            else:
                message = Message.load(item.meta, item.payload)
                item.payload = b""  # from now on it lives as long as the message
                passed_on = {"stream": message.stream, "number": message.number}
                message.open(self._grants if pull.local else ())
                return Taken(pull, item, message, unit)
        except FileNotFoundError:
            verdict = "gone"  # finished elsewhere
        except (Malformed, OSError) as error:
            verdict, reason = "rejected", f"{self._title}: {error}"
        pull.release(item)
        if passed_on:
            self.outputs.skip(passed_on, unit)
        unit.drop(verdict, reason)
        return None

    def let_go(self, taken: Taken) -> None:
        """User code has finished with `taken`: what it yielded meanwhile decides the rest."""
        message, unit = taken.message, taken.unit
        message.close()
        taken.pull.release(taken.item)
        self.books["received"] += 1
        passed_on = self.outputs.passed_on((message.stream, message.number))
        self.outputs.skip({"stream": message.stream, "number": message.number}, unit)
        if message.reason is not None:
            unit.drop("rejected", conceal(f"{self._title}: {message.reason}"))
        elif passed_on:
            unit.drop()
        elif self.outputs.wires and message.number is not None:
            unit.drop("dropped", f"{self._title} passed nothing on")
        else:
            unit.drop("done")
        if not self.holding():
            self.outputs.hands_empty()

    def failed(self, error: Exception) -> None:
        """User code raised `error`: what it held is done again, and counted against it. With empty hands: a death."""
        holding = self.holding()
        if self.hub.failure or not holding:
            raise error
        culprit = None
        if isinstance(error, Undecodable):
            culprit = holding[0].message if len(holding) == 1 else error.culprit
        known = any(taken.message is culprit for taken in holding)
        if not known:
            self.say(f"failed on {', '.join(taken.message.name or repr(taken.message) for taken in holding)}")
            self.say("".join(traceback.format_exception(type(error), error, _of_user(error))).rstrip())
        with self.inside:
            for source in self.inputs.values():
                source.taken = []
            for taken in holding:
                if taken.message is culprit:
                    culprit.reject(str(error))
                    self.let_go(taken)
                else:
                    taken.message.close()
                    words = conceal(f"{self._title}: {type(error).__name__}: {error}")
                    taken.pull.give_back(taken.item, not known, words)
            self.outputs.hands_empty()

    def send(self, out: object) -> None:
        """Send what user code yielded as soon as there is room. Raises Misuse, or Stopped."""
        message, wires = self.outputs.pick(out)
        with self.inside:
            while not all(push.room() for push in wires):
                self.hub.wait()
            parents = [taken.unit for taken in self.holding()]
            if not parents:
                self.outputs.number(message)
            self.outputs.send(message, wires, parents)
            if self.overdue():
                self.hub.serve()

    def breathe(self) -> None:
        """User code has nothing to send."""
        with self.inside:
            self.hub.check()
            self.hub.serve()

    # ---- from start to end

    def work(self, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        """Call `function` until its inputs have ended. Raises Stopped, and what ends the process."""
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
                return
            if self.books["received"] == received:
                self.say(f"{self.name} returned without taking a message, although one waits for it")
                raise SystemExit(1)

    def drain(self) -> None:
        """Wait until everything that was sent is finished. Raises Stopped."""
        with self.hub.lock:
            while not all(push.idle for push in self.outputs.wires):
                self.hub.wait()

    def end(self) -> None:
        """Leave the end mark: from now on this replica says nothing but that it has ended."""
        with self.hub.lock:
            self.marks.leave()
            until = time.monotonic() + GOODBYE
            for push in self.outputs.wires:
                push.end()
            while not all(push.told for push in self.outputs.wires) and time.monotonic() < until:
                self.hub.serve(0.05)

    def close(self) -> None:
        self.hub.close()
        self._sockets.close()
        self.notify.close()
        self.hand.close()
        self.books.close()

    def _through(self) -> bool:
        """The function has returned: whether its inputs have ended too. If more comes, it is to be called afresh."""
        with self.inside:
            for source in self.inputs.values():
                source.let_go()
            wired = [source for source in self.inputs.values() if source.pulls]
            while not any(source.queue for source in wired):
                for push in self.outputs.wires:
                    push.closed = all(source.quiet for source in wired)
                if all(source.ended for source in wired):
                    return True
                self.hub.wait()
            for push in self.outputs.wires:
                push.closed = False
            return False


def _by_wire(pipes: list[Pipe], end: Callable[[Pipe], str]) -> dict[tuple[str, str], list[Pipe]]:
    wires: dict[tuple[str, str], list[Pipe]] = defaultdict(list)
    for pipe in pipes:
        wires[end(pipe), pipe.wire].append(pipe)
    return wires


def _of_user(error: Exception) -> Any:
    """The traceback from the user's own file on."""
    trace = error.__traceback__
    while trace and trace.tb_next and Path(trace.tb_frame.f_code.co_filename).parent == Path(__file__).parent:
        trace = trace.tb_next
    return trace
