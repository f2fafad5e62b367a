"""media/watched/events.py against the real inotify."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.watched.events import Event, Events, What


@pytest.fixture
def events(tmp_path: Path) -> Iterator[Events]:
    events = Events()
    watch(events, tmp_path, "")
    yield events
    events.close()


def watch(events: Events, folder: Path, prefix: str) -> None:
    fd = os.open(folder, os.O_RDONLY)
    events.watch(fd, prefix)
    os.close(fd)


def test_closing_a_file_is_told_after_its_appearance(events: Events, tmp_path: Path) -> None:
    with open(tmp_path / "a.jpg", "w"):
        assert list(events.read()) == [Event(What.APPEARED, "a.jpg")]
    assert list(events.read()) == [Event(What.WRITTEN, "a.jpg")]


def test_a_rename_is_told_with_the_new_name_only(events: Events, tmp_path: Path) -> None:
    (tmp_path / "a.jpg.HLQMZ3").touch()
    list(events.read())
    (tmp_path / "a.jpg.HLQMZ3").rename(tmp_path / "a.jpg")
    assert list(events.read()) == [Event(What.WRITTEN, "a.jpg")]


def test_reading_a_file_is_not_told(events: Events, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    list(events.read())
    (tmp_path / "a.jpg").read_bytes()
    assert list(events.read()) == []


def test_a_name_that_is_not_utf_8_stops_nothing(events: Events, tmp_path: Path) -> None:
    names = [os.fsdecode(b"\xff\xfe.jpg"), "new\nline.jpg", "plain.jpg"]
    for name in names:
        (tmp_path / name).touch()
    assert [event.name for event in events.read() if event.what is What.WRITTEN] == names


def test_names_in_a_subfolder_are_told_with_their_path(events: Events, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"b\xff")
    folder.mkdir()
    assert list(events.read()) == [Event(What.FOLDER, folder.name)]
    watch(events, folder, folder.name + "/")
    (folder / "a.jpg").touch()
    assert Event(What.WRITTEN, f"{folder.name}/a.jpg") in list(events.read())


def test_a_subfolder_that_moved_is_told_under_its_new_path(events: Events, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    watch(events, tmp_path / "old", "old/")
    (tmp_path / "old").rename(tmp_path / "new")
    for event in events.read():
        if event == Event(What.FOLDER, "new"):
            watch(events, tmp_path / "new", "new/")
    watch(events, tmp_path / "new", "new/")  # its watch has ended when it is told to have moved
    (tmp_path / "new/a.jpg").touch()
    assert [event.name for event in events.read()] == ["new/a.jpg", "new/a.jpg"]


def test_a_subfolder_that_is_removed_and_made_again_is_told_as_new(events: Events, tmp_path: Path) -> None:
    for _ in range(2):
        (tmp_path / "sub").mkdir()
        assert list(events.read()) == [Event(What.FOLDER, "sub")]
        watch(events, tmp_path / "sub", "sub/")
        (tmp_path / "sub").rmdir()
        assert list(events.read()) == []


def test_a_full_queue_is_told_as_an_overflow(events: Events, tmp_path: Path) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for number in range(most + 1):  # two names in turn: an event that repeats the last is merged with it
        (tmp_path / f"{number % 2}.jpg").open("w").close()
    told: list[Event] = []
    while some := list(events.read()):
        told += some
    assert told[-1] == Event(What.OVERFLOW, "")


def test_of_a_subfolder_that_left_nothing_is_told_any_more_nor_below_it(events: Events, tmp_path: Path) -> None:
    away = tmp_path.with_name(f"{tmp_path.name}.away")
    for name in ("sub", "sub/deep", "subway"):
        (tmp_path / name).mkdir()
        watch(events, tmp_path / name, f"{name}/")
    list(events.read())
    (tmp_path / "sub").rename(away)
    assert list(events.read()) == [Event(What.MOVED, "sub")]
    for name in ("a.jpg", "deep/b.jpg"):
        (away / name).touch()
    assert list(events.read()) == []
    (tmp_path / "subway/c.jpg").touch()
    assert {event.name for event in events.read()} == {"subway/c.jpg"}


def test_a_folder_that_tells_of_a_file_of_our_own_answers_and_keeps_nothing_of_it(
    events: Events, tmp_path: Path
) -> None:
    (tmp_path / ".probe-0123abcd").touch()  # a kill has left it
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert events.answers(fd)
        assert list(tmp_path.iterdir()) == []
        assert list(events.read()) == []
    finally:
        os.close(fd)


def test_files_of_others_that_are_called_like_our_own_are_in_nobodys_way_and_stay(
    events: Events, tmp_path: Path
) -> None:
    for name in (".probe", ".probe-", ".probe-0123abcd"):
        (tmp_path / name).write_text("of another")
    (tmp_path / ".probe-folder").touch()
    (tmp_path / ".probe-00000000").mkdir()
    os.mkfifo(tmp_path / ".probe-11111111")
    before = sorted(tmp_path.iterdir())
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert events.answers(fd)
    finally:
        os.close(fd)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_is_not_watched_does_not_answer(tmp_path: Path) -> None:
    events = Events()
    (tmp_path / "sub").mkdir()
    watch(events, tmp_path / "sub", "sub/")
    fd = os.open(tmp_path, os.O_RDONLY)
    assert not events.answers(fd)
    os.close(fd)
    events.close()
