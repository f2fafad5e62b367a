"""What is no fault of the source: gst-launch-1.0 dies, hangs or has no room, or a server is not itself for once."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from media.decoding import gstreamer
from media.sources.job import BadData
from media.sources.source import WrongArgument
from media.sources.video import Frame, Step, Steps
from media.sources.worker import WorkerDied
from media.storage import disk as disk_module
from tests.conftest import make_clip, need, until
from tests.jobs import job
from tests.mounting import change, disk
from tests.serve import serve
from tests.servers import Server
from tests.test_gstreamer import ROOT, children
from tests.test_gstreamer_live import CAMERA, SPLITTER, frame

DEATHS = ["SIGKILL", "SIGTERM", "SIGINT", "SIGSEGV"]
ONTO_A_WIRE = SPLITTER.replace("Path(sys.argv[2])", "None")


@contextmanager
def reading(source: Path | str, folder: Path | None, first: int = 0, **wish: Any) -> Iterator[Steps]:
    need("gst-launch-1.0")
    with closing(gstreamer.frames(job(str(source), engine="gstreamer", **wish), first, folder)) as steps:
        yield steps


def removed(place: Path) -> None:
    """Remove the folder, though gst-launch writes into it meanwhile."""

    def gone() -> bool:
        shutil.rmtree(place, ignore_errors=True)
        return not place.exists()

    until(gone, 5, f"{place} removed")


def last_words(steps: Steps) -> tuple[Step, str]:
    """The last step before the program that reads the source dies, and what is said about it."""
    last: Step = None
    with pytest.raises(WorkerDied) as death:
        for step in steps:
            last = step
    return last, str(death.value)


@pytest.mark.parametrize("death", DEATHS)
def test_a_gst_launch_that_dies_in_the_midst_of_a_clip_is_no_fault_of_the_clip(tmp_path: Path, death: str) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=300, size="320x240")
    with reading(clip, tmp_path) as steps:
        frame(steps)
        [child] = children(tmp_path)
        os.kill(child, signal.Signals[death])
        began = time.monotonic()
        last, words = last_words(steps)
        assert time.monotonic() - began < 10
    assert last is None  # so that a stop of the splitter itself comes first
    assert words.startswith(f"{clip}: gst-launch-1.0 was ")
    assert words.endswith("interrupted" if death == "SIGINT" else death)


def test_a_stop_comes_before_what_broke_a_live_source(tmp_path: Path) -> None:
    with reading(CAMERA, tmp_path) as steps:
        frame(steps)
        [child] = children(tmp_path)
        os.kill(child, signal.SIGTERM)
        last, words = last_words(steps)
    assert (last, words) == (None, f"{CAMERA}: gst-launch-1.0 was killed by SIGTERM")


def test_one_that_says_much_and_shows_nothing_tries_patience_too(tmp_path: Path) -> None:
    need("gst-launch-1.0")
    program = SPLITTER.replace("(sys.argv[1])", "(sys.argv[1], patience=1.0)")
    command = [sys.executable, "-c", program, f"{CAMERA} ! valve drop=true", str(tmp_path)]
    noisy = {**os.environ, "GST_DEBUG": "*:6"}
    seen = subprocess.run(command, cwd=ROOT, env=noisy, capture_output=True, text=True, timeout=30, check=False)
    assert "no frame came for 1 s" in seen.stderr


def test_one_that_hangs_over_its_own_error_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real one does so once in hundreds of times.
    program = tmp_path / "gst-launch-1.0"
    program.write_text('#!/bin/sh\necho "ERROR: from element /GstPipeline:p/GstX:x: It failed." >&2\nexec sleep 60\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    began = time.monotonic()
    with reading(CAMERA, tmp_path) as steps, pytest.raises(BadData, match="says gstreamer: It failed"):
        list(steps)
    assert time.monotonic() - began < 10


def test_a_workspace_that_is_removed_is_made_again(tmp_path: Path) -> None:
    workspace = tmp_path / "spool" / ".work"
    with reading(CAMERA, workspace) as steps:
        frame(steps)
        removed(workspace.parent)
        assert "gst-launch-1.0: Error while writing" in last_words(steps)[1]
    with reading(CAMERA, workspace, first=5) as steps:
        assert frame(steps).number == 5


def test_a_clip_whose_workspace_is_removed_is_not_said_to_be_broken(tmp_path: Path) -> None:
    workspace = tmp_path / "work"
    clip = make_clip(tmp_path / "clip.mp4", frames=300, size="320x240")
    with reading(clip, workspace) as steps:
        frame(steps)
        removed(workspace)
        last_words(steps)
    with reading(clip, workspace, first=298) as steps:
        assert [step.number for step in steps if isinstance(step, Frame)] == [298, 299]


def test_no_folder_for_its_files_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with reading(CAMERA, tmp_path / "file" / "work") as steps:
        assert "gst-launch-1.0 gets no folder for its files: [Errno 20] Not a directory" in last_words(steps)[1]


def test_a_clip_waits_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(disk_module, "RESERVE", 4_000_000)
    clip = make_clip(tmp_path / "clip.mp4", frames=5, size="96x64")
    with disk(tmp_path / "disk", options="size=2m") as folder, reading(clip, folder) as steps:
        assert [next(steps), next(steps)] == [None, None]
        assert not children(folder)
        change(folder, "size=8m")
        assert sum(isinstance(step, Frame) for step in steps) == 5
        assert capsys.readouterr().out.count(f"on the disk of {folder}") == 1  # it is said once


def test_a_disk_that_fills_up_under_it_is_no_fault_of_the_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_module, "RESERVE", 0)
    clip = make_clip(tmp_path / "clip.mp4", frames=20, size="640x480")
    with disk(tmp_path / "disk", options="size=4k") as folder, reading(clip, folder) as steps:
        assert last_words(steps)[1] == f"{clip}: gst-launch-1.0: No space left on the resource"


def test_the_files_of_a_splitter_that_was_killed_go_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("gst-launch-1.0")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "gst-of-another").mkdir()
    command = [sys.executable, "-c", ONTO_A_WIRE, CAMERA, "-"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as splitter:
        try:
            assert splitter.stdout
            assert splitter.stdout.readline()
            [theirs] = tmp_path.glob("gst-*/splitter.lock")
            with reading(CAMERA, None) as steps:
                frame(steps)
                assert theirs.exists()  # its splitter lives
        finally:
            splitter.kill()
    until(lambda: not children(tmp_path), 5, "gst-launch gone")
    assert theirs.exists()
    with reading(CAMERA, None) as steps:
        frame(steps)
        assert not theirs.parent.exists()
    assert [left.name for left in tmp_path.iterdir()] == ["gst-of-another"]


def test_a_gif_is_refused_with_the_cure(tmp_path: Path) -> None:
    need("ffmpeg")
    gif = tmp_path / "clip.gif"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=1", str(gif)], check=True)
    with reading(gif, tmp_path) as steps, pytest.raises(WrongArgument) as refusal:
        list(steps)
    assert str(refusal.value).startswith(f"source: {gif} is a GIF, ")
    assert str(refusal.value).endswith(": use engine: av")
    with serve(gif.read_bytes()) as address:
        with reading(address, tmp_path) as steps, pytest.raises(WrongArgument, match="is a GIF"):
            list(steps)
        with reading(address, tmp_path, first=1) as steps, pytest.raises(BadData, match="it gives image/gif"):
            list(steps)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    "page, kind",
    [
        (b'<?xml version="1.0"?><booting>' + b"<a/>\n" * 9000, "application/xml"),
        (b"%PDF-1.4\n" * 99, "application/pdf"),
    ],
)
def test_a_camera_that_answers_with_a_page_may_give_video_later(
    tmp_path: Path, page: bytes, kind: str, first: int
) -> None:
    words = f"it gives {kind}, which gstreamer does not read$"
    with serve(page) as address, reading(address, tmp_path, first) as steps, pytest.raises(BadData, match=words):
        list(steps)


def test_a_source_that_gave_video_once_is_not_given_up_for_a_row_of_jpeg_files(tmp_path: Path) -> None:
    words = "its server answers with a row of JPEG files now"
    with (
        Server("mjpeg") as server,
        reading(server.address, tmp_path, first=1) as steps,
        pytest.raises(BadData, match=words),
    ):
        list(steps)
