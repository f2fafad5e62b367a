"""Books: counters and latencies that outlive a kill."""

import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from bus import books
from bus.books import BUCKETS, COUNTERS, HISTOGRAMS, SHORTEST, WIRE, Books
from tests.wiring import ROOT


def test_counters_outlive_a_kill_and_what_was_on_the_way_is_taken_anew(tmp_path: Path) -> None:
    path = tmp_path / "node.1.books"
    program = (
        "import os, sys, pathlib; from bus.books import Books\n"
        "books = Books(pathlib.Path(sys.argv[1]))\n"
        "books['taken'], books['done'], books['dead'], books['dropped'], books['on_the_way'] = 10, 4, 1, 2, 3\n"
        "books['sent'] = 2 ** 62; books.note('latency', 0.01); os.kill(os.getpid(), 9)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program, str(path)], env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert ran.returncode == -signal.SIGKILL
    assert books.read(path)["on_the_way"] == 3
    second = Books(path)
    assert (second["taken"], second["done"], second["on_the_way"], second["sent"]) == (7, 4, 0, 2**62)
    second.close()
    assert sum(books.read_whole(path).histograms["latency"]) == 1


def test_the_counts_of_a_wire_outlive_a_life_and_what_it_was_like_does_not(tmp_path: Path) -> None:
    path = tmp_path / "node.1.books"
    first = Books(path, wires=2)
    for wire in first.wires:
        for number, name in enumerate(WIRE):
            wire[name] = number + 1
    first.wires[1].let_pass("outdated")
    first.close()
    assert books.read(path)["outdated"] == 1

    Books(path, wires=2).close()

    [one, two] = books.read_whole(path, ["a", "b"]).wires.values()
    assert one == {
        "sent": 1, "bytes": 2, "queued": 0, "unfinished": 0, "oldest": 0, "passed_over": 6, "outdated": 7, "pullers": 0,
    }  # fmt: skip
    assert two == {**one, "outdated": 8}


def test_the_layout_is_little_endian_integers_in_the_order_of_the_lists(tmp_path: Path) -> None:
    made = Books(tmp_path / "books", wires=2)
    for number, counter in enumerate(COUNTERS):
        made[counter] = number + 1
    for number, histogram in enumerate(HISTOGRAMS):
        for _ in range(number + 1):
            made.note(histogram, 1e9)
    for number, wire in enumerate(made.wires):
        wire["sent"], wire["pullers"] = 100 + number, 200 + number
    made.close()
    body = (tmp_path / "books").read_bytes()
    numbers = struct.unpack(f"<{len(body) // 8}q", body)
    assert numbers[: len(COUNTERS)] == tuple(range(1, len(COUNTERS) + 1))
    assert numbers[len(COUNTERS) + BUCKETS - 1 :: BUCKETS][: len(HISTOGRAMS)] == tuple(range(1, len(HISTOGRAMS) + 1))
    wires = numbers[len(COUNTERS) + len(HISTOGRAMS) * BUCKETS :]
    assert (wires[:: len(WIRE)], wires[len(WIRE) - 1 :: len(WIRE)]) == ((100, 101), (200, 201))

    read = books.read_whole(tmp_path / "books", ["a", "b"])
    assert read.counters == books.read(tmp_path / "books") == dict(zip(COUNTERS, numbers, strict=False))
    assert [counts[-1] for counts in read.histograms.values()] == [*range(1, len(HISTOGRAMS) + 1)]
    assert [wire["sent"] for wire in read.wires.values()] == [100, 101]
    assert books.read_whole(tmp_path / "books")[:2] == read[:2]


def test_quantiles_are_true_to_half_a_bucket(tmp_path: Path) -> None:
    made = Books(tmp_path / "books")
    for milliseconds in range(1, 1001):
        made.note("latency", milliseconds / 1000)
    made.close()
    counts = books.read_whole(tmp_path / "books").histograms["latency"]
    for q in (0.01, 0.5, 0.95, 0.99):
        assert books.quantile(counts, q) == pytest.approx(q, rel=0.1)
    assert books.quantile([0] * BUCKETS, 0.5) == 0.0


@pytest.mark.parametrize("seconds", [-1e9, 0.0, SHORTEST, 1e9])
def test_any_latency_has_a_bucket(seconds: float) -> None:
    assert 0 <= books.bucket(seconds) < BUCKETS


@pytest.mark.parametrize("length", [7, books.size(0) - 8, books.size(1) - 8])
def test_a_file_that_is_no_whole_book_is_refused(tmp_path: Path, length: int) -> None:
    (tmp_path / "books").write_bytes(b"x" * length)
    with pytest.raises(ValueError, match=f"holds {length} bytes; books have"):
        books.read(tmp_path / "books")


def test_books_of_other_wires_than_asked_for_are_refused(tmp_path: Path) -> None:
    Books(tmp_path / "books", wires=2).close()
    with pytest.raises(ValueError, match="holds the books of 2 wires, not of 1"):
        books.read_whole(tmp_path / "books", ["a"])


def test_without_a_run_folder_nothing_is_written(tmp_path: Path) -> None:
    made = Books()
    made["done"] += 1
    assert made["done"] == 1
    made.close()
