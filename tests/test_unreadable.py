"""Files that cannot be read for a moment, and those that never can."""

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bus import unreadable
from bus.unreadable import Unreadable, disk_blamed
from tests.launch import processes_in
from tests.mounting import passed_through
from tests.peers import META, Node, node


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unreadable, "RETRY", 0.05)


@contextmanager
def mounted(place: Path) -> Iterator[tuple[Path, int]]:
    """A file on a disk of its own, and the process without which that disk answers with errors only."""
    with passed_through(place) as behind:
        (behind / "a.jpg").write_bytes(b"whole")
        [server] = processes_in(behind)
        yield place / "a.jpg", server
    (place / "a.jpg").write_bytes(b"whole")  # it is back


def give(n: Node, number: int, file: Path) -> None:
    n.far.give(number, b"", meta={**META, "number": number, "file": str(file)})


def until_put_off(n: Node, times: int = 1) -> None:
    """Ask until what was given could not be read so often."""
    later, seen = n.frames.later, set[float]()
    while len(seen) < times:
        n.until(lambda: n.frames.here() is None and later)
        seen.add(later.next_try)


def test_a_frame_whose_disk_fails_is_said_once_and_comes_when_the_disk_works(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with node() as n:
        with mounted(n.folder / "disk") as (file, server):
            os.kill(server, signal.SIGKILL)
            give(n, 1, file)
            until_put_off(n, 3)
        assert n.until(n.frames.here).bytes == b"whole"
        assert n.frames.here() is None
        n.until(lambda: n.verdicts() == {1: ("done", "")})
        words = f"cannot read {file}: Transport endpoint is not connected; tries again until it works"
        assert capsys.readouterr().out.splitlines() == [words, "reads files again"]


def test_a_frame_whose_disk_fails_under_user_code_is_not_guilty_of_it() -> None:
    with node() as n:
        with mounted(n.folder / "disk") as (file, server):
            give(n, 1, file)
            (n.folder / "b.jpg").write_bytes(b"other")
            give(n, 2, n.folder / "b.jpg")
            n.until(lambda: len(n.frames.queue) == 2)
            batch = n.frames.batch(2, 0.0)
            os.kill(server, signal.SIGKILL)
            with pytest.raises(Unreadable) as caught:
                batch[0].bytes  # noqa: B018
            n.failed(caught.value)
        assert n.until(n.frames.here).bytes == b"whole"
        assert n.frames.here() is None
        n.until(lambda: n.verdicts() == {1: ("done", "")})
        returned = [entry for state in n.far.hear() for entry in state["returned"]]
        assert [(number, guilty) for number, guilty, _ in returned] == [(2, False)]


def test_a_file_that_cannot_be_read_while_others_can_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unreadable, "PATIENCE", 0.3)
    with node() as n, mounted(n.folder / "disk") as (file, server):
        os.kill(server, signal.SIGKILL)
        give(n, 1, file)
        until_put_off(n)
        (n.folder / "b.jpg").write_bytes(b"other")
        give(n, 2, n.folder / "b.jpg")
        assert n.until(n.frames.here).bytes == b"other"
        n.until(lambda: n.frames.here() is None and n.verdicts().get(1))
        verdict, reason = n.verdicts()[1]
        assert (verdict, n.verdicts()[2]) == ("rejected", ("done", ""))
        assert reason.endswith("Transport endpoint is not connected")


def test_a_disk_on_which_nothing_can_be_read_is_waited_for_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unreadable, "PATIENCE", 0.1)
    with node() as n, ExitStack() as dead:
        file, server = dead.enter_context(mounted(n.folder / "disk"))
        os.kill(server, signal.SIGKILL)
        for number in (1, 2):
            give(n, number, file)
        until_put_off(n, 10)
        assert n.verdicts() == {}


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ENOMEM, errno.EMFILE, errno.ETIMEDOUT])
def test_these_are_the_disks_faults_or_the_machines(code: int, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=os.strerror(code)), disk_blamed(tmp_path):
        raise OSError(code, os.strerror(code))


@pytest.mark.parametrize("code", unreadable.ITS_OWN)
def test_these_are_the_files_own(code: int, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=os.strerror(code)) as caught, disk_blamed(tmp_path):
        raise OSError(code, os.strerror(code))
    assert not isinstance(caught.value, Unreadable)


def test_a_file_that_may_not_be_read_is_told_from_one_in_a_folder_that_may_not_be_entered(tmp_path: Path) -> None:
    denied = OSError(errno.EACCES, os.strerror(errno.EACCES))
    with pytest.raises(PermissionError), disk_blamed(tmp_path):
        raise denied
    with pytest.raises(Unreadable), disk_blamed(tmp_path / "out of sight"):
        raise denied
