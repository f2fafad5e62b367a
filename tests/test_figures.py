"""The line of rates and the summary, from real books."""

from pathlib import Path

import pytest

from bus.books import Books
from host.view.figures import PERIOD
from host.view.figures import Figures as FiguresOfLedger
from host.view.ledger import Account, Ledger


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, list[Path]]:
    return {
        "splitter": [tmp_path / "splitter.1.books"],
        "watcher": [tmp_path / "watcher.1.books"],
        "converter": [tmp_path / "converter.1.books", tmp_path / "converter.2.books"],
    }


def write(path: Path, **counts: int) -> None:
    books = Books(path)
    for counter, count in counts.items():
        books[counter] = count
    books.close()


class Figures:
    """Figures and the ledger that they see, over the books at the paths of each node."""

    def __init__(
        self, paths: dict[str, list[Path]], now: float, dropping: dict[str, dict[str, list[str]]] | None = None
    ) -> None:
        self.ledger = Ledger({node: {one.name: Account(one) for one in these} for node, these in paths.items()}, now)
        self.figures = FiguresOfLedger(self.ledger, dropping)

    def look(self, now: float) -> str:
        self.ledger.look(now)
        return self.figures.look()

    def summary(self, now: float) -> str:
        self.ledger.look(now)
        return self.figures.summary()


def test_rates_are_of_the_last_period_and_name_the_source_first(paths: dict[str, list[Path]]) -> None:
    figures = Figures(paths, now=0.0)
    write(paths["splitter"][0], made=250, total=750, sent=1)
    write(paths["watcher"][0], sent=248, received=1, taken=250, done=245, on_the_way=5, backlog=20)
    write(paths["converter"][0], received=120)
    write(paths["converter"][1], received=124)

    assert figures.look(PERIOD) == (
        "splitter 25.0/s, watcher 24.8/s, converter 24.4/s; 20 waiting, 5 on the way; 225 of 750, 21 s left"
    )


def test_progress_does_not_count_what_the_watcher_has_not_seen_yet(paths: dict[str, list[Path]]) -> None:
    figures = Figures(paths, now=0.0)
    write(paths["splitter"][0], made=25, total=750)
    write(paths["watcher"][0], taken=1, on_the_way=1, backlog=12)
    figures.look(1.0)
    write(paths["watcher"][0], taken=1, on_the_way=1, backlog=24)
    figures.look(2.0)
    write(paths["splitter"][0], made=50, total=750)
    assert figures.look(PERIOD).endswith("24 waiting, 1 on the way; 0 of 750")


def test_what_an_earlier_run_has_finished_of_a_clip_is_progress(paths: dict[str, list[Path]]) -> None:
    figures = Figures(paths, now=0.0)
    write(paths["splitter"][0], made=150, total=750)
    write(paths["watcher"][0], taken=1, on_the_way=1, backlog=49)
    figures.look(1.0)
    write(paths["splitter"][0], made=160, total=750)
    write(paths["watcher"][0], taken=21, on_the_way=1, done=20, backlog=39)
    assert "; 120 of 750, " in figures.look(PERIOD)


def test_no_line_is_due_between_periods(paths: dict[str, list[Path]]) -> None:
    figures = Figures(paths, now=0.0)
    write(paths["splitter"][0], made=125)
    assert figures.look(PERIOD - 1) == ""


def test_nothing_is_said_while_nothing_changes(paths: dict[str, list[Path]]) -> None:
    figures = Figures(paths, now=0.0)
    write(paths["splitter"][0], made=125)
    assert figures.look(PERIOD)
    assert figures.look(2 * PERIOD) == ""


def test_a_source_without_an_end_has_no_time_left(paths: dict[str, list[Path]]) -> None:
    figures = Figures(paths, now=0.0)
    write(paths["splitter"][0], made=100)
    assert figures.look(PERIOD) == "splitter 10.0/s, watcher 0.0/s, converter 0.0/s; 0 waiting, 0 on the way"


