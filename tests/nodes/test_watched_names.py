"""nodes/watcher.py on names of any bytes, and on what has the name of a frame and is none."""

import os
import socket
import stat
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest

from bus import Message
from media.said import MOST
from nodes.watcher import watcher
from tests.nodes.playing import Flow, finish, nothing, some

NAMES = [
    "with spaces and ü.jpg",
    "new\nline.jpg",
    "tab\tand \x1b[31mred.jpg",
    "percent%20.jpg",
    "quote'\"$(x)`.jpg",
    os.fsdecode(b"\xff\xfe.jpg"),
    "x" * 251 + ".jpg",
    "é" * 125 + "x.jpg",
    "-rf.jpg",
    "sub folder/" + os.fsdecode(b"\xe9") + "/" + "y" * 251 + ".jpg",
]


def watching(folder: Path, then: str = "delete") -> Flow:
    flow = watcher(folder=str(folder), then=then)
    assert next(flow) is None
    return flow


def close(flow: Flow) -> None:
    assert isinstance(flow, Generator)
    flow.close()


def put_all(folder: Path, content: str = "whole") -> None:
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def files(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_names_of_any_bytes_come_as_they_are_and_cross_a_wire(tmp_path: Path) -> None:
    flow = watching(tmp_path)
    put_all(tmp_path)
    messages = some(flow, len(NAMES))
    assert {message.name for message in messages} == set(NAMES)
    for message in messages:
        there = Message.load(*message.dump())
        assert (there.name, there.bytes) == (message.name, b"whole")
        finish(message)
    assert nothing(flow)
    assert files(tmp_path) == {}
    close(flow)


def test_names_of_any_bytes_are_kept_twice(tmp_path: Path) -> None:
    flow = watching(tmp_path, then="keep")
    for content in ("first", "second"):
        put_all(tmp_path, content)
        for message in some(flow, len(NAMES)):
            finish(message)
    kept = files(tmp_path / ".done")
    assert {name: kept[name] for name in NAMES} == dict.fromkeys(NAMES, "first")
    assert sorted(kept.values()) == ["first"] * len(NAMES) + ["second"] * len(NAMES)
    close(flow)


def test_names_of_any_bytes_become_dead_letters_twice(tmp_path: Path) -> None:
    flow = watching(tmp_path)
    for content in ("first", "second"):
        put_all(tmp_path, content)
        for message in some(flow, len(NAMES)):
            finish(message, "rejected", f"no image: {message.name}")
    letters = files(tmp_path / "dead-letters")
    notes = [letters.pop(name) for name in list(letters) if name.endswith(".txt")]
    assert {name: letters[name] for name in NAMES} == dict.fromkeys(NAMES, "first")
    assert sorted(letters.values()) == ["first"] * len(NAMES) + ["second"] * len(NAMES)
    assert len(notes) == 2 * len(NAMES)
    assert all(note.startswith("no image: ") for note in notes)
    close(flow)


def test_what_is_no_file_stays_put_and_is_mentioned_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = {"fifo": "a FIFO", "folder": "a folder", "link": "a symbolic link", "dangling": "a symbolic link"}
    flow = watching(tmp_path)
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "real.txt").write_text("real")
    (tmp_path / "link.jpg").symlink_to("real.txt")
    (tmp_path / "dangling.jpg").symlink_to("nowhere")
    (tmp_path / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.jpg"))
        kinds["socket"] = "a socket"
    with suppress(PermissionError):  # not even root may, in many containers
        os.mknod(tmp_path / "device.jpg", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        kinds["device"] = "a device"
    there = sorted(tmp_path.iterdir())

    (tmp_path / "folder.jpg/frame.jpg").write_text("in a folder of such a name")
    [message] = some(flow, 1)
    assert message.name == "folder.jpg/frame.jpg"
    finish(message)
    for name in kinds:  # they come once more
        (tmp_path / f"{name}.jpg").rename(tmp_path / "aside")
        (tmp_path / "aside").rename(tmp_path / f"{name}.jpg")
    assert nothing(flow, 2 * len(kinds))
    close(flow)

    said = capsys.readouterr().out.splitlines()[1:]
    assert sorted(said) == sorted(f"{name}.jpg is {kind} and not a frame: it stays" for name, kind in kinds.items())
    assert sorted(tmp_path.iterdir()) == there


def test_of_many_that_are_no_files_only_the_first_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flow = watching(tmp_path)
    for number in range(MOST + 5):
        (tmp_path / f"{number:02}.jpg").symlink_to("nowhere")
    assert nothing(flow, MOST + 10)
    close(flow)
    said = capsys.readouterr().out.splitlines()[1:]
    assert len(said) == MOST + 1
    assert said[-1] == f"and more of them: only the first {MOST} are named"
