"""What lies on disk between lives: end marks and dead letters; and lines that are said seldom."""

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from bus import Message
from bus.deadletters import set_aside
from bus.marks import Marks
from bus.seldom import Seldom
from tests.conftest import until


def test_a_mark_is_mine_if_the_command_line_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["node.py", "--a=1", "--b=\udcff"])
    marks = Marks(tmp_path, "node.1")
    assert not marks.mine()
    assert not marks.ended("node.1")
    marks.leave()
    digest = hashlib.sha256(b"--a=1\0--b=\xff").hexdigest()
    assert json.loads((tmp_path / "node.1.done").read_bytes()) == {"hash": digest}
    assert marks.mine()
    assert marks.ended("node.1")
    assert [file.name for file in tmp_path.iterdir()] == ["node.1.done"]
    monkeypatch.setattr(sys, "argv", ["node.py", "--a=2"])
    assert not Marks(tmp_path, "node.1").mine()


def test_the_mark_of_a_replica_that_failed_says_that_it_has_ended(tmp_path: Path) -> None:
    (tmp_path / "node.1.done").write_text('{"failed": true, "code": 65}')
    assert Marks(tmp_path, "other.1").ended("node.1")
    assert not Marks(tmp_path, "node.1").mine()


def test_without_a_run_folder_there_are_no_marks() -> None:
    marks = Marks(None, "node.1")
    marks.leave()
    assert not marks.mine()
    assert not marks.ended("node.1")


def aside(folder: Path, message: Message) -> tuple[str, bytes]:
    """The name and content of the dead letter of `message`."""
    file = set_aside(folder, *message.dump(), "too dark")
    assert (folder / f"{file.name}.txt").read_text() == "too dark\n"
    assert file.parent == folder
    return file.name, file.read_bytes()


def test_a_dead_letter_keeps_name_and_payload_and_is_numbered_if_that_name_exists(tmp_path: Path) -> None:
    assert aside(tmp_path / "a/b", Message(b"1", name="x.jpg")) == ("x.jpg", b"1")
    assert aside(tmp_path / "a/b", Message(b"2", name="x.jpg")) == ("x.2.jpg", b"2")
    assert aside(tmp_path / "a/b", Message(b"3", name="x.jpg")) == ("x.3.jpg", b"3")


def test_a_dead_letter_is_on_the_disk_before_its_sender_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def fsync_and_tell(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append(f"{path.name} {os.fstat(descriptor).st_size}" if path.is_file() else str(path))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync_and_tell)
    aside(tmp_path / "a/b", Message(b"123", name="x.jpg"))
    assert synced[:5] == [".x.jpg.txt.partial 9", ".x.jpg.partial 3", f"{tmp_path}/a/b", f"{tmp_path}/a", str(tmp_path)]


def test_a_note_and_a_dead_letter_that_is_named_like_one_do_not_overwrite_each_other(tmp_path: Path) -> None:
    assert aside(tmp_path, Message(b"1", name="x.jpg.txt")) == ("x.jpg.txt", b"1")
    assert aside(tmp_path, Message(b"2", name="x.jpg")) == ("x.2.jpg", b"2")
    assert aside(tmp_path, Message(b"3", name="x.2.jpg.txt")) == ("x.2.jpg.2.txt", b"3")
    assert (tmp_path / "x.jpg.txt").read_bytes() == b"1"
    assert {file.name for file in tmp_path.iterdir()} == {
        name + end for name in ("x.jpg.txt", "x.2.jpg", "x.2.jpg.2.txt") for end in ("", ".txt")
    }


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        (".hidden", "hidden"),
        ("..", "message"),
        ("new\nline.jpg", "new_line.jpg"),
        ("caf\udce9.jpg", "caf_.jpg"),
        ("x" * 300 + ".jpg", "x" * 196 + ".jpg"),
        ("", "cam-7"),
    ],
)
def test_no_name_from_the_wire_leads_out_of_the_folder(tmp_path: Path, name: str, becomes: str) -> None:
    assert aside(tmp_path, Message(b"1", name=name, stream="cam", number=7)) == (becomes, b"1")


def test_raw_pixels_are_written_as_png(tmp_path: Path) -> None:
    name, _ = aside(tmp_path, Message(Image.new("RGB", (4, 2), "red"), name="a.jpg"))
    assert name == "a.png"
    with Image.open(tmp_path / name) as image:
        assert (image.format, image.size) == ("PNG", (4, 2))


def test_a_file_is_copied_and_one_that_has_gone_leaves_its_reason(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    message = Message(file=tmp_path / "x", name="x.jpg")
    assert aside(tmp_path / "dead", message) == ("x.jpg", b"content")
    (tmp_path / "x").unlink()
    assert aside(tmp_path / "dead", message) == ("x.2.jpg", b"")


def test_equal_lines_are_said_once_in_a_while_and_then_how_often_they_came() -> None:
    said: list[str] = []
    seldom = Seldom(said.append, quiet=0.2)
    for _ in range(50):
        seldom("one")
        seldom("two")
    assert said == ["one", "two"]

    def one_again() -> bool:
        seldom("one")
        return len(said) == 3

    until(one_again)
    assert said[2].startswith("one (and ")
    assert int(said[2].split()[2]) >= 49
