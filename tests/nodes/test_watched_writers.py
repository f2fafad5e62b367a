"""nodes/watcher.py against the programs that really write into watched folders."""

import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from PIL import Image

from bus import Message
from nodes.watcher import watcher
from tests.conftest import need
from tests.nodes.playing import Flow, nothing, some

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


# Exit codes of commands that look back at what they brought, and may complain that it was claimed already.
GONE = {"sh": (0, 1), "cp": (0, 1), "rsync": (0, 23)}


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
        ["cp", "-rp", "photos", "spool"],
        ["rsync", "-a", "photos/", "spool"],
        ["rsync", "-a", "photos", "spool/new/folders/", "--mkpath"],
        ["rsync", "-rW", "--inplace", "photos/", "spool"],
        ["rsync", "-a", "--delay-updates", "photos", "spool"],
    ],
    ids=lambda command: " ".join(command),
)
def test_every_photo_that_a_command_brings_comes_whole_and_once(
    tmp_path: Path, flow: Flow, photos: Path, command: list[str]
) -> None:
    need(command[0])
    with start(tmp_path, *command) as bringing:
        messages = some(flow, 30)
    assert bringing.returncode in GONE.get(command[0], (0,))
    assert_all(messages, flow)


def test_photos_that_mv_brings_from_another_file_system_come_whole_and_once(
    tmp_path: Path, flow: Flow, photos: Path
) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        if Path(elsewhere).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("there is but one file system here")
        shutil.move(photos, elsewhere)
        with start(tmp_path, "sh", "-c", f"mv -f {elsewhere}/photos/* spool"):
            messages = some(flow, 30)
        assert list(Path(elsewhere, "photos").iterdir()) == []
    assert_all(messages, flow)


def assert_all(messages: list[Message], flow: Flow) -> None:
    """All thirty photos, whole, once each."""
    assert sorted(Path(message.name).name for message in messages) == [f"{number:02}.png" for number in range(30)]
    assert sorted(int(message.array[0, 0, 0]) for message in messages) == list(range(30))
    assert nothing(flow, 1)


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
