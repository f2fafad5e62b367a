"""Up to a camera's door: there is no Video4Linux device here, but its file, in every state it can be in."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from media.decoding import gstreamer
from media.decoding.pipelines import V4L2_MAJOR
from media.sources.job import BadData, Job
from media.sources.live import reopened
from media.sources.source import WrongArgument
from tests.conftest import need
from tests.jobs import job

ROOT = Path(__file__).parent.parent
UNUSED_MINOR = 250  # of a camera that nobody has
NOBODY = 65534
OPENS_IT = """
import sys
from media.decoding import gstreamer
from media.sources.job import BadData
from tests.jobs import job
try:
    next(gstreamer.frames(job(sys.argv[1]), 0))
except BadData as problem:
    print(problem)
"""


@pytest.fixture
def door() -> Iterator[Path]:
    """A place in /dev that is free."""
    if not os.access("/dev", os.W_OK):
        pytest.skip("only root may make something in /dev")
    place = Path(f"/dev/splitter-test-{os.getpid()}")
    yield place
    place.unlink(missing_ok=True)


def camera(place: Path, mode: int = 0o600) -> None:
    """What udev makes of a camera; there is no driver behind it."""
    try:
        os.mknod(place, stat.S_IFCHR | mode, os.makedev(V4L2_MAJOR, UNUSED_MINOR))
    except PermissionError:
        pytest.skip("only root may make a device")


def opening(device: Path, folder: Path) -> Job:
    """Open it; must raise."""
    need("gst-launch-1.0")
    asked = job(str(device))
    with closing(gstreamer.frames(asked, 0, folder)) as steps:
        for step in steps:
            assert step is None
    return asked


def test_auto_reads_a_device_with_gstreamer() -> None:
    asked = job("/dev/video0")
    assert (asked.kind, asked.engine, asked.ends, asked.live) == ("device", "gstreamer", False, True)


def test_one_that_is_absent_may_come_later(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"^/dev/video250 is not there \(yet\): .*; is the camera plugged in\?$"):
        opening(Path("/dev/video250"), tmp_path)


def test_it_is_tried_again_until_it_is_there(tmp_path: Path, door: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need("gst-launch-1.0")
    asked = job(str(door))
    with closing(reopened(gstreamer.frames, asked, 0, tmp_path)) as steps, pytest.raises(WrongArgument) as refusal:
        assert next(steps) is None
        assert f"{door} is not there (yet)" in capsys.readouterr().out
        door.symlink_to("/dev/null")  # what is plugged in now is no camera, which ends the wait
        for step in steps:
            assert step is None
    assert f"{door} is no camera of Video4Linux" in str(refusal.value)


def test_what_is_no_camera_is_refused(tmp_path: Path, door: Path) -> None:
    words = "is no camera of Video4Linux: give one that `ls /dev/video"
    with pytest.raises(WrongArgument, match="/dev/null " + words):
        opening(Path("/dev/null"), tmp_path)
    asked = job(str(door))
    door.write_bytes(b"")  # a file may be a clip where it is there from the start, but no camera later on
    with pytest.raises(WrongArgument, match=words):
        next(gstreamer.frames(asked, 0, tmp_path))


def test_one_that_has_gone_from_behind_its_file_may_come_back(tmp_path: Path, door: Path) -> None:
    camera(door)
    with pytest.raises(BadData, match=f"^{door} cannot be read, says gstreamer: .*(No such device|not permitted)"):
        opening(door, tmp_path)
    assert not list(tmp_path.iterdir())


def test_one_that_may_not_be_opened_names_the_group(door: Path) -> None:
    if os.getuid():
        pytest.skip("to make a device of another user takes root")
    need("gst-launch-1.0")
    camera(door)
    os.chown(door, NOBODY, NOBODY)
    # Root without the right to open what it does not own: this very Python, which another user might not reach.
    command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable, "-c", OPENS_IT, str(door)]
    seen = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (seen.stdout, seen.stderr) == (
        f"{door} may not be opened by this user: add this user to the group video (sudo usermod -aG video), and log"
        " in again\n",
        "",
    )


def test_a_clip_by_another_name_is_no_way_around_the_door(tmp_path: Path, door: Path) -> None:
    asked = replace(job(str(door)), source=f"{door} ! filesink location=x")
    with pytest.raises(BadData, match="is not there"):
        next(gstreamer.frames(asked, 0, tmp_path))
