"""The blog's recipe: a stream over HTTP is split into JPEGs, each complete one is embossed, the source is deleted."""

import socket
import subprocess
from pathlib import Path

import pytest

from tests.conftest import make_clip, need, until
from tests.launch import Launch, files

FRAMES = 200


def serve(clip: Path) -> tuple[subprocess.Popen[bytes], str]:
    """ffmpeg serves the clip once as an MPEG stream on loopback, as ffserver did."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/test1.mpg"
    server = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-i", str(clip), "-q:v", "3", "-f", "mpeg", "-listen", "1", url],
        stdin=subprocess.DEVNULL,
    )
    until(lambda: listens(port) or server.poll() is not None, 10, "ffmpeg listens")
    return server, url


def listens(port: int) -> bool:
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines)


@pytest.mark.parametrize("engine", ["gstreamer", "av"])
def test_every_frame_of_an_http_stream_is_converted_and_its_source_deleted(tmp_path: Path, engine: str) -> None:
    need("ffmpeg", *["gst-launch-1.0"] * (engine == "gstreamer"))
    clip = make_clip(tmp_path / "clip.mp4", FRAMES, "640x360")
    server, url = serve(clip)

    try:
        once = "splitter.reopen=false"  # the server serves one client, and ends
        with Launch(tmp_path, f"splitter.source={url}", f"splitter.engine={engine}", once) as graph:
            assert graph.ends() == 0
    finally:
        server.kill()
        server.wait()

    results = files(tmp_path / "converted")
    assert len(results) in (FRAMES - 1, FRAMES)  # an MPEG-1 stream may keep its last frame back
    assert f"converted {len(results)}, dead letters 0, dropped 0, lost 0" in graph.output
    assert files(tmp_path / "spool") == []
