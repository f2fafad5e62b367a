"""Children: start, watch, restart, stop."""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from bus.steps import step
from host.beside import LINK
from host.child import Child
from host.command import Process
from host.companions import Companion, Companions
from host.failures import Failures
from host.graph import Graph
from host.link.elsewhere import Elsewhere
from host.news import News, Signals
from host.notices import Notices
from host.rounds import SHORT_OF, Rounds
from host.runfolder import Refused, RunFolder
from host.service import Service, beginning, outcome, state
from host.view.facts import Facts
from host.view.report import GRAPH, Report
from host.view.telling import Telling

STOP_TIME = 8.0  # seconds from the wish to stop to the death of what is left
STAGGER = 0.5  # the part of STOP_TIME in which all nodes are asked in turn, even if none leaves
LAST_WORD = 2.5  # seconds for which one that is through waits to hear that those upstream are, too
FAREWELL = 30.0  # seconds in which the other hosts must have heard that this one has failed
GLIMPSE = 0.1  # seconds between two looks at whether they have
MISSING = 2  # the exit code that stands for a program that can never be started
OS_ERROR = 71  # … for one that cannot be started now (EX_OSERR of sysexits.h), see SHORT_OF


class Supervisor:
    """Runs the processes of a graph, each in a session of its own, until all of them are over."""

    def __init__(
        self,
        graph: Graph,
        processes: Sequence[Process],
        run: RunFolder,
        report: Report,
        companions: Mapping[str, Sequence[str]],
        watchers: Sequence[Callable[[Facts], None]] = (),
    ) -> None:
        """`processes`: the sink first, the source last; `companions`: what else is to run, by name: its words.

        `watchers` are shown how the graph is with each look at it.
        """
        self.graph, self.run, self.report = graph, run, report
        self.children = [Child(one, graph.folder, run, partial(report.line, one.label)) for one in processes]
        self.nodes = list(dict.fromkeys(one.node.name for one in reversed(processes)))  # the source first
        self.telling = Telling(graph, run, self.children, report, watchers)
        self.sessions: dict[int, Child] = {}  # of those that run
        self.failures, self.is_stopping = Failures(run), False
        self.elsewhere = Elsewhere(graph, processes[0].node.host, run, self.failures, self.telling.of_graph)
        self.service = Service(self.children)
        self.companions = companions

    def supervise(self) -> bool:
        """Run the graph to its end; whether all went well: no node failed for good."""
        self.open()
        while not all(child.over for child in self.children):
            self.news.act(until=self.next_turn())
            self.start_who_is_due()
            self.ask_who_is_next_to_leave()
            self.kill_who_is_overdue()
            self.look_after_everyone()
            self.service.turn(self.is_stopping)
        self.close()
        return not self.has_failed

    def open(self) -> None:
        self.signals = Signals()
        self.news = News(self.report)
        say = self.report.line
        beside = [Companion(name, argv, self.run, self.news, say) for name, argv in self.companions.items()]
        try:
            self.rounds = Rounds(self.children, self.run.id, Companions(beside), partial(say, GRAPH))
        except OSError as error:
            raise Refused(f"{self.graph.path}: no process can be started now: {error.strerror}") from None
        self.notices = Notices(self.run.notify)
        self.news.on(self.signals, self.hear_signals)
        self.news.on(self.notices, self.hear_notices)
        self.telling.of_graph(beginning(self.graph.path, self.children))
        self.look()

    def close(self) -> None:
        """Leave nothing behind, and say how it went."""
        self.linger(LAST_WORD, lambda: self.elsewhere.may_have_failed and not self.has_failed)
        self.look()
        self.linger(FAREWELL, lambda: self.has_failed and not self.run.all_are_told)
        self.rounds.close()
        self.news.close()
        self.notices.close()
        self.signals.close()
        last_words = f"{outcome(self.children, self.is_stopping, self.elsewhere.failed)}: {self.telling.summary()}"
        self.service.close(last_words)
        self.report.line(GRAPH, last_words)

    def linger(self, seconds: float, is_needed: Callable[[], bool]) -> None:
        """Give the link time: other hosts may not know yet how this one has ended, or this one how they have."""
        until = time.monotonic() + seconds
        while LINK in self.companions and not self.is_stopping and is_needed() and time.monotonic() < until:
            self.rounds.companions.start_who_is_due()
            self.news.act(until=time.monotonic() + GLIMPSE)
            self.service.turn(self.is_stopping)
            self.elsewhere.look()

    def next_turn(self) -> float:
        return min([self.rounds.next_turn(), self.service.beats_at, *(child.next_turn() for child in self.children)])

    # Lives and deaths

    def start_who_is_due(self) -> None:
        for child in self.children:
            if child.is_due():
                self.start(child)

    def start(self, child: Child) -> None:
        try:
            with step("start"):
                log = child.start()
        except OSError as error:
            child.say(f"{child.process.argv[0]} cannot be started in {self.graph.folder}: {error.strerror}")
            self.conclude(child, OS_ERROR if error.errno in SHORT_OF else MISSING)
            return
        self.sessions[child.pid] = child
        self.news.follow(log)
        self.news.on(child.pidfd, partial(self.bury, child))

    def bury(self, child: Child) -> None:
        self.news.forget(child.pidfd)
        del self.sessions[child.pid]
        with step("bury"):
            code = child.bury(living=self.sessions.keys())
        self.conclude(child, code)

    def conclude(self, child: Child, code: int) -> None:
        """Decide what a death means: -N is signal N, what is above is an exit code."""
        if child.has_ended(code):
            child.over = "ended"
            self.telling.of(child, "ended", "ended")
        elif child.is_leaving:
            child.over = "stopped"
            self.telling.of(
                child, "stopped", "stopped" if code in (0, -signal.SIGTERM) else f"stopped: {child.death(code)}"
            )
        elif why := child.why_never_again(code):
            child.over, child.last_death = "failed", f"{child.death(code)}, {why}"
            self.telling.of(child, "failed", f"{child.last_death}: failed for good")
            self.failures.mark(child.process.replica, code, child.say)
        else:
            child.last_death = child.crime or child.death(code)
            self.run.write_death(child.process.replica, child.last_death)
            rest = child.rest()
            loop = "crash loop, " if child.is_in_crash_loop else ""
            words = f"{child.death(code)}, {loop}restarts {f'in {rest:.2g} s' if rest else 'at once'}"
            self.telling.of(child, child.kind_of_death, words)
        if self.has_failed:
            self.stop_who_has_no_way_on()

    @property
    def has_failed(self) -> bool:
        return bool(self.elsewhere.failed) or any(child.over == "failed" for child in self.children)

    # News

    def hear_notices(self) -> bool:
        """Whether somebody is ready now; most only say that they live, each twice a second."""
        is_news = False
        for notice in self.notices.read():
            child = self.sessions.get(notice.session)
            if child:
                child.status = notice.fields.get("STATUS", "")
            if child and notice.fields.get("READY") == "1" and not child.is_ready:
                child.is_ready = is_news = True
                self.telling.of(child, "ready", f"ready after {time.monotonic() - child.born_at:.1f} s")
        return is_news

    def hear_signals(self) -> None:
        for number in self.signals.read():
            if not self.is_stopping:
                self.stop(signal.Signals(number).name)
            elif number == signal.SIGINT:
                self.kill_everyone()

    # The stop

    def stop(self, why: str) -> None:
        self.is_stopping = True
        self.telling.of_graph(f"stops on {why}: the source first, the sink last; another Ctrl-C kills all at once")
        now = time.monotonic()
        turn = STOP_TIME * STAGGER / len(self.nodes)
        for child in self.children:
            child.let_go(leaves_at=now + turn * self.nodes.index(child.node.name), dies_at=now + STOP_TIME)

    def stop_who_has_no_way_on(self) -> None:
        """Stop the nodes that have nobody left to push to, because of one that failed; their files wait."""
        now = time.monotonic()
        left = {child.node.name for child in self.children if not child.over}
        left |= self.graph.nodes.keys() - self.nodes - self.elsewhere.over  # those on other hosts
        for child in self.children:
            pullers = self.graph.pullers[child.node.name]
            if pullers and left.isdisjoint(pullers) and not child.over:
                child.let_go(leaves_at=now, dies_at=now + STOP_TIME)

    def ask_who_is_next_to_leave(self) -> None:
        """Ask each node as soon as those upstream of it have gone, or when they have had their time."""
        leaving = [child for child in self.running() if child.is_leaving and not child.is_asked]
        fed = self.graph.downstream(*{child.node.name for child in self.running()}) if leaving else set()
        for child in leaving:
            upstream_is_gone = self.is_stopping and child.node.name not in fed
            if upstream_is_gone or child.leaves_at <= time.monotonic():
                child.ask()

    def kill_who_is_overdue(self) -> None:
        for child in self.running():
            if child.dies_at <= time.monotonic():
                child.say("has not left: killed")
                child.kill()

    def kill_everyone(self) -> None:
        self.telling.of_graph("kills all at once")
        for child in self.running():
            child.kill()

    # The look at everyone, once a second

    def look_after_everyone(self) -> None:
        self.rounds.glance()
        if not self.rounds.look():
            return
        self.failures.again()
        if self.elsewhere.look():
            self.stop_who_has_no_way_on()
        self.look()
        if line := self.telling.rates():
            self.service.rates(line)

    def look(self) -> None:
        self.telling.look(state(self.children, self.is_stopping, self.elsewhere.failed))

    def running(self) -> list[Child]:
        return [child for child in self.children if child.is_running]
