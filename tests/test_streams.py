"""media/watched/streams.py: which file is a frame of which stream."""

import json
from pathlib import Path

import pytest

from bus import Message
from media.watched import streams as module
from media.watched.streams import MEMORY, Streams
from tests.mounting import change, disk


def opened(stream: str, **facts: object) -> Message:
    return Message(stream=stream, data=facts)


def test_frames_of_clips_and_live_streams_are_known_by_their_names(tmp_path: Path) -> None:
    streams = Streams(tmp_path)
    streams.learn([opened("clip", rate=25), opened("front-door", rate=5), opened("front", rate=1)])
    assert streams.origin("clip-000007.jpg") == ("clip", 7, {"rate": 25})
    assert streams.origin("front-door-20240102T030405Z-0a1f-000012.jpg") == ("front-door", 12, {"rate": 5})
    assert streams.origin("sub/front-3.png") == ("front", 3, {"rate": 1})


@pytest.mark.parametrize(
    "name", ["clip.jpg", "clip-.jpg", "clip-x.jpg", "other-000001.jpg", "-1.jpg", "clip²-²", f"clip-{2**63}.jpg"]
)
def test_other_files_belong_to_no_stream(tmp_path: Path, name: str) -> None:
    streams = Streams(tmp_path)
    streams.learn([opened("clip")])
    assert streams.origin(name) == ("", None, {})


def test_what_was_told_outlives_the_watcher(tmp_path: Path) -> None:
    Streams(tmp_path).learn([opened("clip", rate=25)])
    Streams(tmp_path).learn([opened("clip", rate=50)])
    Streams(tmp_path).learn([opened("other")])
    assert Streams(tmp_path).origin("clip-1.jpg") == ("clip", 1, {"rate": 50})
    assert Streams(tmp_path).origin("other-1.jpg") == ("other", 1, {})


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"clip": 1}', "\x00"])
def test_a_damaged_memory_is_said_and_starts_empty(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / MEMORY).write_text(damage)
    assert Streams(tmp_path).origin("clip-1.jpg").stream == ""
    assert f"{tmp_path / MEMORY} is damaged" in capsys.readouterr().out


def test_memory_is_bounded(tmp_path: Path) -> None:
    (tmp_path / MEMORY).write_text(json.dumps({f"s{number}": {} for number in range(1000)}))
    streams = Streams(tmp_path)
    streams.learn([opened("s1000")])
    assert streams.origin("s0-1.jpg").stream == ""
    assert streams.origin("s1000-1.jpg").stream == "s1000"


def test_facts_that_find_no_room_on_the_disk_are_said_once_and_written_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", 0.0)
    with disk(tmp_path / "disk", options="nr_inodes=1") as folder:
        streams = Streams(folder)
        streams.learn([opened("cam", rate=25)])
        streams.keep()
        assert streams.origin("cam-7.jpg").facts == {"rate": 25}
        change(folder, "nr_inodes=10")
        streams.keep()
        assert Streams(folder).origin("cam-7.jpg").facts == {"rate": 25}
        assert capsys.readouterr().out.splitlines() == [
            f"cannot write {folder}/.streams: No space left on device; tries again until it works",
            f"{folder}/.streams is written",
        ]
