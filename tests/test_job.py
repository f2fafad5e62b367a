"""What a splitter may be asked for, and the words for what it may not."""

import os
from pathlib import Path
from typing import Any

import pytest

from bus.hiding import Secret
from media.sources.source import WrongArgument
from tests.jobs import job


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rate": -1.0}, "rate: -1.0 is not a number of frames a second"),
        ({"rate": float("nan")}, "rate: nan is not"),
        ({"rate": 1e308}, "rate: 1e+308 is not a number of frames a second: give one up to 1000"),
        ({"size": "640"}, 'size: "640" is not a width and a height'),
        ({"size": "0x360"}, 'size: "0x360" is not'),
        ({"size": "640x99999"}, "of 1 to 9000 pixels, such as 640x360"),
        ({"quality": 0}, "quality: 0 is not between 1 and 100"),
        ({"quality": 101}, "quality: 101 is not"),
        ({"limit": -3}, "limit: -3 is not a number of frames"),
        ({"engine": "vlc"}, 'engine: there is no "vlc": give auto, av or gstreamer'),
        ({"engine": "gstreamer"}, "engine: gstreamer does not read the test camera (test): use engine: auto"),
        ({"patience": 0.0}, "patience: 0.0 is not a number of seconds from 1 on; 20 is usual"),
        ({"source": "srt://host:9000", "engine": "av"}, "engine: av cannot read srt://host:9000"),
        ({"stream": "a/b"}, "stream: 'a/b' cannot begin a file name"),
        ({"stream": ".hidden"}, "without a slash, a line break or a dot in front"),
        ({"stream": "two\nlines"}, r"stream: 'two\nlines' cannot"),
        ({"stream": "é" * 101}, "at most 200 bytes"),
    ],
)
def test_a_wrong_argument_is_named_with_its_cure(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongArgument) as refusal:
        job(**changed)
    assert words in str(refusal.value)
    assert refusal.value.code == 2


def test_a_file_that_this_user_may_not_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root, as whom tests may run, reads everything
    with pytest.raises(WrongArgument, match="may not be read by this user"):
        job(str(clip))


def test_a_clip_names_its_stream_and_a_live_source_does_not(tmp_path: Path) -> None:
    (tmp_path / ".two.parts.mp4").touch()
    clip = job(str(tmp_path / ".two.parts.mp4"))
    assert (clip.stream, clip.live, clip.engine) == ("two.parts", False, "av")
    assert clip.name(7) == "two.parts-00000007.jpg"
    http = job("http://host:8090/test1.mpg")
    assert (http.stream, http.live, http.engine) == ("node", True, "av")  # the node's name, were it run
    assert job("test").name(0) == "test-00000000.jpg"
    assert job("test", stream="gate").name(0) == "gate-00000000.jpg"


def test_images_are_a_stream_named_after_their_folder(tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    (tmp_path / "night/1.png").touch()
    night = job(str(tmp_path / "night/*.png"))
    assert (night.stream, night.live, night.engine) == ("night", False, "images")


@pytest.mark.parametrize(
    ("source", "engine"),
    [
        ("rtsp://host/1", "av"),
        ("udp://:5000", "av"),
        ("https://host/live.m3u8", "av"),
        ("srt://host:9000", "gstreamer"),
        ("/dev/video0", "gstreamer"),
        ("gst: libcamerasrc", "gstreamer"),
    ],
)
def test_auto_takes_pyav_where_that_can_read_the_source(source: str, engine: str) -> None:
    assert job(source).engine == engine


def test_each_start_of_a_live_source_has_names_of_its_own() -> None:
    starts = {job("test:forever", stream="gate").prefix for _ in range(8)}
    assert len(starts) > 1
    assert all(job("test:forever").live for _ in starts)


def test_a_secret_is_shown_nowhere_and_never_given_to_a_child() -> None:
    address = Secret("http://user:hush@host/1")
    address.shown = "http://user:${CAM}@host/1"
    assert job(address).shown == address.shown
    assert job("rtsp://user:hush@host/1").shown == "rtsp://user:***@host/1"
    with pytest.raises(WrongArgument) as refusal:
        job(address, engine="gstreamer")
    assert "use engine: av" in str(refusal.value)
    assert "hush" not in str(refusal.value)
