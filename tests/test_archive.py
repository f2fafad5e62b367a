"""media/archive.py: nothing that was put there is ever overwritten."""

import errno
import os
from pathlib import Path

import pytest

from media.archive import Archive


def put(archive: Archive, name: str, content: str, note: str = "") -> str:
    file = archive.folder.parent / "incoming"
    file.write_text(content)
    place = archive.put(file, name, note)
    assert not file.exists()
    assert place.read_text() == content
    return str(place.relative_to(archive.folder))


def test_a_name_that_exists_is_numbered(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "done")
    assert [put(archive, "cam/image.jpg", text) for text in "abc"] == [
        "cam/image.jpg", "cam/image.2.jpg", "cam/image.3.jpg",
    ]  # fmt: skip
    assert put(Archive(tmp_path / "done"), "cam/image.jpg", "d") == "cam/image.4.jpg"
    assert put(archive, "cam/other.jpg", "e") == "cam/other.jpg"


def test_a_note_lies_beside_its_file(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "dead-letters")
    assert put(archive, "image.jpg", "x", note="converter on robot: cannot decode") == "image.jpg"
    assert (tmp_path / "dead-letters/image.jpg.txt").read_text() == "converter on robot: cannot decode\n"


def test_a_file_named_like_a_note_and_a_note_do_not_overwrite_each_other(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "dead-letters")
    assert put(archive, "a.jpg.txt", "a file", note="why") == "a.jpg.txt"
    assert put(archive, "a.jpg", "another", note="why not") == "a.2.jpg"
    assert (tmp_path / "dead-letters/a.jpg.txt").read_text() == "a file"


def test_names_of_255_bytes_are_numbered_and_noted_too(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "dead-letters")
    name = "é" * 125 + "x.jpg"
    assert len(os.fsencode(name)) == 255
    placed = {put(archive, name, text, note=f"note {text}") for text in "abc"}
    assert len(placed) == 3
    notes = [file.read_text() for file in archive.folder.iterdir() if file.name.endswith(".txt")]
    assert sorted(notes) == ["note a\n", "note b\n", "note c\n"]


def test_a_file_that_has_gone_leaves_no_note(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Archive(tmp_path / "dead-letters").put(tmp_path / "gone.jpg", "gone.jpg", "why")
    assert not (tmp_path / "dead-letters").exists()


def test_a_note_whose_file_cannot_be_moved_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path / "dead-letters")

    def disk_full(file: Path, to: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as now:
        now.setattr(Path, "rename", disk_full)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                put(archive, "a.jpg", "x", note="why")
            assert list(archive.folder.iterdir()) == []
    assert put(archive, "a.jpg", "x", note="why") == "a.jpg"


def test_a_note_that_a_kill_left_without_its_file_gets_it(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "dead-letters")
    archive.folder.mkdir()
    (archive.folder / "a.jpg.txt").write_text("why\n")
    assert put(archive, "a.jpg", "x", note="why") == "a.jpg"
    assert put(archive, "a.jpg", "y", note="why") == "a.2.jpg"
    assert {file.name for file in archive.folder.iterdir()} == {"a.jpg", "a.jpg.txt", "a.2.jpg", "a.2.jpg.txt"}
