"""nodes/watcher.py against the programs that really write into watched folders."""

import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from PIL import Image

from nodes.watcher import watcher
from tests.conftest import need
from tests.nodes.playing import Flow, finish, nothing, some

GSTREAMER = ["gst-launch-1.0", "-q", "videotestsrc", "num-buffers=30", "!", "jpegenc", "!", "multifilesink"]
FFMPEG = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=duration=1:rate=30", "-start_number", "0"]


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[Flow]:
    """A watcher of the folder `spool`, which watches already."""
    flow = watcher(folder=str(tmp_path / "spool"))
    assert next(flow) is None
    yield flow
    assert isinstance(flow, Generator)
    flow.close()


def start(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=folder)


@pytest.mark.parametrize(
    ("program", "options"),
    [
        (GSTREAMER, ["location=spool/%06d.jpg"]),
        (FFMPEG, ["spool/%06d.jpg"]),
        (FFMPEG, ["-atomic_writing", "1", "spool/%06d.jpg"]),
    ],
    ids=["gst-launch", "ffmpeg", "ffmpeg-atomic"],
)
def test_every_frame_of_a_splitter_comes_whole_and_once(
    tmp_path: Path, flow: Flow, program: list[str], options: list[str]
) -> None:
    need(program[0])
    with start(tmp_path, *program, *options) as splitter:
        messages = some(flow, 30)
    assert splitter.returncode == 0
    assert [message.name for message in messages] == [f"{number:06}.jpg" for number in range(30)]
    assert len({message.image.size for message in messages}) == 1
    assert nothing(flow, 1)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Thirty images in a folder that is not watched."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(30):
        Image.new("RGB", (64, 48), (number, 0, 0)).save(folder / f"{number:02}.png")
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["cp", "-r", "photos/.", "spool"],
        ["cp", "-r", "photos", "spool"],
        ["cp", "-rl", "photos", "spool"],
        ["sh", "-c", "mv photos/* spool"],
        ["mv", "photos", "spool/photos"],
        ["sh", "-c", "mkdir -p spool/very/deep && cp photos/* spool/very/deep"],
    ],
    ids=["cp", "cp-folder", "hard-links", "mv", "mv-folder", "new-subfolders"],
)
def test_every_photo_that_a_command_brings_comes_whole_and_once(
    tmp_path: Path, flow: Flow, photos: Path, command: list[str]
) -> None:
    names = sorted(file.name for file in photos.iterdir())
    with start(tmp_path, *command) as bringing:
        messages = some(flow, 30)
    assert bringing.returncode == 0 or command[0] == "sh"  # mv looks back and complains of what was claimed already
    assert sorted(message.name.rpartition("/")[2] for message in messages) == names
    assert sorted(int(message.array[0, 0, 0]) for message in messages) == list(range(30))
    assert nothing(flow, 1)


PIECES = """
import time
with open("spool/a.jpg", "wb") as file:
    for piece in range(10):
        file.write(b"piece")
        file.flush()
        time.sleep(0.1)  # a slow writer is what is tested
"""


def test_a_slow_writer_is_waited_for(tmp_path: Path, flow: Flow) -> None:
    with start(tmp_path, sys.executable, "-c", PIECES):
        [message] = some(flow, 1)
    assert message.bytes == b"piece" * 10


OVER_AND_OVER = """
import itertools
import time
for number in itertools.cycle(range(1000)):
    with open("spool/image.jpg", "wb") as file:  # in place: the old one is emptied, and written anew
        for piece in range(50):
            file.write(b"%03d" % number * 1000)
    time.sleep(0.005)  # until its next picture
"""


def test_of_a_name_that_is_written_over_and_over_every_claim_is_whole(tmp_path: Path, flow: Flow) -> None:
    with start(tmp_path, sys.executable, "-c", OVER_AND_OVER) as camera:
        try:
            for _ in range(50):
                [message] = some(flow, 1)
                assert message.bytes == message.bytes[:3] * 50_000
                finish(message)
        finally:
            camera.kill()


def test_names_of_any_bytes_come_as_they_are(tmp_path: Path, flow: Flow) -> None:
    names = ["with spaces and ü.jpg", "new\nline.jpg", os.fsdecode(b"\xff\xfe.jpg"), "x" * 251 + ".jpg", "-rf.jpg"]
    for name in names:
        (tmp_path / "spool" / name).write_text("whole")
    assert [message.name for message in some(flow, len(names))] == names


def test_files_whose_events_were_lost_come_once_each(
    tmp_path: Path, flow: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    names = [f"{number:03}.jpg" for number in range(200)]
    for name in names[:100]:
        (tmp_path / "spool" / name).write_bytes(b"told")
    for number in range(most):
        (tmp_path / f"spool/{number % 2}.txt").write_bytes(b"fills the kernel's queue")
    for name in names[100:]:
        (tmp_path / "spool" / name).write_bytes(b"not told")
    assert [message.name for message in some(flow, len(names))] == names
    assert nothing(flow)
    assert "scans the folder" in capsys.readouterr().out
