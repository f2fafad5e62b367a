"""Books: counters and latencies that outlive a kill."""

import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from bus import books
from bus.books import BUCKETS, COUNTERS, SHORTEST, Books
from tests.wiring import ROOT


def test_counters_outlive_a_kill_and_what_was_on_the_way_is_taken_anew(tmp_path: Path) -> None:
    path = tmp_path / "node.1.books"
    program = (
        "import os, sys, pathlib; from bus.books import Books\n"
        "books = Books(pathlib.Path(sys.argv[1]))\n"
        "books['taken'], books['done'], books['dead'], books['dropped'], books['on_the_way'] = 10, 4, 1, 2, 3\n"
        "books['sent'] = 2 ** 62; books.latency(0.01); os.kill(os.getpid(), 9)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program, str(path)], env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert ran.returncode == -signal.SIGKILL
    assert books.read(path)["on_the_way"] == 3
    second = Books(path)
    assert (second["taken"], second["done"], second["on_the_way"], second["sent"]) == (7, 4, 0, 2**62)
    second.close()
    assert sum(books.read_latencies(path)) == 1


def test_the_layout_is_little_endian_integers_in_the_order_of_the_counters(tmp_path: Path) -> None:
    made = Books(tmp_path / "books")
    for number, counter in enumerate(COUNTERS):
        made[counter] = number + 1
    made.close()
    body = (tmp_path / "books").read_bytes()
    assert struct.unpack_from(f"<{len(COUNTERS)}q", body) == tuple(range(1, len(COUNTERS) + 1))
    assert len(body) == 8 * (len(COUNTERS) + BUCKETS)


def test_quantiles_are_true_to_half_a_bucket(tmp_path: Path) -> None:
    made = Books(tmp_path / "books")
    for milliseconds in range(1, 1001):
        made.latency(milliseconds / 1000)
    made.close()
    counts = books.read_latencies(tmp_path / "books")
    for q in (0.01, 0.5, 0.95, 0.99):
        assert books.quantile(counts, q) == pytest.approx(q, rel=0.1)
    assert books.quantile([0] * BUCKETS, 0.5) == 0.0


@pytest.mark.parametrize("seconds", [-1e9, 0.0, SHORTEST, 1e9])
def test_any_latency_has_a_bucket(seconds: float) -> None:
    assert 0 <= books.bucket(seconds) < BUCKETS


def test_a_file_that_is_no_whole_book_is_refused(tmp_path: Path) -> None:
    (tmp_path / "books").write_bytes(b"x" * 7)
    with pytest.raises(ValueError, match="holds 7 bytes; books have"):
        books.read(tmp_path / "books")


def test_without_a_run_folder_nothing_is_written(tmp_path: Path) -> None:
    made = Books()
    made["done"] += 1
    assert made["done"] == 1
    made.close()
