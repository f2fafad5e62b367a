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


def counted(path: Path, wires: int = 1, **counters: int) -> None:
    books = Books(path, wires)
    for name, count in counters.items():
        books[name] = count
    books.close()


def test_what_a_replica_that_has_gone_has_finished_stays_in_the_totals_and_its_claims_do_not(tmp_path: Path) -> None:
    accounts = {"a": {name: Account(tmp_path / name, ["frames"]) for name in ("a.1", "a.2")}}
    counted(tmp_path / "a.1", taken=9, done=4, dead=1, on_the_way=4, backlog=7, received=3)
    counted(tmp_path / "a.2", taken=2, done=2, received=2)
    ledger = Ledger(accounts, now=0.0)

    ledger.learn({"a": {"a.2": accounts["a"]["a.2"]}}, now=1.0)

    total = ledger.last.total
    assert [total[name] for name in ("taken", "done", "dead", "on_the_way", "backlog")] == [7, 6, 1, 0, 0]
    assert ledger.last.nodes["a"].counters["received"] == 2
    assert ledger.earlier is ledger.last  # rates begin anew

    counted(tmp_path / "a.1", received=1)  # another one of that name
    ledger.learn(accounts, now=2.0)
    assert ledger.last.total["received"] == 6


def test_replicas_whose_wires_are_not_alike_yet_are_added_up(tmp_path: Path) -> None:
    accounts = {name: Account(tmp_path / name, wires) for name, wires in (("a.1", ["x", "y"]), ("a.2", ["z"]))}
    counted(tmp_path / "a.1", wires=2)
    counted(tmp_path / "a.2", wires=1)
    assert [*Ledger({"a": accounts}, now=0.0).last.nodes["a"].wires] == ["x", "y", "z"]


def test_books_that_cannot_be_read_after_a_change_have_the_new_wires(tmp_path: Path) -> None:
    counted(tmp_path / "a.1", sent=3)
    ledger = Ledger({"a": {"a.1": Account(tmp_path / "a.1", ["old"])}}, now=0.0)
    (tmp_path / "a.1").unlink()
    ledger.learn({"a": {"a.1": Account(tmp_path / "a.1", ["new"])}}, now=1.0)
    assert [*ledger.replicas["a.1"].wires] == ["new"]
