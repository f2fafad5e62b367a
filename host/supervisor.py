"""Children: start, watch, restart, stop; and change, where graph.yaml does."""

import signal
import time
from collections.abc import Callable
from functools import partial

from bus.steps import step
from host.beside import LINK
from host.change import Change
from host.child import Child
from host.companions import Companions
from host.difference import Difference, is_shaped_alike, moved, remade, retired_pools, worded
from host.elastic import Elastic
from host.failures import Failures
from host.follow import Edit, Follow
from host.leaving import Leaving
from host.link.elsewhere import Elsewhere
from host.news import News, Signals
from host.notices import Notices
from host.plan import Plan
from host.rounds import SHORT_OF, Rounds
from host.runfolder import Refused, RunFolder
from host.service import Service, beginning, outcome, state
from host.view.report import GRAPH
from host.view.reporting import Reporting
from host.view.telling import Telling

LAST_WORD = 2.5  # seconds for which one that is through waits to hear that those upstream are, too
FAREWELL = 30.0  # seconds in which the other hosts must have heard that this one has failed
GLIMPSE = 0.1  # seconds between two looks at whether they have
NEVER = float("inf")  # a time that does not come
MISSING = 2  # the exit code that stands for a program that can never be started
OS_ERROR = 71  # … for one that cannot be started now (EX_OSERR of sysexits.h), see SHORT_OF


