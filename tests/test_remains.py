"""What a replica leaves in the run folder, where the graph changes between two of its lives."""

from pathlib import Path

from bus import books
from bus.books import Books
from bus.hand import Hand
from host import remains


def test_books_keep_what_was_counted_and_the_pages_of_the_wires_that_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.books"
    written = Books(path, 2)
    written["received"], written.wires[0]["sent"], written.wires[1]["sent"] = 7, 1, 2
    written.note("work", 1.0)
    written.close()

    remains.rearrange_books(path, ["left", "right"], ["right", "new"])

    reading = books.read_whole(path, ["right", "new"])
    assert (reading.counters["received"], sum(reading.histograms["work"])) == (7, 1)
    assert [page["sent"] for page in reading.wires.values()] == [2, 0]


def test_books_that_are_not_there_or_have_no_pages_stay_as_they_are(tmp_path: Path) -> None:
    remains.rearrange_books(tmp_path / "none", ["a"], ["b"])
    Books(tmp_path / "a.books").close()
    remains.rearrange_books(tmp_path / "a.books", ["a"], ["b"])
    assert books.read(tmp_path / "a.books")["received"] == 0
    assert not (tmp_path / "none").exists()


def test_what_it_held_when_it_was_asked_to_leave_is_not_to_blame(tmp_path: Path) -> None:
    hand = Hand(tmp_path / "a.hand")
    hand.hold([("pusher.1", "epoch", 1, "frame.jpg")])
    hand.run()
    hand.close()
    remains.clear_hand(tmp_path / "a.hand")
    remains.clear_hand(tmp_path / "none")
    assert not any((tmp_path / "none").read_bytes())
    assert Hand(tmp_path / "a.hand").before == Hand(tmp_path / "none").before == []


def test_of_one_that_has_gone_nothing_stays_for_another_of_its_name(tmp_path: Path) -> None:
    gone = ["a.1.done", "a.1.books", "a.1.hand", "a.1.heard.b.1", "c.1.heard.a.1", "w-a.1-b.1.d", "w-b.1-a.1.s"]
    kept = ["a.10.done", "ba.1.done", "a.1.trace", "w-a.10-b.1.d", "c.1.heard.a.10", "status.json"]
    for name in (*gone, *kept):
        (tmp_path / name).touch()
    remains.forget(tmp_path, "a.1")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
    remains.revive(tmp_path, "a.10")
    assert not (tmp_path / "a.10.done").exists()
