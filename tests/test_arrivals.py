"""media/watched/arrivals.py: every name comes, and once."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from media.storage.mounts import kind
from media.watched.arrivals import Arrivals, Sign
from media.watched.events import CannotWatch, Events
from media.watched.tree import Tree
from tests.conftest import until
from tests.mounting import change, disk


@pytest.fixture
def arrivals(tmp_path: Path) -> Iterator[Arrivals]:
    arrivals = Arrivals(tmp_path, "*.jpg,*.png")
    arrivals.scan()
    yield arrivals
    arrivals.close()


def drain(arrivals: Arrivals) -> list[tuple[str, Sign]]:
    return list(iter(lambda: arrivals.next(0), None))


def names(arrivals: Arrivals) -> list[str]:
    return [name for name, _ in drain(arrivals)]


def touch(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def test_a_scan_finds_what_is_there_sorted_by_name(arrivals: Arrivals, tmp_path: Path) -> None:
    for name in ("b.jpg", "sub/c.png", "a.JPG", "deep/er/a.jpg"):
        touch(tmp_path / name)
    drain(arrivals)
    arrivals.scan()
    assert names(arrivals) == ["a.JPG", "b.jpg", "deep/er/a.jpg", "sub/c.png"]


def test_events_come_in_their_order(arrivals: Arrivals, tmp_path: Path) -> None:
    for name in ("b.jpg", "c.jpg", "a.jpg"):
        touch(tmp_path / name)
    assert drain(arrivals) == [(name, Sign.WRITTEN) for name in ("b.jpg", "c.jpg", "a.jpg")]


def test_a_file_that_is_just_begun_is_weaker_than_one_that_was_found(arrivals: Arrivals, tmp_path: Path) -> None:
    with open(tmp_path / "a.jpg", "w"):
        assert drain(arrivals) == [("a.jpg", Sign.APPEARED)]
        arrivals.later("a.jpg", Sign.APPEARED)
        arrivals.scan()
        assert drain(arrivals) == [("a.jpg", Sign.FOUND)]
    assert drain(arrivals) == [("a.jpg", Sign.WRITTEN)]


def test_the_strongest_sign_counts_also_of_a_file_that_waits(arrivals: Arrivals, tmp_path: Path) -> None:
    arrivals.later("a.jpg", Sign.WRITTEN)
    with open(tmp_path / "a.jpg", "w"):
        assert drain(arrivals) == [("a.jpg", Sign.WRITTEN)]
    for name in ("a.jpg", "b.jpg"):
        touch(tmp_path / name)
    (tmp_path / "b.jpg").unlink()
    with open(tmp_path / "b.jpg", "w"):
        assert drain(arrivals) == [("a.jpg", Sign.WRITTEN), ("b.jpg", Sign.WRITTEN)]


def test_hidden_files_other_names_and_closed_folders_never_come(arrivals: Arrivals, tmp_path: Path) -> None:
    for name in (".a.jpg", "a.jpg.HLQMZ3", "a.jpg.tmp", "a.txt", ".taken/a.jpg", "dead-letters/a.jpg", "x/.y/a.jpg"):
        touch(tmp_path / name)
    assert names(arrivals) == []
    arrivals.scan()
    assert names(arrivals) == []


def test_folders_made_moved_and_removed_later_are_followed(arrivals: Arrivals, tmp_path: Path) -> None:
    touch(tmp_path / "one/two/a.jpg")
    assert names(arrivals) == ["one/two/a.jpg"]
    touch(tmp_path / "one/two/b.jpg")
    assert names(arrivals) == ["one/two/b.jpg"]
    (tmp_path / "one").rename(tmp_path / "uno")
    assert names(arrivals) == ["uno/two/a.jpg", "uno/two/b.jpg"]
    touch(tmp_path / "uno/two/c.jpg")
    assert names(arrivals) == ["uno/two/c.jpg"]
    for file in (tmp_path / "uno/two").iterdir():
        file.unlink()
    (tmp_path / "uno/two").rmdir()
    touch(tmp_path / "uno/two/d.jpg")
    assert names(arrivals) == ["uno/two/d.jpg"]


def test_a_hidden_folder_that_gets_a_name_is_looked_into(arrivals: Arrivals, tmp_path: Path) -> None:
    touch(tmp_path / ".upload/a.jpg")
    assert names(arrivals) == []
    (tmp_path / ".upload").rename(tmp_path / "upload")
    assert names(arrivals) == ["upload/a.jpg"]


def test_symbolic_links_to_folders_are_not_followed(arrivals: Arrivals, tmp_path: Path) -> None:
    touch(tmp_path / ".elsewhere/a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / ".elsewhere")
    arrivals.scan()
    assert names(arrivals) == []


@pytest.mark.parametrize("folder", ["a/", "a/b/", "a/b/c/"])
def test_a_folder_that_has_become_a_link_is_not_followed_wherever_it_is_in_the_path(
    tmp_path: Path, folder: str
) -> None:
    spool, outside = tmp_path / "spool", tmp_path / "outside"
    touch(outside / "b/c/secret.jpg")
    spool.mkdir()
    (spool / "a").symlink_to(outside)
    with closing(Events()) as events:
        assert list(Tree(spool, "*.jpg", events).walk(folder)) == []


def test_the_watched_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    touch(tmp_path / "real/sub/a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with closing(Events()) as events:
        assert list(Tree(tmp_path / "link", "*.jpg", events).walk()) == ["sub/a.jpg"]


def test_a_folder_that_could_not_be_watched_and_has_gone_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.watched.tree.LOCAL", {kind_here(tmp_path)})
    (tmp_path / "sub/deep").mkdir(parents=True)
    with closing(Events()) as events:
        tree = Tree(tmp_path, "*.jpg", events)
        with monkeypatch.context() as limit:
            limit.setattr(Events, "watch", at_the_limit)
            list(tree.walk())
        assert tree.doubtful() == [""]
        (tmp_path / "sub/deep").rmdir()
        (tmp_path / "sub").rmdir()
        list(tree.walk())
        assert not tree.is_doubtful


def kind_here(folder: Path) -> str:
    fd = os.open(folder, os.O_RDONLY)
    try:
        return kind(fd)
    finally:
        os.close(fd)


def at_the_limit(self: Events, folder: int, prefix: str) -> None:
    raise CannotWatch("no watch is left")


def test_a_folder_that_moves_within_is_told_under_its_new_path_alone(arrivals: Arrivals, tmp_path: Path) -> None:
    for name in ("one/a.jpg", "two/three/b.jpg"):
        touch(tmp_path / name)
    drain(arrivals)
    (tmp_path / "two/three").rename(tmp_path / "one/three")
    (tmp_path / "one").rename(tmp_path / "uno")
    assert set(names(arrivals)) == {"uno/a.jpg", "uno/three/b.jpg"}
    touch(tmp_path / "one/three/c.jpg")
    touch(tmp_path / "uno/three/c.jpg")
    assert set(names(arrivals)) == {"one/three/c.jpg", "uno/three/c.jpg"}


def test_a_folder_that_takes_no_file_of_our_own_is_looked_into_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = tmp_path / "spool"
    with disk(spool, options="nr_inodes=1"), closing(Arrivals(spool, "*.jpg")) as arrivals:
        arrivals.scan()
        words = f"cannot try whether events come from {spool}: No space left on device"
        assert capsys.readouterr().out == f"{words}; until then it is looked into every second as well\n"
        change(spool, "nr_inodes=100")
        walked: list[str] = []
        real = Tree.walk

        def walk(self: Tree, below: str = "") -> Iterator[str]:
            walked.append(below)
            return real(self, below)

        monkeypatch.setattr(Tree, "walk", walk)
        assert not any(arrivals.next(0.1) for _ in range(25))
    assert walked == [""]


def test_what_was_not_ready_comes_again_without_an_event(arrivals: Arrivals, tmp_path: Path) -> None:
    arrivals.later("a.jpg", Sign.WRITTEN)
    assert arrivals.next(0) is None
    assert arrivals.waiting == 1
    assert next(filter(None, (arrivals.next(0.1) for _ in range(100)))) == ("a.jpg", Sign.WRITTEN)
    assert arrivals.waiting == 0


def test_lost_events_are_made_up_for_by_a_scan(
    arrivals: Arrivals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for number in range(most + 1):
        (tmp_path / f"{number % 2}.txt").open("w").close()
    touch(tmp_path / "made/later/a.jpg")
    assert until(lambda: names(arrivals)) == ["made/later/a.jpg"]
    assert "scans the folder" in capsys.readouterr().out
    touch(tmp_path / "made/later/b.jpg")
    assert names(arrivals) == ["made/later/b.jpg"]


@pytest.mark.parametrize("pattern", ["", "*.jpg,", "sub/*.jpg"])
def test_a_pattern_that_can_match_nothing_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(CannotWatch, match="needs globs of file names") as error:
        Arrivals(tmp_path, pattern)
    assert error.value.code == 2
