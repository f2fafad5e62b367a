"""nodes/watcher.py as a plain generator: what it claims, announces, and how it ends."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bus import Message
from media.watched import events
from nodes.watcher import watcher
from tests.nodes.playing import Flow, finish, nothing, rest, some

ROOT = Path(__file__).parents[2]
IN_DELETE_SELF = 0x400  # inotify(7): an event that no file in the folder causes


@pytest.fixture
def watch() -> Iterator[Callable[..., Flow]]:
    """Starts watchers that are stopped when the test is over; each is watching when it is returned."""
    flows = []

    def start(folder: Path, **arguments: Any) -> Flow:
        flow = watcher(folder=str(folder), **arguments)
        assert isinstance(flow, Generator)
        flows.append(flow)
        return flow

    yield start
    for flow in flows:
        flow.close()


def put(file: Path, content: str = "whole") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def test_a_file_becomes_a_message_and_is_gone_when_that_is_finished(tmp_path: Path, watch: Callable[..., Flow]) -> None:
    flow = watch(tmp_path / "made")
    assert next(flow) is None
    put(tmp_path / "made/sub/a.jpg")
    os.utime(tmp_path / "made/sub/a.jpg", ns=(1, 1234567890123456789))
    [message] = some(flow, 1)
    assert message.file == str(tmp_path / "made/.taken/sub/a.jpg")
    assert (message.name, message.bytes) == ("sub/a.jpg", b"whole")
    assert (message.captured, message.time) == (1234567890123456789, "written")
    assert (message.stream, message.number, message.data) == ("", None, {})
    finish(message)
    assert [file.name for file in tmp_path.rglob("*.jpg")] == []


def test_files_that_were_there_before_come_by_name(tmp_path: Path, watch: Callable[..., Flow]) -> None:
    for name in ("c.jpg", "a.png", "b.webp", "d.txt"):
        put(tmp_path / name)
    assert [message.name for message in some(watch(tmp_path), 3)] == ["a.png", "b.webp", "c.jpg"]


def test_one_file_is_claimed_for_each_message_that_is_asked_for(tmp_path: Path, watch: Callable[..., Flow]) -> None:
    for number in range(9):
        put(tmp_path / f"{number}.jpg")
    some(watch(tmp_path), 3)
    assert len(list((tmp_path / ".taken").iterdir())) == 3
    assert len(list(tmp_path.glob("*.jpg"))) == 6


def test_the_pattern_is_the_users_if_there_is_one(tmp_path: Path, watch: Callable[..., Flow]) -> None:
    for name in ("a.jpg", "b.dat", "c.RAW"):
        put(tmp_path / name)
    flow = watch(tmp_path, pattern="*.dat, *.raw")
    assert [message.name for message in some(flow, 2)] == ["b.dat", "c.RAW"]
    assert nothing(flow)


def test_a_file_that_is_still_written_stays_in_the_folder(tmp_path: Path, watch: Callable[..., Flow]) -> None:
    with open(tmp_path / "before.jpg", "w") as before:
        flow = watch(tmp_path)
        assert nothing(flow)
        with open(tmp_path / "after.jpg", "w") as after:
            for writer in (before, after):
                writer.write("a half")
                writer.flush()
            assert nothing(flow)
            for writer in (before, after):
                writer.write(" and the rest")
    messages = some(flow, 2)
    assert {message.name for message in messages} == {"before.jpg", "after.jpg"}
    assert {message.bytes for message in messages} == {b"a half and the rest"}


def test_a_name_that_comes_again_waits_for_the_first_and_needs_no_other_event(
    tmp_path: Path, watch: Callable[..., Flow]
) -> None:
    flow = watch(tmp_path)
    put(tmp_path / "image.jpg", "first")
    [first] = some(flow, 1)
    put(tmp_path / "image.jpg", "second")
    assert nothing(flow)
    assert (tmp_path / "image.jpg").read_text() == "second"
    finish(first)
    [second] = some(flow, 1)
    assert second.bytes == b"second"


def test_leftovers_come_first_and_are_announced(
    tmp_path: Path, watch: Callable[..., Flow], capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / ".taken/sub/b.jpg")
    put(tmp_path / ".taken/a.jpg")
    put(tmp_path / "0.jpg")
    messages = some(watch(tmp_path), 3)
    assert [message.name for message in messages] == ["a.jpg", "sub/b.jpg", "0.jpg"]
    said = capsys.readouterr().out.splitlines()
    again = f"2 frames that were taken before, and are not finished, come first: {tmp_path}/.taken"
    assert said == [again, f"watches {tmp_path}: 1 waiting"]


def test_the_splitters_frames_carry_what_it_told(tmp_path: Path) -> None:
    put(tmp_path / "clip-000003.jpg")
    put(tmp_path / "foreign-000003.jpg")
    told = [Message(stream="clip", data={"rate": 25, "size": [1280, 720]})]
    ours, foreign = rest(watcher(told, folder=str(tmp_path)))
    assert (ours.stream, ours.number, ours.time) == ("clip", 3, "captured")
    assert ours.data == {"rate": 25, "size": [1280, 720]}
    assert (foreign.stream, foreign.number, foreign.time, foreign.data) == ("", None, "written", {})


def test_it_ends_with_its_input_when_nothing_is_left(tmp_path: Path) -> None:
    assert rest(watcher([], folder=str(tmp_path))) == []
    for name in ("a.jpg", "b.jpg"):
        put(tmp_path / name)
    os.mkfifo(tmp_path / "fifo.jpg")
    assert [message.name for message in rest(watcher([], folder=str(tmp_path)))] == ["a.jpg", "b.jpg"]


def test_before_it_ends_it_waits_for_writers_and_for_what_is_on_its_way(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    with open(tmp_path / "b.jpg", "w") as writer:
        flow = watcher([], folder=str(tmp_path))
        [first] = some(flow, 1)
        assert nothing(flow)
        writer.write("written at last")
    [second] = some(flow, 1)
    assert second.bytes == b"written at last"
    assert nothing(flow)
    finish(first)
    assert nothing(flow)
    finish(second)
    assert rest(flow) == []


def test_a_file_that_no_event_told_of_is_found_before_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MASK", IN_DELETE_SELF)  # as silent as some network mounts

    def splitter() -> Iterator[Message]:
        put(tmp_path / "clip-0.jpg")
        yield Message(stream="clip")

    assert [message.name for message in rest(watcher(splitter(), folder=str(tmp_path)))] == ["clip-0.jpg"]


def test_a_watcher_waits_for_the_one_before_it(tmp_path: Path, watch: Callable[..., Flow]) -> None:
    first, second = watcher(folder=str(tmp_path)), watch(tmp_path)
    assert next(first) is None
    put(tmp_path / "a.jpg")
    assert nothing(second)
    assert isinstance(first, Generator)
    first.close()
    [message] = some(second, 1)
    assert message.name == "a.jpg"


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        ({"then": "burn"}, 'then "burn"', 2),
        ({"pattern": "sub/*.jpg"}, 'pattern "sub/*.jpg"', 2),
        ({"folder": ""}, "folder is empty", 2),
        ({"folder": "/proc/nowhere"}, "cannot watch /proc/nowhere", 1),
    ],
)
def test_what_it_cannot_do_is_one_clear_line(
    tmp_path: Path, arguments: dict[str, Any], words: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as wish:
        next(watcher(**{"folder": str(tmp_path), **arguments}))
    assert wish.value.code == code
    [line] = capsys.readouterr().out.splitlines()
    assert words in line


DRIVER = """
import sys
from nodes.watcher import watcher
for message in watcher(folder=sys.argv[1]):
    if message:
        print("claimed", message.name, flush=True)
        if message.name[-5] in "02468":  # the others are on their way for ever
            message.finish("done", "")
"""


def test_a_watcher_that_is_killed_loses_nothing_and_takes_nothing_twice(
    tmp_path: Path, watch: Callable[..., Flow]
) -> None:
    spool = tmp_path / "spool"
    for number in range(1000):
        put(spool / f"{number:04}.jpg", str(number))
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(spool)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as driver:
        assert driver.stdout
        assert any("0500" in line for line in driver.stdout)
        driver.kill()
    left = {file.name for file in spool.rglob("*.jpg")}
    unfinished = {file.name for file in (spool / ".taken").iterdir()}
    assert {f"{number:04}.jpg" for number in range(1, 500, 2)} <= unfinished
    assert {f"{number:04}.jpg" for number in range(0, 500, 2)}.isdisjoint(left)
    messages = rest(watcher([], folder=str(spool)))
    assert sorted(message.name for message in messages) == sorted(left)
    assert {message.name for message in messages[: len(unfinished)]} == unfinished
