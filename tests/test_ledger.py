"""The books of several replicas, and how they change."""

from pathlib import Path

from bus.books import BUCKETS, Books
from host.view.ledger import WINDOW, Account, Ledger


def test_books_that_are_being_made_count_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.books"
    path.touch()
    reading = Account(path, ["frames"]).read()
    assert not any(reading.counters.values())
    assert reading.wires == {"frames": dict.fromkeys(reading.wires["frames"], 0)}


def test_a_node_may_keep_no_books_of_its_wires(tmp_path: Path) -> None:
    Books(tmp_path / "a.books")["sent"] = 7
    reading = Account(tmp_path / "a.books", ["frames"]).read()
    assert reading.counters["sent"] == 7
    assert reading.wires["frames"]["sent"] == 0


def test_replicas_are_added_up_and_the_oldest_of_all_is_the_oldest(tmp_path: Path) -> None:
    for name, received, oldest in (("a.1", 3, 500), ("a.2", 4, 0), ("a.3", 5, 200)):
        books = Books(tmp_path / name, wires=1)
        books["received"], books.wires[0]["queued"], books.wires[0]["oldest"] = received, 2, oldest
        books.note("work", 1.0)
        books.close()
    accounts = {name: Account(tmp_path / name, ["frames"]) for name in ("a.1", "a.2", "a.3")}

    node = Ledger({"a": accounts}, now=0.0).last.nodes["a"]

    assert node.counters["received"] == 12
    assert node.wires["frames"]["queued"] == 6
    assert node.wires["frames"]["oldest"] == 200
    assert sum(node.histograms["work"]) == 3
    assert len(node.histograms["work"]) == BUCKETS


def test_books_that_cannot_be_read_now_are_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "a.books"
    Books(path)["sent"] = 7
    ledger = Ledger({"a": {"a.1": Account(path)}}, now=0.0)
    path.unlink()
    path.mkdir()
    assert ledger.look(1.0).nodes["a"].counters["sent"] == 7


def test_it_looks_back_ten_seconds_and_no_further(tmp_path: Path) -> None:
    ledger = Ledger({"a": {"a.1": Account(tmp_path / "a.1")}}, now=0.0)
    for now in range(1, 31):
        ledger.look(float(now))
        assert ledger.earlier.at == max(0.0, now - WINDOW)