def test_the_summary_adds_up_all_replicas(paths: dict[str, list[Path]]) -> None:
    figures = Figures(paths, now=0.0)
    for path, done in zip(paths["converter"], (30, 70), strict=True):
        books = Books(path)
        books["taken"], books["done"], books["dead"], books["dropped"], books["on_the_way"] = done + 6, done, 3, 2, 1
        for _ in range(done):
            books.note("latency", done / 1000)
        books.close()
    summary = figures.summary(now=10.0)

    assert summary.startswith("converted 100, dead letters 6, dropped 4, lost 0, waiting 2; 10.0/s; latency median ")
    median, slowest = (float(word.split()[-2]) for word in summary.split("; latency ")[1].split(","))
    assert 65 <= median <= 75
    assert 65 <= slowest <= 75


def test_what_keep_latest_passed_over_is_named_with_its_wires_if_there_was_any(paths: dict[str, list[Path]]) -> None:
    wires = {"splitter": ["raw", "preview"], "watcher": [], "converter": ["shown"]}
    figures = Figures(paths, 0.0, {"passed_over": wires})
    assert "passed over" not in figures.summary(1.0)
    write(paths["splitter"][0], passed_over=7)
    for path, count in zip(paths["converter"], (300, 12), strict=True):
        write(path, passed_over=count)
    assert figures.summary(1.0) == (
        "converted 0, dead letters 0, dropped 0, lost 0, waiting 0; 0.0/s"
        '; 7 passed over by keep: latest on "raw" and "preview"; 312 passed over by keep: latest on "shown"'
    )


def test_what_was_too_old_for_a_wire_is_named_with_it(paths: dict[str, list[Path]]) -> None:
    wires = {"splitter": ["raw"], "watcher": [], "converter": ["shown"]}
    figures = Figures(paths, 0.0, {"passed_over": wires, "outdated": wires})
    write(paths["splitter"][0], outdated=3, passed_over=2)
    assert figures.summary(1.0).endswith('; 2 passed over by keep: latest on "raw"; 3 too old for max_age on "raw"')


def test_the_rate_is_that_between_the_first_and_the_last_result(paths: dict[str, list[Path]]) -> None:
    figures = Figures(paths, now=0.0)
    for now, done in ((1.0, 0), (2.0, 10), (3.0, 35), (4.0, 60), (60.0, 60)):
        write(paths["watcher"][0], done=done, taken=done)
        figures.look(now)
    assert "; 25.0/s" in figures.summary(61.0)  # 50 in 2 s


def test_what_is_taken_and_never_finished_is_lost(paths: dict[str, list[Path]]) -> None:
    write(paths["watcher"][0], taken=10, done=8)
    assert "converted 8, dead letters 0, dropped 0, lost 2, waiting 0" in Figures(paths, now=0.0).summary(1.0)


def test_a_graph_that_did_nothing_has_a_summary(paths: dict[str, list[Path]]) -> None:
    assert Figures(paths, 0.0).summary(1.0) == "converted 0, dead letters 0, dropped 0, lost 0, waiting 0; 0.0/s"


def test_a_host_whose_frames_are_owned_on_another_says_what_its_nodes_finished(paths: dict[str, list[Path]]) -> None:
    del paths["splitter"], paths["watcher"]
    for path, count in zip(paths["converter"], (60, 62), strict=True):
        write(path, received=count)
    assert Figures(paths, 0.0).summary(1.0) == "converter finished 122"


def test_time_that_goes_by_is_no_change(paths: dict[str, list[Path]]) -> None:
    figures = Figures(paths, now=0.0)
    write(paths["splitter"][0], waiting_ns=10**9)
    assert figures.look(PERIOD) == ""


def test_what_was_refused_is_said_if_there_was_any(paths: dict[str, list[Path]]) -> None:
    figures = Figures(paths, now=0.0)
    assert "refused" not in figures.summary(1.0)
    write(paths["watcher"][0], refused=3)
    assert figures.summary(2.0).endswith("; refused 3")
    assert figures.look(PERIOD).endswith("; refused 3")


def test_more_is_finished_than_taken_is_no_loss(paths: dict[str, list[Path]]) -> None:
    write(paths["watcher"][0], taken=8, done=9)  # a watcher that was killed between two counters
    assert ", lost 0, " in Figures(paths, now=0.0).summary(1.0)
