"""What pipeline reads which source; pipelines of the user's own; and playlists, which read nothing."""

import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from media.decoding import gstreamer
from media.decoding.pipelines import pipeline
from media.sources.job import BadData
from media.sources.source import WrongArgument
from media.sources.video import Frame, Opened
from tests.conftest import make_clip, need
from tests.jobs import job
from tests.servers_files import served

TAIL = (
    "! decodebin name=splitter-decoder"
    " ! videoconvert ! video/x-raw,format=RGB ! videoflip video-direction=auto"
    " ! videoconvert ! video/x-raw,format=I420,colorimetry=1:4:0:0 ! jpegenc quality=90"
    " ! multifilesink name=splitter-sink location=%08d.jpg post-messages=true max-files=50"
)
LIST = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2.0,\n{}\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S">'
    '<Period><AdaptationSet mimeType="video/mp2t"><Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>"
)
SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns={}\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
LISTS = {"m3u8": (LIST, "application/x-hls"), "mpd": (DASH, "application/dash+xml"), "sdp": (SDP, "application/sdp")}


def read(source: str, folder: Path, **wish: Any) -> tuple[Opened, list[tuple[int, int]]]:
    """What was opened, and the size of each frame."""
    need("gst-launch-1.0")
    opened, sizes = None, []
    with closing(gstreamer.frames(job(source, engine="gstreamer", **wish), 0, folder)) as steps:
        for step in steps:
            if isinstance(step, Opened):
                opened = step
            elif isinstance(step, Frame):
                assert isinstance(step.picture, Path)
                with Image.open(step.picture) as picture:
                    picture.load()
                    sizes.append(picture.size)
    assert opened
    assert not list(folder.glob("gst-*"))
    return opened, sizes


@pytest.mark.parametrize(
    "source, front",
    [
        ("/dev/video0", "v4l2src device=/dev/video0"),
        ("/dev/v4l/by-path/pci-0000:00:14.0-usb-0:1:1.0-video-index0",
         "v4l2src device=/dev/v4l/by-path/pci-0000:00:14.0-usb-0:1:1.0-video-index0"),
        ("gst: libcamerasrc ! video/x-raw,width=1280,height=720,format=NV12",
         "libcamerasrc ! video/x-raw,width=1280,height=720,format=NV12"),
        ("gst: nvarguscamerasrc sensor-id=0 ! 'video/x-raw(memory:NVMM), width=1920' ! nvvidconv ! video/x-raw",
         "nvarguscamerasrc sensor-id=0 ! video/x-raw(memory:NVMM), width=1920 ! nvvidconv ! video/x-raw"),
        ("rtsp://10.0.0.9/1", "rtspsrc location=rtsp://10.0.0.9/1 protocols=tcp latency=200 tcp-timeout=20000000"
         " ! application/x-rtp,media=video"),
        ("srt://10.0.0.9:9000?mode=caller", "srtsrc uri=srt://10.0.0.9:9000?mode=caller"),
        ("udp://:5000", "udpsrc port=5000 buffer-size=8000000"
         " caps=video/mpegts,systemstream=(boolean)true,packetsize=188"),
        ("udp://239.1.1.1:5000", "udpsrc address=239.1.1.1 port=5000 buffer-size=8000000"
         " caps=video/mpegts,systemstream=(boolean)true,packetsize=188"),
        ("http://10.0.0.9:8090/test1.mpg", "souphttpsrc location=http://10.0.0.9:8090/test1.mpg timeout=0 retries=0"),
    ],
)  # fmt: skip
def test_the_words_that_gst_launch_gets(source: str, front: str) -> None:
    tail = TAIL.replace("=50", "=1000") if source.startswith("http") else TAIL  # it may send faster than it shows
    assert " ".join(pipeline(job(source, engine="gstreamer"))) == f"-m -f -- {front} {tail}"


def test_what_a_user_puts_in_quotes_is_one_word() -> None:
    words = pipeline(job("gst: videotestsrc ! 'video/x-raw, width=64' ! identity name=\"a b\" ; rm -rf /"))
    front = ["videotestsrc", "!", "video/x-raw, width=64", "!", "identity", "name=a b", ";", "rm", "-rf", "/"]
    assert words[: 4 + len(front)] == ["-m", "-f", "--", *front, "!"]