class Supervisor:
    """Runs the processes of a graph, each in a session of its own, until all of them are over."""

    def __init__(
        self, plan: Plan, run: RunFolder, reporting: Reporting, follow: Callable[[Callable[[str], None]], Follow] | None
    ) -> None:
        """`follow`: makes what notices changes, and says what it refuses; without it the plan stays as it is."""
        self.plan, self.run, self.reporting, self.report = plan, run, reporting, reporting.report
        self.children = [Child(one, plan.graph.folder, run, self.report.line) for one in plan.processes]
        self.telling = Telling(plan.graph, run, self.children, self.report, reporting.watchers)
        self.sessions: dict[int, Child] = {}  # of those that run
        self.failures, self.is_stopping = Failures(run), False
        host = plan.graph.launcher(plan.processes[0].node)
        self.elsewhere = Elsewhere(plan.graph, host, run, self.failures, self.telling.of_graph)
        self.leaving = Leaving(plan.graph, self.children)
        self.elastic = Elastic(plan.graph, self.children, run, self.telling)
        self.change = Change(
            plan.graph, self.children, run, self.telling, self.elsewhere, self.elastic, self.report.line
        )
        self.follow = follow(self.telling.of_graph) if follow else None
        self.service = Service(self.children)

    def supervise(self) -> bool:
        """Run the graph to its end; whether all went well: no node failed for good."""
        self.open()
        while not all(child.over for child in self.children):
            self.news.act(until=self.next_turn())
            self.start_who_is_due()
            self.follow_the_graph()
            self.leaving.ask_who_is_next()
            self.leaving.kill_who_is_overdue()
            self.look_after_everyone()
            self.service.turn(self.is_stopping)
        self.close()
        return not self.has_failed

    def open(self) -> None:
        self.signals = Signals()
        self.news = News(self.report)
        try:
            companions = Companions(self.plan.companions, self.run, self.news, self.report.line)
            self.rounds = Rounds(self.children, self.run.id, companions, partial(self.report.line, GRAPH))
        except OSError as error:
            raise Refused(f"{self.plan.graph.path}: no process can be started now: {error.strerror}") from None
        self.notices = Notices(self.run.notify)
        self.news.on(self.signals, self.hear_signals)
        self.news.on(self.notices, self.hear_notices)
        self.telling.of_graph(beginning(self.plan.graph, self.children))
        for child in self.children:
            self.elastic.rests(child)
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
        while LINK in self.plan.companions and not self.is_stopping and is_needed() and time.monotonic() < until:
            self.rounds.companions.start_who_is_due()
            self.news.act(until=time.monotonic() + GLIMPSE)
            self.service.turn(self.is_stopping)
            self.elsewhere.look()

    def next_turn(self) -> float:
        follow = self.follow.looks_at if self.follow and self.may_change else NEVER
        turns = (child.next_turn() for child in self.children)
        return min([self.rounds.next_turn(), self.service.beats_at, follow, *turns])

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
            child.say(f"{child.process.argv[0]} cannot be started in {self.plan.graph.folder}: {error.strerror}")
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
        if child.is_changing and not self.is_stopping:
            self.change.left(child)
        elif child.has_ended(code):
            child.over = "ended"
            self.telling.of(child, "ended", "ended")
        elif not child.is_wanted:
            self.elastic.left(child, code)
        elif child.is_leaving:
            child.over = "stopped"
            well = code in (0, -signal.SIGTERM)
            self.telling.of(child, "stopped", "stopped" if well else f"stopped: {child.death(code)}")
        elif self.change.excuses(child, code):
            child.last_death = f"{child.death(code)}, as it was changed: waits for the next change"
            self.telling.of(child, "death", child.last_death)
        elif why := child.why_never_again(code):
            child.over, child.last_death = "failed", f"{child.death(code)}, {why}"
            self.telling.of(child, "failed", f"{child.last_death}: failed for good")
            self.failures.mark(child.process.replica, code, child.say)
        else:
            child.last_death = child.crime or child.death(code)
            self.run.write_death(child.process.replica, child.last_death)
            rest = child.rest(code)
            loop = "crash loop, " if child.is_in_crash_loop else ""
            words = f"{child.death(code)}, {loop}restarts {f'in {rest:.2g} s' if rest else 'at once'}"
            self.telling.of(child, child.kind_of_death, words)
        if self.has_failed:
            self.leaving.stop_who_has_no_way_on(self.elsewhere.over)
        if child.over == "ended" and not self.is_stopping:
            self.change.settle()

    @property
    def has_failed(self) -> bool:
        return bool(self.elsewhere.failed) or any(child.over == "failed" for child in self.children)

    # Changes of the graph

    @property
    def may_change(self) -> bool:
        """Whether the next change may begin: each waits until the one before is through."""
        return not self.is_stopping and not self.change.is_under_way

    def follow_the_graph(self) -> None:
        self.change.tell_when_through()
        if self.follow and self.may_change and (edit := self.follow.look()):
            self.apply(edit)

    def apply(self, edit: Edit) -> None:
        """Let what stands in graph.yaml now be what runs."""
        before, self.plan = self.plan, edit.plan
        renewed = edit.reloaded | moved(before.graph, edit.plan.graph)
        found = Difference.between([child.process for child in self.children], edit.plan.processes, renewed)
        for line in worded(before, edit.plan, found, edit.reloaded) or [
            f"{before.graph.path}: nothing that runs differs"
        ]:
            self.telling.of_graph(line)
        self.reporting.learn(edit.plan)
        self.leaving.graph = edit.plan.graph
        self.elsewhere.learn(edit.plan.graph)
        self.elastic.learn(edit.plan.graph)
        self.change.begin(edit.plan, found, remade(before.graph, edit.plan.graph) | edit.reloaded)
        self.run.keep_graph(edit.plan.graph.text)
        renew = [] if is_shaped_alike(before.graph, edit.plan.graph) else [LINK]
        self.rounds.companions.learn(edit.plan.companions, renew, retired_pools(before, edit.plan, edit.reloaded))
        self.look()

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
                self.is_stopping = True
                words = f"stops on {signal.Signals(number).name}: the source first, the sink last"
                self.telling.of_graph(f"{words}; another Ctrl-C kills all at once")
                self.leaving.stop()
            elif number == signal.SIGINT:
                self.telling.of_graph("kills all at once")
                self.leaving.kill_everyone()

    # The look at everyone, once a second

    def look_after_everyone(self) -> None:
        self.rounds.glance()
        if not self.rounds.look():
            return
        self.failures.again()
        if self.elsewhere.look():
            self.leaving.stop_who_has_no_way_on(self.elsewhere.over)
        self.look()
        if self.may_change:
            self.elastic.look(self.telling.facts)
        if line := self.telling.rates():
            self.service.rates(line)

    def look(self) -> None:
        self.telling.look(state(self.children, self.is_stopping, self.elsewhere.failed))
