"""Which kind of source a line of the graph names, and the words for what is none."""

import re
import tempfile
from pathlib import Path

import pytest
import yaml

from bus.hiding import Secret
from media.sources.source import Source, WrongArgument, recognised
from tests.jobs import job


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("test", Source("camera", True)),
        ("test:forever", Source("camera", False)),
        ("gst: libcamerasrc ! video/x-raw,width=640", Source("pipeline", False)),
        ("rtsp://user:pass@host/1", Source("rtsp", False)),
        ("rtsps://host/1", Source("rtsp", False)),
        ("http://host:8090/test1.mpg", Source("http", None)),
        ("https://host/live.m3u8?token=1", Source("http", None)),
        ("srt://host:9000?mode=listener", Source("srt", False)),
        ("udp://:5000", Source("udp", False)),
        ("udp://@239.0.0.1:5000", Source("udp", False)),
        ("/dev/video0", Source("device", False)),
        ("/dev/v4l/by-id/usb-cam-index0", Source("device", False)),
    ],
)
def test_a_line_is_recognised_by_how_it_begins(source: str, found: Source) -> None:
    assert recognised(source) == found


def test_a_file_is_a_clip_and_a_pattern_is_images(tmp_path: Path) -> None:
    (tmp_path / "clip [1].mp4").touch()
    (tmp_path / "1.png").touch()
    assert recognised(str(tmp_path / "clip [1].mp4")) == Source("clip", True)
    assert recognised(str(tmp_path / "*.png")) == Source("images", True)


def test_a_file_below_dev_is_a_clip() -> None:
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        assert recognised(file.name) == Source("clip", True)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "source: is empty: give a clip, a recording, an address (rtsp, http, https, srt, udp), /dev/video0"),
        ("gst:", "source: gst: names no elements"),
        ("gopher://host/1", "source: gopher://host/1: gopher is not read"),
        ("file:///etc/passwd", "source: file:///etc/passwd: file is not read"),
        ("RTSP://host/1", "source: RTSP://host/1: write rtsp:// in small letters"),
        ("x" * 300, "source: cannot look at "),
        ("rtsp:///1", "source: rtsp:///1 names no host: give one like rtsp://host/1"),
        ("srt://host", "source: srt://host names no port: give one like srt://host:9000"),
        ("udp://:", "source: udp://: names no port"),
        ("no/such.mp4", f"source: there is no file {Path('no/such.mp4').absolute()}"),
        ("no/such/*.png", f"source: no file matches {Path('no/such/*.png').absolute()}"),
        (
            "tests",
            f'source: {Path("tests").absolute()} is a folder: give a clip, or the images in it, such as "tests/*',
        ),
    ],
)
def test_what_is_no_source_is_named_with_its_cure(source: str, words: str) -> None:
    with pytest.raises(WrongArgument) as refusal:
        recognised(source)
    assert str(refusal.value).startswith(words)


def test_a_secret_stays_one(tmp_path: Path) -> None:
    for text in ("gopher://me:hush@host", "srt://hush@host", f"{tmp_path}/hush.mp4", f"{tmp_path}/hush*.mp4"):
        source = Secret(text)
        source.shown = text.replace("hush", "${CAM}")
        with pytest.raises(WrongArgument) as refusal:
            recognised(source)
        assert "hush" not in str(refusal.value)
        assert "${CAM}" in str(refusal.value)


def table() -> list[tuple[str, str]]:
    """The lines to write that docs/sources.md gives, and the engine that `auto` takes for each."""
    page = Path("docs/sources.md").read_text()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ") and "`source: " in line]
    return [(line, row[2]) for row in rows for line in re.findall(r"`(source: [^`]+)`", row[1])]


@pytest.mark.parametrize(("line", "engine"), table())
def test_each_line_of_the_page_names_a_source_and_its_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, engine: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("images", "recordings"):
        (tmp_path / folder).mkdir()
    for recording in ("recording.mcap", "recordings/1.mcap"):
        (tmp_path / recording).touch()
    (tmp_path / "images/1.png").touch()
    (tmp_path / "clip.mp4").touch()
    found = job(yaml.safe_load(line)["source"]).engine
    assert {"camera": "own", "images": "own", "recording": "own"}.get(found, found) == engine


def test_the_page_has_a_line_for_each_kind_of_source() -> None:
    assert len(table()) >= 15
