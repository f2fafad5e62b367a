"""nodes/watcher.py against writers that take their time, come back to a file, or use one name over and over."""

import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from nodes.watcher import watcher
from tests.nodes.playing import Flow, finish, nothing, rest, some


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[Flow]:
    """A watcher of the folder `spool`, which watches already."""
    flow = watcher(folder=str(tmp_path / "spool"))
    assert next(flow) is None
    yield flow
    assert isinstance(flow, Generator)
    flow.close()


def program(folder: Path, code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdin=subprocess.PIPE)


PIECES = """
import time
with open("spool/a.jpg", "wb") as file:
    for piece in range(10):
        file.write(b"piece")
        file.flush()
        time.sleep(0.2)  # a slow writer is what is tested
"""


def test_a_writer_that_takes_seconds_is_waited_for(tmp_path: Path, flow: Flow) -> None:
    with program(tmp_path, PIECES):
        [message] = some(flow, 1)
    assert message.bytes == b"piece" * 10


AGAIN = """
for part in range(3):
    with open("spool/a.jpg", "ab") as file:
        file.write(b"part %d" % part)
    input()
"""


def test_what_is_added_to_a_file_after_it_was_claimed_is_a_file_of_its_own(tmp_path: Path, flow: Flow) -> None:
    contents = []
    with program(tmp_path, AGAIN) as writer:
        assert writer.stdin
        for _ in range(3):
            [message] = some(flow, 1)
            writer.stdin.write(b"\n")
            writer.stdin.flush()
            assert nothing(flow)  # the next of the name waits until this one is finished
            contents.append(message.bytes)
            finish(message)
    assert contents == [b"part 0", b"part 1", b"part 2"]
    assert nothing(flow)


BACK_AT_ONCE = """
for part in range(2000):
    with open("spool/a.jpg", "ab") as file:
        file.write(b"%04d" % part)
"""


def test_a_writer_that_comes_back_all_the_time_loses_nothing(tmp_path: Path, flow: Flow) -> None:
    """Each part is in one of the files, in its order, whatever the moment in which a file is claimed."""
    got = b""
    with program(tmp_path, BACK_AT_ONCE):
        while not got.endswith(b"1999"):
            [message] = some(flow, 1)
            assert len(message.bytes) % 4 == 0
            got += message.bytes
            finish(message)
    assert got == b"".join(b"%04d" % part for part in range(2000))
    assert nothing(flow)


IN_PLACE = """
import itertools
import time
for number in itertools.cycle(range(1000)):
    with open("spool/image.jpg", "wb") as file:  # the old one is emptied, and written anew
        for piece in range(50):
            file.write(b"%03d" % number * 1000)
    time.sleep(0.005)  # until its next picture
"""

BY_RENAME = """
import itertools
import os
for number in itertools.cycle(range(1000)):
    with open("spool/image.tmp", "wb") as file:
        for piece in range(50):
            file.write(b"%03d" % number * 1000)
    os.rename("spool/image.tmp", "spool/image.jpg")
"""

REMOVED_FIRST = """
import contextlib
import itertools
import os
import time
for number in itertools.cycle(range(1000)):
    with contextlib.suppress(FileNotFoundError):
        os.unlink("spool/image.jpg")
    with open("spool/image.jpg", "wb") as file:
        for piece in range(50):
            file.write(b"%03d" % number * 1000)
    time.sleep(0.005)  # until its next picture
"""


@pytest.mark.parametrize("code", [IN_PLACE, BY_RENAME, REMOVED_FIRST], ids=["in place", "by rename", "removed first"])
def test_of_a_name_that_is_written_over_and_over_every_claim_is_whole(tmp_path: Path, flow: Flow, code: str) -> None:
    with program(tmp_path, code) as camera:
        try:
            for _ in range(100):
                [message] = some(flow, 1)
                assert message.bytes == message.bytes[:3] * 50_000
                finish(message)
        finally:
            camera.kill()


def test_a_leftover_that_its_writer_still_has_open_comes_when_it_is_whole(tmp_path: Path) -> None:
    taken = tmp_path / "spool/.taken"
    taken.mkdir(parents=True)
    flow = watcher([], folder=str(tmp_path / "spool"))  # which does not end before
    with open(taken / "a.jpg", "w") as writer:
        print("half", end="", file=writer, flush=True)
        assert nothing(flow)
        writer.write(" and half")
    [message] = some(flow, 1)
    assert message.bytes == b"half and half"
    finish(message)
    assert rest(flow) == []
    assert not (taken / "a.jpg").exists()
