"""The launcher's lines as JSON: in the run folder, and with --log json."""

import json
import os
from pathlib import Path

import pytest

from host.view.journal import MOST, Journal, record
from host.view.report import GRAPH, Report
from tests.mounting import disk
from tests.ordeal import fill


def test_each_line_is_kept_as_an_object(tmp_path: Path) -> None:
    report = Report(["converter.2"], None, journal=tmp_path)
    report.line("converter.2", 'a \x1b[31mred\x1b[0m “quote"')
    report.line(GRAPH, "done")
    first, second = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert (first["who"], first["text"]) == ("converter.2", 'a red “quote"')
    assert second["at"] >= first["at"] > 1.7e9
    assert (tmp_path / "log.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_file_of_a_mebibyte_becomes_the_older_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path, lambda words: None)
    count = 0
    while not (tmp_path / "log.1.jsonl").exists():
        journal.note(record(count, GRAPH, "x" * 10_000))
        count += 1
    assert MOST <= (tmp_path / "log.1.jsonl").stat().st_size < MOST + 11_000
    journal.note(record(count, GRAPH, "next"))
    assert [json.loads(line)["at"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [count]


def test_a_full_disk_costs_lines_and_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    with disk(tmp_path / "run", options="size=64k") as folder:
        journal = Journal(folder, said.append)
        journal.note("{}")
        ballast = fill(folder)
        for _ in range(50):
            journal.note(json.dumps("x" * 200))
        ballast.unlink()
        journal.note('"last"')
        lines = (folder / "log.jsonl").read_text().splitlines()
    assert len(said) == 1
    assert "No space left on device" in said[0]
    assert json.loads(lines[-1]) == "last"
    assert all(map(json.loads, lines[1:]))  # none is torn


@pytest.mark.parametrize("text", ["one\ntwo", "\udcff"])
def test_with_json_all_that_is_printed_is_an_object_a_line(text: str) -> None:
    reading, writing = os.pipe()
    Report(["a"], writing, as_json=True).line("a", text)
    [line] = os.read(reading, 4096).decode().splitlines()
    assert set(json.loads(line)) == {"at", "who", "text"}
    os.close(reading)
    os.close(writing)
