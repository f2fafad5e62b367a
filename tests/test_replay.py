"""Recordings as a source: each frame once, in order, however the files ended, and at the pace that was asked for."""

import random
import sys
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from mcap.writer import CompressionType, Writer
from PIL import Image

from bus import Message, encode
from media.mcap import foxglove
from media.mcap.replay import frames
from media.sources.job import BadData
from media.sources.source import WrongArgument
from media.sources.video import Frame, Opened
from nodes.recorder import recorder
from tests.jobs import job
from tests.nodes.test_recorder import GAP, START, picture, recordings, shots


def tape(folder: Path, messages: list[Message]) -> Path:
    recorder(messages, folder=str(folder))
    return recordings(folder)[-1]


def played(source: Path, first: int = 0, **args: Any) -> list[Frame]:
    return [step for step in frames(job(str(source), **args), first) if isinstance(step, Frame)]


def bodies(found: list[Frame]) -> list[object]:
    return [frame.picture for frame in found]


def test_frames_come_as_they_were_recorded_and_captured(tmp_path: Path) -> None:
    recorded = shots(30)
    found = played(tape(tmp_path, recorded))

    assert found == [Frame(n, frame.bytes, frame.captured) for n, frame in enumerate(recorded)]


def test_disorder_and_what_was_redelivered_are_undone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = shots(40)
    mixed = [*recorded, *random.sample(recorded, 15)]
    random.shuffle(mixed)
    tape(tmp_path, mixed[:30])
    tape(tmp_path, mixed[30:])

    found = played(tmp_path / "*.mcap")

    assert bodies(found) == [frame.bytes for frame in recorded]
    assert "leaves out 15 that were recorded again" in capsys.readouterr().out


def test_frames_that_share_their_number_or_their_time_alone_all_come(tmp_path: Path) -> None:
    alike = [Message(encode(picture(n)), stream="cam", captured=START - 1) for n in range(9)]  # files without numbers
    again = [Message(frame.bytes, stream="cam", number=n, captured=START + (n + 50) * GAP)
        for n, frame in enumerate(shots(9))]  # fmt: skip

    assert len(played(tape(tmp_path, [*alike, *shots(9), *again]))) == 27