@pytest.mark.parametrize(
    "source, words",
    [
        ("udp://:70000", "source: udp://:70000: Port out of range 0-65535: give an address like udp://:5000"),
        ("udp://:5000?fifo_size=9", r"without the \? in udp://:5000\?fifo_size=9: leave that out, or use engine: av$"),
        ("/dev/video 0", r"'/dev/video 0' has signs in its name .*: make a link to it, such as /dev/camera$"),
        ("gst: videotestsrc ! 'video/x-raw", r"no closing quotation: a quote that opens must be closed again$"),
        ("gst: videotestsrc pattern=\0", r"holds a NUL, which no program can be given$"),
    ],
)  # fmt: skip
def test_what_cannot_be_put_into_words_is_refused(source: str, words: str) -> None:
    with pytest.raises(WrongArgument, match=words):
        pipeline(job(source, engine="gstreamer"))


@pytest.mark.parametrize(
    "elements, size",
    [
        ("videotestsrc is-live=true num-buffers=10 ! video/x-raw,width=640,height=360", (640, 360)),
        ("videotestsrc num-buffers=10 ! 'video/x-raw, format=NV12, width=64, height=48'", (64, 48)),
        ("videotestsrc num-buffers=10 ! jpegenc", (320, 240)),
        ("videotestsrc num-buffers=10 ! jpegenc ! matroskamux streamable=true", (320, 240)),
        ("videotestsrc num-buffers=10 ! tee name=t t. ! queue ! fakesink t. ! queue", (320, 240)),
        ("videotestsrc num-buffers=10 name=decodebin0 ! identity name=multifilesink0", (320, 240)),
        ("audiotestsrc num-buffers=2 ! multifilesink post-messages=true location=sound-%d"
         " videotestsrc num-buffers=10 ! video/x-raw,width=64,height=48", (64, 48)),
    ],
)  # fmt: skip
def test_a_pipeline_of_the_users_own_ends_in_raw_or_encoded_video(
    tmp_path: Path, elements: str, size: tuple[int, int]
) -> None:
    opened, sizes = read(f"gst: {elements}", tmp_path)
    assert (opened.size, opened.ends) == (size, False)
    assert 0 < len(sizes) <= 10
    assert set(sizes) == {size}


@pytest.mark.parametrize(
    "elements, words",
    [
        ("libcamerasrk ! video/x-raw", r'lacks "libcamerasrk": apt-get install .*; or is it misspelt\?$'),
        ("videotestsrc !", r"cannot make a pipeline of gst: videotestsrc !: syntax error$"),
        ("-v videotestsrc", r"cannot make a pipeline of gst: -v videotestsrc: syntax error$"),
        ("videotestsrc patern=1", r': no property "patern" in element "videotestsrc"$'),
        ("videotestsrc ! fakesink", r"could not link .*: it must end in what gives video, not in a sink$"),
        ("videotestsrc ! audioconvert", r"could not link videotestsrc0 to audioconvert0$"),
    ],
)
def test_a_pipeline_that_can_never_run_is_refused(tmp_path: Path, elements: str, words: str) -> None:
    with pytest.raises(WrongArgument, match=words):
        read(f"gst: {elements}", tmp_path)


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_playlist_cannot_read_a_local_file(
    tmp_path: Path, kind: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GST_PLUGIN_FEATURE_RANK", "hlsdemux:MAX,dashdemux:MAX,sdpdemux:MAX")  # which must not win
    content, media_type = LISTS[kind]
    secret = make_clip(tmp_path / "secret.ts", frames=25, size="96x64")
    clip = tmp_path / f"list.{kind}"
    clip.write_text(content.format(f"{scheme}{secret}"))
    words = rf"is a list of other addresses \({media_type.replace('+', '.')}\); gstreamer may not follow it, as it"
    with pytest.raises(WrongArgument, match=rf"{words} would open local files too: give the video itself$"):
        read(str(clip), tmp_path)
    words = rf"{words} .*: use engine: av$|This appears to be a text file: decodebin cannot decode plain text files"
    with served(tmp_path) as address, pytest.raises((WrongArgument, BadData), match=words):
        read(f"{address}/list.{kind}", tmp_path)


def test_without_that_care_a_playlist_would_read_a_local_file(tmp_path: Path) -> None:
    need("gst-launch-1.0")
    secret = make_clip(tmp_path / "secret.ts", frames=25, size="96x64")
    (tmp_path / "list.m3u8").write_text(LIST.format(f"file://{secret}"))
    words = ["filesrc", "location=list.m3u8", "!", "decodebin", "!", "jpegenc", "!", "multifilesink", "location=%d.jpg"]
    environment = {**os.environ, "GST_PLUGIN_FEATURE_RANK": ""}
    subprocess.run(
        ["gst-launch-1.0", "-q", *words], cwd=tmp_path, env=environment, timeout=20, check=True, capture_output=True
    )
    assert len(list(tmp_path.glob("*.jpg"))) == 25
