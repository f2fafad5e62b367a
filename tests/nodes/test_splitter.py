"""The splitter: from what a user writes in graph.yaml to frames and exit codes."""

import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bus import Message
from media.sources import camera
from nodes.splitter import splitter
from tests.conftest import make_clip, need

ROOT = Path(__file__).parent.parent.parent


def split(source: Path | str, **arguments: Any) -> list[Message]:
    """The messages that it yields."""
    return [message for message in splitter(source=str(source), **arguments) if message is not None]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize("engine", ["av", "gstreamer"])
def test_a_clip_becomes_files_and_one_message_that_says_what_it_is(
    tmp_path: Path, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    need(*["gst-launch-1.0"] * (engine == "gstreamer"))
    clip = make_clip(tmp_path / "clip.mp4", frames=12, size="96x64")
    [said] = split(clip, folder=str(tmp_path / "spool"), engine=engine)
    assert (said.stream, said.number) == ("clip", None)
    facts = {"source": str(clip), "engine": engine, "size": [96, 64], "rate": 25.0}
    assert said.data == {**facts, "folder": str(tmp_path / "spool")}
    assert names(tmp_path / "spool") == [f"clip-{number:08d}.jpg" for number in range(12)]
    for name in names(tmp_path / "spool"):
        with Image.open(tmp_path / "spool" / name) as image:
            image.load()
            assert (image.format, image.size) == ("JPEG", (96, 64))
    assert capsys.readouterr().out.splitlines() == [
        f"reads {clip} with {engine}: 12 frames of 96x64",
        f"{clip} has ended, 12 frames",
    ]


@pytest.mark.parametrize("engine", ["auto", "gstreamer"])
def test_without_a_folder_each_frame_goes_down_the_wire(tmp_path: Path, engine: str) -> None:
    need(*["gst-launch-1.0"] * (engine == "gstreamer"))
    clip = make_clip(tmp_path / "clip.mp4", frames=50, size="96x64")
    frames = split(clip, engine=engine, rate=10.0, limit=5, size="48x32", stream="gate")
    assert [(frame.stream, frame.number, frame.name) for frame in frames] == [
        ("gate", number, f"gate-{number:08d}.jpg") for number in range(5)
    ]
    assert all(frame.image.size == (48, 32) and frame.time == "captured" for frame in frames)
    assert frames[0].captured <= frames[4].captured
    assert frames[0].data["size"] == [48, 32]


def test_the_test_camera_needs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split("test", folder=str(tmp_path), limit=3)
    assert names(tmp_path) == ["test-00000000.jpg", "test-00000001.jpg", "test-00000002.jpg"]
    with Image.open(tmp_path / "test-00000002.jpg") as written:
        assert written.size == (camera.WIDTH, camera.HEIGHT)
    assert capsys.readouterr().out.splitlines() == [
        "reads the test camera: 3 frames of 1280x720",
        "the test camera has ended, 3 frames",
    ]


def test_live_frames_are_named_after_their_start(tmp_path: Path) -> None:
    for _ in range(2):
        split("test:forever", folder=str(tmp_path), limit=2)
    starts = {re.fullmatch(r"(node-\d{8}T\d{6}Z-[0-9a-f]{4})-0000000[01]\.jpg", name) for name in names(tmp_path)}
    assert len({start[1] for start in starts if start}) == 2
    assert None not in starts


def test_a_clip_that_is_split_already_is_left_alone_while_its_frames_wait(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=3, size="96x64")
    folder = tmp_path / "spool"
    [told] = split(clip, folder=str(folder))
    (folder / "clip-00000001.jpg").unlink()
    [again] = split(clip, folder=str(folder))  # for a watcher that has lost it
    assert (again.stream, again.data) == (told.stream, told.data)
    assert names(folder) == ["clip-00000000.jpg", "clip-00000002.jpg"]
    assert f"{clip} is split already, writes nothing" in capsys.readouterr().out


@pytest.mark.parametrize("engine", ["av", "gstreamer"])
def test_a_clip_goes_on_where_it_was_stopped(tmp_path: Path, engine: str, capsys: pytest.CaptureFixture[str]) -> None:
    need(*["gst-launch-1.0"] * (engine == "gstreamer"))
    clip = make_clip(tmp_path / "clip.mp4", frames=30, size="96x64")
    folder = tmp_path / "spool"
    first_life = splitter(source=str(clip), folder=str(folder), engine=engine)
    while not folder.is_dir() or len(names(folder)) < 10:
        next(first_life)
    assert isinstance(first_life, Generator)
    first_life.close()
    assert not list(folder.glob("*.work"))
    taken = names(folder)
    for name in taken:
        (folder / name).unlink()
    split(clip, folder=str(folder), engine=engine)
    assert f"30 frames of 96x64, from frame {len(taken)} on" in capsys.readouterr().out
    assert taken + names(folder) == [f"clip-{number:08d}.jpg" for number in range(30)]


def test_kill_9_at_any_step_gives_every_frame_exactly_once(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=3, size="96x64")
    program = [sys.executable, "-m", "tests.nodes.splitter_killed", str(clip), str(tmp_path / "spool"), "3"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    steps = re.search(r"killed at each of (\d+) steps", done.stdout)
    assert steps
    assert int(steps[1]) > 4 * 3  # a frame is written, marked and moved


def test_what_was_read_of_a_broken_clip_is_kept_and_each_life_says_that_it_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = make_clip(tmp_path / "whole.mkv", frames=75, size="320x240").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 3])
    kept = list[str]()
    for _ in range(2):
        with pytest.raises(SystemExit) as end:
            split(tmp_path / "cut.mkv", folder=str(tmp_path / "spool"))
        assert end.value.code == 65
        assert f"{tmp_path}/cut.mkv breaks off after" in capsys.readouterr().out
        kept = kept or names(tmp_path / "spool")
        assert 0 < len(kept) < 75
        assert names(tmp_path / "spool") == kept


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ({"source": "no/such.mp4"}, 2, "source: there is no file "),
        ({"source": "."}, 2, "is a folder: give a clip"),
        ({"source": "test", "size": "large"}, 2, 'size: "large" is not'),
        ({"source": "pyproject.toml"}, 65, "cannot read pyproject.toml: it is no video"),
        (
            {"source": "http://127.0.0.1:1/test1.mpg", "reopen": False},
            65,
            "cannot read http://127.0.0.1:1/test1.mpg: Connection refused",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(
    tmp_path: Path, arguments: dict[str, Any], code: int, words: str
) -> None:
    given = ["--no-reopen" if key == "reopen" else f"--{key}={value}" for key, value in arguments.items()]
    program = [sys.executable, "-m", "nodes.splitter", *given, f"--folder={tmp_path / 'spool'}"]
    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == code
    assert words in ended.stdout
    assert (ended.stdout.count("\n"), ended.stderr) == (1, "")


def test_frames_need_somewhere_to_go(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "nodes.splitter", "--source=test"]
    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert ended.stdout == "folder: frames have nowhere to go: give a folder, or a wire to push to\n"