@pytest.mark.parametrize("missing", [1, 200, 3000])
def test_a_file_that_was_cut_off_is_played_as_far_as_it_goes(
    tmp_path: Path, missing: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path, recorded = tape(tmp_path, shots(30)), [frame.bytes for frame in shots(30)]
    path.write_bytes(path.read_bytes()[:-missing])

    found = bodies(played(path))

    assert found == recorded[: len(found)]
    assert len(found) == 30 or missing == 3000
    assert "as if its recorder was killed" in capsys.readouterr().out


def test_what_comes_before_a_damage_is_played_and_the_place_is_named(tmp_path: Path) -> None:
    path, recorded = tape(tmp_path, shots(30)), [frame.bytes for frame in shots(30)]
    body = bytearray(path.read_bytes())
    body[body.index(recorded[20]) + 100] ^= 1
    path.write_bytes(body)
    found: list[object] = []

    with pytest.raises(BadData, match=rf"{path} is damaged before byte \d+: crc validation failed"):
        found.extend(step.picture for step in frames(job(str(path)), 0) if isinstance(step, Frame))
    assert found == recorded[:20]


def test_what_is_no_recording_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.mcap").write_text("this is no recording at all")
    (tmp_path / "empty.mcap").touch()
    with open(tmp_path / "other.mcap", "wb") as file:
        writer = Writer(file)
        writer.start()
        channel = writer.register_channel("/lidar", "cdr", writer.register_schema("PointCloud2", "ros2msg", b""))
        writer.add_message(channel, 1, b"", 1)
        writer.finish()  # type: ignore[no-untyped-call]

    for name, words in {
        "text": "text.mcap is no MCAP file",
        "empty": "it holds no foxglove.CompressedImage as protobuf$",
        "other": r"it holds no foxglove.CompressedImage as protobuf, only /lidar \(PointCloud2 as cdr\)$",
    }.items():
        with pytest.raises(BadData, match=words):
            played(tmp_path / f"{name}.mcap")
    with pytest.raises(WrongArgument, match="there is no file"):
        played(tmp_path / "none.mcap")


def test_of_several_streams_one_must_be_named(tmp_path: Path) -> None:
    path = tape(tmp_path, [*shots(9, "left"), *shots(7, "right")])

    assert [len(played(path, stream=name)) for name in ("left", "right")] == [9, 7]
    with pytest.raises(WrongArgument, match="holds several: give stream: one of left, right"):
        played(path)


@pytest.mark.parametrize("compression", CompressionType)
@pytest.mark.parametrize("chunked", [True, False])
def test_recordings_of_others_are_played(tmp_path: Path, compression: CompressionType, chunked: bool) -> None:
    recorded = shots(30)
    with open(tmp_path / "other.mcap", "wb") as file:
        writer = Writer(file, 3000, compression, use_chunking=chunked)
        writer.start()
        schema = writer.register_schema(foxglove.NAME, foxglove.ENCODING, foxglove.SCHEMA)
        channel = writer.register_channel("/robot/cam", foxglove.ENCODING, schema)
        writer.add_metadata("robot", {"name": "r2"})
        for frame in recorded:
            message = foxglove.packed(foxglove.Picture(frame.bytes, "jpeg"), frame.captured, "cam")
            writer.add_message(channel, frame.captured, message, frame.captured)
        writer.finish()  # type: ignore[no-untyped-call]

    assert bodies(played(tmp_path / "other.mcap")) == [frame.bytes for frame in recorded]


def test_rate_limit_and_size_hold_and_a_later_life_goes_on_with_the_same_numbers(tmp_path: Path) -> None:
    path = tape(tmp_path, shots(50))

    some = played(path, rate=5.0)
    assert bodies(some) == [frame.bytes for frame in shots(50)[::5]]
    assert played(path, first=4, rate=5.0) == some[4:]
    assert played(path, limit=7) == played(path)[:7]
    [small] = [frame.picture for frame in played(path, size="32x24", limit=1)]
    assert isinstance(small, Image.Image) and small.size == (32, 24)
    [opened] = [step for step in frames(job(str(path), rate=5.0), 0) if isinstance(step, Opened)]
    assert opened == Opened((64, 48), 25.0, 10, True)


def test_images_of_other_sizes_and_kinds_are_said_and_broken_ones_left_out(tmp_path: Path) -> None:
    frames_in = [picture(1), picture(2).resize((32, 24)), picture(3)]
    kinds = [encode(frames_in[0]), encode(frames_in[1], "png"), encode(frames_in[2])[:300]]
    path = tape(tmp_path, [Message(body, number=n, captured=START + n * GAP) for n, body in enumerate(kinds)])
    steps: list[object] = []

    with pytest.raises(BadData, match=r"1 of 3 images of .* could not be read, the first that of frame 2: cannot"):
        steps.extend(frames(job(str(path)), 0))

    assert [step.size for step in steps if isinstance(step, Opened)] == [(64, 48), (32, 24)]
    [jpeg, png] = [step.picture for step in steps if isinstance(step, Frame)]
    assert jpeg == kinds[0]
    assert isinstance(png, Image.Image) and png.tobytes() == frames_in[1].tobytes()


def test_real_pace_is_that_of_the_capture(tmp_path: Path) -> None:
    path = tape(tmp_path, shots(10))
    came = [monotonic() for step in frames(job(str(path), pace="real"), 0) if isinstance(step, Frame)]

    assert came[-1] - came[0] >= 0.9 * 9 * GAP / 1e9
    assert all(later >= earlier for earlier, later in pairwise(came))
    with pytest.raises(WrongArgument, match=r'pace: "real" is not for test: real is for recordings'):
        job("test", pace="real")


def test_without_mcap_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tape(tmp_path, shots(1))
    monkeypatch.setitem(sys.modules, "mcap", None)
    with pytest.raises(WrongArgument, match=r"pip install -r requirements-recording.txt"):
        played(path)
