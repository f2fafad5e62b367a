"""media/watched/arrivals.py where folders are looked into again and again: what that costs, and what is made of it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from media.watched import arrivals as module
from media.watched import events
from media.watched.arrivals import Arrivals, Sign
from media.watched.tree import Tree

IN_DELETE_SELF = 0x400  # inotify(7): an event that no file in the folder causes
FILES = 50
DEAR = 0.002  # seconds of work for each of them
LONG = "x" * 200  # a name that fills the buffer of events soon


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arrivals]:
    """Of a folder that tells of nothing, with FILES in it."""
    for number in range(FILES):
        (tmp_path / f"{number}.jpg").touch()
    monkeypatch.setattr(events, "MASK", IN_DELETE_SELF)
    monkeypatch.setattr(module, "LOOK", 0.1)
    with closing(Arrivals(tmp_path, "*.jpg")) as arrivals:
        arrivals.scan()
        yield arrivals


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is walked, as it happens."""
    walked: list[str] = []
    real = Tree.walk

    def walk(self: Tree, below: str = "") -> Iterator[str]:
        walked.append(below)
        return real(self, below)

    monkeypatch.setattr(Tree, "walk", walk)
    return walked


def work(seconds: float) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


def asked(arrivals: Arrivals, came: Counter[str], enough: Callable[[], bool]) -> None:
    """Ask, and work at what comes, until it is `enough`."""
    deadline = time.monotonic() + 20
    while not enough():
        assert time.monotonic() < deadline, came
        if given := arrivals.next(0.01):
            came[given[0]] += 1
            work(DEAR)


def test_files_that_stay_are_given_again_but_seldom_if_they_are_many_and_new_ones_at_once(
    silent: Arrivals, tmp_path: Path, walks: list[str]
) -> None:
    came: Counter[str] = Counter()
    asked(silent, came, lambda: len(came) == FILES and min(came.values()) >= 3)  # scan, look, and look again
    (tmp_path / "new.jpg").touch()
    before, looks = came.copy(), len(walks)
    asked(silent, came, lambda: len(walks) >= looks + 8 and came["new.jpg"] > 0)
    assert set(came - before) == {"new.jpg"}


def test_one_file_that_stays_is_given_at_each_look(silent: Arrivals, tmp_path: Path) -> None:
    for number in range(1, FILES):
        (tmp_path / f"{number}.jpg").unlink()
    came: Counter[str] = Counter()
    asked(silent, came, lambda: came["0.jpg"] >= 8)


def test_files_that_are_not_ready_wait_the_longer_the_more_they_are(silent: Arrivals) -> None:
    for _ in range(FILES):
        given = silent.next(0)
        assert given
        work(DEAR)
        silent.later(*given)
    assert not any(silent.next(0.1) for _ in range(10))
    assert silent.waiting == FILES


def test_nobody_is_called_hidden_whose_event_is_still_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], walks: list[str]
) -> None:
    monkeypatch.setattr("media.watched.tree.LOCAL", ())
    monkeypatch.setattr(module, "LOOK", 0.0)
    monkeypatch.setattr("media.watched.rest.REST", 0)
    with closing(Arrivals(tmp_path, "*.jpg")) as arrivals:
        arrivals.scan()
        assert arrivals.next(0) is None
        for number in range(1000):  # some four buffers of events
            (tmp_path / f"{LONG}{number % 2}.txt").open("w").close()
        (tmp_path / "a.jpg").touch()
        looks = len(walks)
        given = [arrivals.next(0) for _ in range(12)]
        assert len(walks) >= looks + 3
        assert given[0] == ("a.jpg", Sign.SEEN)
        assert ("a.jpg", Sign.WRITTEN) in given
    assert "not heard of" not in capsys.readouterr().out
