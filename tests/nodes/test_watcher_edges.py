"""nodes/watcher.py: stops by the bus, times and numbers of any size, and files that cannot be seen off."""

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bus import Message, Stopped
from media.watched.streams import MEMORY, Streams
from nodes import watcher as module
from nodes.watcher import watcher
from tests.mounting import change, disk
from tests.nodes.playing import finish, rest, some


def test_a_stop_by_the_bus_says_what_is_left_with_the_file_that_was_just_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[int] = []
    monkeypatch.setattr(module, "backlog", lambda waiting, look=None: said.append(waiting))
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).write_text("whole")

    def stopped(streams: object) -> Iterator[Message]:
        raise Stopped

    monkeypatch.setattr(module, "arrived", stopped)
    with pytest.raises(Stopped):
        next(watcher([], folder=str(tmp_path)))
    assert [file.name for file in (tmp_path / ".taken").iterdir()] == ["a.jpg"]
    assert said[-1] == 3


@pytest.mark.parametrize(("mtime", "captured"), [(-(10**9), 1), (0, 1), (5, 5), (2**63 + 10**9, 2**63 - 1)])
def test_any_mtime_becomes_a_time_that_a_message_can_carry(tmp_path: Path, mtime: int, captured: int) -> None:
    (tmp_path / "a.jpg").write_text("whole")
    os.utime(tmp_path / "a.jpg", ns=(1, mtime))
    if (tmp_path / "a.jpg").stat().st_mtime_ns != mtime:
        pytest.skip("this file system does not keep such times")
    [message] = rest(watcher([], folder=str(tmp_path)))
    assert message.captured == captured
    Message.load(*message.dump())


def test_a_number_that_is_too_large_for_a_message_is_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "clip-99999999999999999999.jpg").write_text("whole")
    [message] = rest(watcher([Message(stream="clip")], folder=str(tmp_path)))
    assert (message.stream, message.number) == ("", None)


@pytest.mark.parametrize("verdict", ["rejected", "done"])
def test_a_file_that_cannot_be_seen_off_is_said_and_comes_again_after_a_restart(
    tmp_path: Path, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = tmp_path / "spool"
    with disk(spool):
        (spool / "a.jpg").write_text("whole")
        flow: Any = watcher(folder=str(spool), then="keep")
        with closing(flow):
            [message] = some(flow, 1)
            change(spool, "ro")
            finish(message, verdict, "why")
        assert "cannot see a.jpg off yet" in capsys.readouterr().out
        change(spool, "rw")
        again: Any = watcher([], folder=str(spool), then="keep")
        with closing(again):
            [message] = some(again, 1)
            assert message.bytes == b"whole"
            finish(message, verdict, "why")
            assert rest(again) == []
        files = {str(file.relative_to(spool)) for file in spool.rglob("*") if file.is_file()}
    assert files == ({".done/a.jpg"} if verdict == "done" else {"dead-letters/a.jpg", "dead-letters/a.jpg.txt"})


def test_a_splitter_that_writes_into_another_folder_is_a_mistake_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = Message(stream="clip", data={"folder": str(tmp_path / "spool")})

    with pytest.raises(SystemExit) as ended:
        rest(watcher([elsewhere], folder=str(tmp_path / "inbox")))

    assert ended.value.code == 2
    assert f"the splitter writes into {tmp_path}/spool, but {tmp_path}/inbox is watched" in capsys.readouterr().out


class Told:
    """What a splitter tells; who asks for the next acknowledges the one before."""

    def __init__(self) -> None:
        self.asked = 0

    def __iter__(self) -> "Told":
        return self

    def __next__(self) -> Message:
        self.asked += 1
        if self.asked > 1:
            raise StopIteration
        return Message(stream="clip", data={"rate": 25})


def test_what_the_splitter_told_is_acknowledged_when_it_is_on_the_disk_and_frames_go_on_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.watched.streams.RETRY", 0.0)
    for name in ("a.jpg", "clip-00000001.jpg"):
        (tmp_path / name).write_text("whole")
    told, fsync = Told(), os.fsync
    with closing(watcher(told, folder=str(tmp_path))) as flow:  # type: ignore[type-var]
        with monkeypatch.context() as broken:

            def fails(descriptor: int) -> None:
                if MEMORY in Path(f"/proc/self/fd/{descriptor}").readlink().name:
                    raise OSError(errno.EIO, "Input/output error")
                fsync(descriptor)

            broken.setattr(os, "fsync", fails)
            assert [message.name for message in some(flow, 2)] == ["a.jpg", "clip-00000001.jpg"]
            assert told.asked == 1
            assert not (tmp_path / MEMORY).exists()
        next(flow)
        assert told.asked > 1
        assert Streams(tmp_path).origin("clip-00000001.jpg") == ("clip", 1, {"rate": 25})
