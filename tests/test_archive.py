"""media/storage/archive.py: nothing that was put there is ever overwritten."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from media.storage import archive as module
from media.storage.archive import Archive
from media.storage.below import Folder
from media.storage.rename import rename_new


class Place:
    """A folder with things to put into the archive `done` in it."""

    def __init__(self, path: Path) -> None:
        self.done = path / "done"
        self.incoming = path / "incoming"
        self.incoming.mkdir()
        self._root, self._source = Folder(path), Folder(self.incoming)
        self.archive = self.opened()

    def opened(self) -> Archive:
        return Archive(self._root.fd, "done")

    def put(self, name: str, content: str, note: str = "") -> str:
        file = self.incoming / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        place = self.again(name, note)
        assert not file.exists()
        assert (self.done / place).read_text() == content
        return place

    def again(self, name: str, note: str = "") -> str:
        return self.archive.put(self._source.fd, name, note)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    yield Place(tmp_path)


def test_a_name_that_exists_is_numbered(place: Place) -> None:
    assert [place.put("cam/image.jpg", text) for text in "abc"] == [
        "cam/image.jpg", "cam/image.2.jpg", "cam/image.3.jpg",
    ]  # fmt: skip
    place.archive = place.opened()
    assert place.put("cam/image.jpg", "d") == "cam/image.4.jpg"
    assert place.put("cam/other.jpg", "e") == "cam/other.jpg"


def test_a_folder_whose_name_a_file_has_is_numbered(place: Place, tmp_path: Path) -> None:
    assert place.put("x.png", "a") == "x.png"
    (place.done / "link").symlink_to(tmp_path)
    assert place.put("link/a.jpg", "b") == "link.2/a.jpg"
    assert not (tmp_path / "a.jpg").exists()
    assert [place.put(name, name) for name in ("y/x.png/a.jpg", "y/x.png/b.jpg")] == ["y/x.png/a.jpg", "y/x.png/b.jpg"]
    (place.incoming / "x.png").mkdir()
    assert [place.put(f"x.png/{name}", name) for name in ("a.jpg", "b.jpg")] == ["x.2.png/a.jpg", "x.2.png/b.jpg"]
    (place.incoming / "x.png").rmdir()
    assert place.put("x.png", "c") == "x.3.png"


def test_a_file_that_somebody_makes_in_the_last_moment_is_not_overwritten(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def comes_first(file: str, to: str, source: int, target: int) -> None:
        if to == "a.jpg":
            (place.done / to).write_text("of somebody else")
        rename_new(file, to, source, target)

    monkeypatch.setattr(module, "rename_new", comes_first)
    assert place.put("a.jpg", "x", note="why") == "a.2.jpg"
    assert (place.done / "a.jpg").read_text() == "of somebody else"
    assert {file.name for file in place.done.iterdir()} == {"a.jpg", "a.2.jpg", "a.2.jpg.txt"}


def test_where_a_name_cannot_be_had_in_one_step_two_are_enough(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "rename_new", refused(errno.EINVAL))
    assert [place.put("a.jpg", text) for text in "ab"] == ["a.jpg", "a.2.jpg"]


def refused(code: int) -> Callable[..., None]:
    def refuse(file: str, to: str, source: int, target: int) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


def test_a_note_lies_beside_its_file(place: Place) -> None:
    assert place.put("image.jpg", "x", note="converter on robot: cannot decode") == "image.jpg"
    assert (place.done / "image.jpg.txt").read_text() == "converter on robot: cannot decode\n"


def test_the_note_of_a_file_that_is_numbered_says_its_own_name(place: Place) -> None:
    name = "cam/caf\udce9\n.jpg"
    placed = [place.put(name, "x", note="why") for _ in range(2)]
    first, second = ((place.done / f"{one}.txt").read_text() for one in placed)
    assert first == "why\n"
    assert second == r'why$its own name: "cam/caf\udce9\n.jpg"$'.replace("$", "\n")
    assert json.loads(second.splitlines()[1].partition(": ")[2]) == name


def test_a_file_named_like_a_note_and_a_note_do_not_overwrite_each_other(place: Place) -> None:
    assert place.put("a.jpg.txt", "a file", note="why") == "a.jpg.txt"
    assert place.put("a.jpg", "another", note="why not") == "a.2.jpg"
    assert (place.done / "a.jpg.txt").read_text() == "a file"


def test_names_of_255_bytes_are_numbered_and_noted_too(place: Place) -> None:
    name = "é" * 125 + "x.jpg"
    assert len(os.fsencode(name)) == 255
    placed = {place.put(name, text, note=f"note {text}") for text in "abc"}
    assert len(placed) == 3
    own = f'its own name: "{name}"\n'
    notes = [file.read_text() for file in place.done.iterdir() if file.name.endswith(".txt")]
    assert sorted(notes) == ["note a\n", f"note b\n{own}", f"note c\n{own}"]


def test_a_file_that_has_gone_leaves_no_note(place: Place) -> None:
    with pytest.raises(FileNotFoundError):
        place.again("gone.jpg", "why")
    assert not place.done.exists()


def test_a_note_whose_file_cannot_be_moved_goes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as now:
        now.setattr(module, "rename_new", refused(errno.ENOSPC))
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                place.put("a.jpg", "x", note="why")
            assert list(place.done.iterdir()) == []
    assert place.put("a.jpg", "x", note="why") == "a.jpg"


def test_a_note_that_a_kill_left_without_its_file_gets_it(place: Place) -> None:
    place.done.mkdir()
    (place.done / "a.jpg.txt").write_text("why\n")
    assert place.put("a.jpg", "x", note="why") == "a.jpg"
    assert place.put("a.jpg", "y", note="why") == "a.2.jpg"
    assert {file.name for file in place.done.iterdir()} == {"a.jpg", "a.jpg.txt", "a.2.jpg", "a.2.jpg.txt"}


def test_a_note_that_a_kill_left_is_replaced_where_the_next_try_has_another_reason(place: Place) -> None:
    place.done.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (place.done / f"{name}.txt").write_text("killed converter.1 (3 times)\n")
        assert place.put(name, "x", note="killed converter.2") == name
    assert {file.name for file in place.done.iterdir()} == {"a.jpg", "a.jpg.txt", "b.jpg", "b.jpg.txt"}
    assert (place.done / "b.jpg.txt").read_text() == "killed converter.2\n"


def test_what_is_no_note_is_not_replaced_by_one(place: Place) -> None:
    (place.done / "c.jpg.txt").mkdir(parents=True)
    (place.done / "d.jpg.txt").write_bytes(bytes(100_000))
    assert [place.put(name, "x", note="why") for name in ("c.jpg", "d.jpg")] == ["c.2.jpg", "d.2.jpg"]
    long = "x" * 252
    assert place.put(f"{long}a", "x", note="of a") != place.put(f"{long}b", "x", note="of b")
    assert sorted(note.read_text()[:4] for note in place.done.glob("xxx*.txt")) == ["of a", "of b"]


def test_a_note_is_on_the_disk_before_its_file_is_moved(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    deeds: list[str] = []
    fsync = os.fsync

    def fsync_and_tell(descriptor: int) -> None:
        deeds.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def rename_and_tell(file: str, to: str, source: int, target: int) -> None:
        deeds.append(f"rename to {to}")
        rename_new(file, to, source, target)

    monkeypatch.setattr(os, "fsync", fsync_and_tell)
    monkeypatch.setattr(module, "rename_new", rename_and_tell)
    assert place.put("cam/a.jpg", "x", note="why") == "cam/a.jpg"
    assert deeds == ["rename to a.jpg.txt", "sync a.jpg.txt", "sync cam", "rename to a.jpg"]

    deeds.clear()
    (place.done / "b.jpg.txt").write_text("why\n")  # a kill has left it
    assert place.put("b.jpg", "x", note="why") == "b.jpg"
    assert deeds == ["sync b.jpg.txt", "sync done", "rename to b.jpg"]


def test_a_note_that_a_kill_cut_off_gets_out_of_the_way(place: Place) -> None:
    place.done.mkdir()
    (place.done / ".note").write_text("wh")
    assert place.put("a.jpg", "x", note="why") == "a.jpg"
    assert {file.name for file in place.done.iterdir()} == {"a.jpg", "a.jpg.txt"}
    assert (place.done / "a.jpg.txt").read_text() == "why\n"
