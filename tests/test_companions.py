"""Processes beside the nodes, for real."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host import deaths
from host.companions import Companions
from host.environment import environment
from host.news import News
from host.runfolder import RunFolder
from host.view.report import Report
from tests.conftest import until

STAYS = "import signal; print('here', flush=True); signal.pause()"
RETIRES = """
import os, signal, time
signal.signal(signal.SIGUSR1, lambda *_: print("asked", flush=True))
print("here", flush=True)
signal.pause()
while not os.path.exists("OVER"): time.sleep(0.05)
"""
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {STAYS}"


class Bench:
    """Companions of one program, and the news that they stand in."""

    def __init__(self, run: RunFolder) -> None:
        self.lines: list[str] = []
        self.run, self.news = run, News(Report([], None))
        self.companions = self.of({})

    def start(self, program: str) -> None:
        self.companions = self.of({"page": [sys.executable, "-c", program]})

    def of(self, wanted: dict[str, list[str]]) -> Companions:
        return Companions(wanted, self.run, self.news, lambda name, text: self.lines.append(f"{name}: {text}"))

    def turn(self) -> None:
        self.companions.kill_who_is_overdue()
        self.companions.start_who_is_due()
        self.news.act(until=min(time.monotonic() + 0.05, self.companions.next_turn()))

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        def after_a_turn() -> bool:
            self.turn()
            return is_so()

        until(after_a_turn, what=what)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(deaths, "FIRST_REST", 0.05)
    with RunFolder(Path("/somewhere/graph.yaml")) as run:
        bench = Bench(run)
        yield bench
        bench.companions.close()
        bench.news.close()


def test_a_companion_that_is_killed_comes_back_and_its_lines_stand_under_its_name(bench: Bench) -> None:
    bench.start(STAYS)
    bench.until(lambda: bench.lines == ["page: here"], what="the companion to be there")
    [first] = bench.companions.pids
    os.kill(first, signal.SIGKILL)
    bench.until(lambda: bench.lines[-1:] == ["page: here"] and len(bench.lines) == 3, what="it to be there again")
    assert bench.lines[1].startswith("page: was killed by SIGKILL, restarts in 0.0")
    assert bench.companions.pids != [first]


def test_it_carries_the_id_of_the_run_so_that_the_janitor_finds_it(bench: Bench) -> None:
    bench.start("import os; print(os.environ['ZG_RUN'], os.environ.get('NOTIFY_SOCKET'), flush=True)")
    bench.until(lambda: bench.lines[:1] == [f"page: {bench.run.id} None"], what="its environment to be said")


def test_the_token_of_the_page_is_for_the_page_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGE_TOKEN", "0123456789abcdef")
    assert "PAGE_TOKEN" not in environment(bench.run, {})
    bench.start("import os; print(os.environ.get('PAGE_TOKEN'), flush=True)")
    bench.until(lambda: bench.lines[:1] == ["page: 0123456789abcdef"], what="the page to have it")


def test_a_module_of_the_users_hides_none_of_ours(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "host.py").write_text("print('mine')")
    monkeypatch.chdir(tmp_path)
    bench.start("import host; print(host.__path__ and 'ours', flush=True)")
    bench.until(lambda: bench.lines[:1] == ["page: ours"], what="our own package to be found")


def test_one_that_exits_with_2_stays_away(bench: Bench) -> None:
    bench.start("print('port 80 is not mine to take'); raise SystemExit(2)")
    bench.until(lambda: bool(bench.lines) and not bench.companions.pids, what="it to have given up")
    assert bench.companions.next_turn() == float("inf")


def test_one_whose_program_is_missing_is_tried_again(bench: Bench) -> None:
    bench.companions = bench.of({"page": ["/no/such/program"]})
    bench.until(lambda: len(bench.lines) == 2, what="two tries")
    assert bench.lines[0].startswith("page: cannot be started: No such file or directory, restarts in 0.0")


def test_one_that_is_to_read_the_graph_anew_and_does_not_leave_is_killed_and_comes_back(bench: Bench) -> None:
    wanted = {"page": [sys.executable, "-c", STUBBORN]}
    bench.companions = bench.of(wanted)
    bench.until(lambda: bench.lines == ["page: here"], what="it to ignore signals")
    before = bench.companions.pids
    bench.companions.learn(wanted, renew=["page"])
    bench.until(lambda: bench.lines == ["page: here"] * 2, what="it to be there again")
    assert bench.companions.pids != before


def test_one_that_retires_ends_what_it_has_begun_while_another_one_is_there(bench: Bench) -> None:
    wanted = {"pool": [sys.executable, "-c", RETIRES.replace("OVER", str(bench.run.path / "pool.over"))]}
    bench.companions = bench.of(wanted)
    bench.until(lambda: bench.lines == ["pool: here"], what="the first")
    [first] = bench.companions.pids
    (bench.run.path / "pool.pool").touch()
    bench.companions.learn(wanted, renew=[], retire=["pool"])
    assert not (bench.run.path / "pool.pool").exists()
    bench.until(lambda: sorted(bench.lines) == ["pool: asked", "pool: here", "pool: here"], what="both")
    assert first in bench.companions.pids
    assert len(bench.companions.pids) == 2

    (bench.run.path / "pool.over").touch()
    bench.until(lambda: first not in bench.companions.pids, what="the first to end")
    assert len(bench.companions.pids) == 1
    bench.companions.learn({}, renew=[], retire=["pool"])
    bench.until(lambda: bench.companions.pids == [], what="the second to end")
    assert bench.companions.next_turn() == float("inf")
    assert "restarts" not in " ".join(bench.lines)


def test_at_the_end_they_are_asked_to_leave_and_killed_if_they_do_not(bench: Bench) -> None:
    bench.start(STUBBORN)
    bench.until(lambda: bench.lines == ["page: here"], what="it to ignore signals")
    [pid] = bench.companions.pids
    began = time.monotonic()
    bench.companions.close()
    assert 2.9 < time.monotonic() - began < 8
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
