"""media/watched/lease.py: what the kernel knows about writers."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from media.watched.lease import lease
from tests.conftest import until


def test_a_file_that_nobody_writes_gives_a_lease_even_while_others_read_it(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"whole")
    with open(tmp_path / "a.jpg", "rb"), lease(tmp_path / "a.jpg") as held:
        assert held is not None
        assert not held.is_wanted_back()


def test_a_file_with_a_writer_gives_none_until_the_writer_closes_it(tmp_path: Path) -> None:
    with open(tmp_path / "a.jpg", "wb"), pytest.raises(BlockingIOError), lease(tmp_path / "a.jpg"):
        pass
    with lease(tmp_path / "a.jpg") as held:
        assert held is not None


def test_a_writer_that_comes_during_the_lease_waits_and_is_seen_to_wait(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"old")
    with lease(tmp_path / "a.jpg") as held:
        assert held is not None
        writer = subprocess.Popen([sys.executable, "-c", "open('a.jpg', 'wb').write(b'new')"], cwd=tmp_path)
        until(held.is_wanted_back, what="the writer's wish")
        assert (tmp_path / "a.jpg").read_bytes() == b"old"
    assert writer.wait(10) == 0
    assert (tmp_path / "a.jpg").read_bytes() == b"new"


def test_a_file_of_another_user_gives_none(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can make a file of another user")
    tmp_path.chmod(0o755)
    (tmp_path / "a.jpg").write_bytes(b"whole")
    pid = os.fork()
    if not pid:
        os.chdir(tmp_path)
        os.setuid(65534)
        with lease(Path("a.jpg")) as held:
            os._exit(0 if held is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_file_that_has_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), lease(tmp_path / "a.jpg"):
        pass


def test_without_a_descriptor_to_be_had_a_file_cannot_be_asked(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"), lease(tmp_path / "a.jpg"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_link_gives_none(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "link.jpg").symlink_to("a.jpg")
    with lease(tmp_path / "link.jpg") as held:
        assert held is None


def test_the_signal_of_a_waiting_writer_does_not_kill(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with lease(tmp_path / "a.jpg"):
        assert signal.getsignal(signal.SIGIO) is signal.SIG_IGN
