"""A program that serves a live picture: `python -m tests.servers_live KIND PORT SIZE RATE BACKLOG FOLDER`.

SIGUSR1 makes the picture half as large again, as a camera that is set to another resolution does.
"""

import functools
import signal
import subprocess
import sys
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase, BytesIO
from pathlib import Path
from typing import IO

from PIL import Image

from tests.servers_clock import drawn, now, ticks

BOUNDARY = "picture"
CHUNK = 1316  # bytes: seven packets of mpeg-ts, of which a stream never tears one


class Channel:
    """What all listeners hear: the encoded stream as it comes, after the last `backlog` pieces of it."""

    def __init__(self, backlog: int) -> None:
        self._kept: deque[bytes] = deque(maxlen=backlog)
        self._listeners: list[BufferedIOBase] = []
        self._lock = threading.Lock()

    def say(self, piece: bytes) -> None:
        with self._lock:
            self._kept.append(piece)
            for listener in [*self._listeners]:
                self._send(listener, piece)

    def join(self, listener: BufferedIOBase) -> None:
        with self._lock:
            self._listeners.append(listener)
            for piece in [*self._kept]:
                self._send(listener, piece)

    def has(self, listener: BufferedIOBase) -> bool:
        with self._lock:
            return listener in self._listeners

    def _send(self, listener: BufferedIOBase, piece: bytes) -> None:
        try:
            listener.write(piece)
        except OSError:  # it has gone, or has not read for as long as its socket waits
            self._listeners = [other for other in self._listeners if other is not listener]


class Picture:
    """The picture, as large as it is to be now."""

    def __init__(self, size: str, rate: float) -> None:
        width, height = size.split("x")
        self.size, self.rate = (int(width), int(height)), rate
        signal.signal(signal.SIGUSR1, self._grow)

    def _grow(self, *_: object) -> None:
        self.size = (self.size[0] * 3 // 2, self.size[1] * 3 // 2)

    def draw_into(self, output: list[str], stdout: int | None = None, said: "Channel | None" = None) -> None:
        """Encode for ever; a change of size starts an encoder of its own, whose output goes on where the last ended."""
        while True:
            size = self.size
            with encoder(size, self.rate, output, subprocess.PIPE if said else stdout) as child:
                speaker = threading.Thread(target=pump, args=(child.stdout, said), daemon=True)
                if said:
                    speaker.start()
                assert child.stdin
                for _ in ticks(self.rate):
                    if self.size != size:
                        break
                    child.stdin.write(drawn(*size, now()))
                    child.stdin.flush()
                child.stdin.close()
                if said:
                    speaker.join()


def encoder(size: tuple[int, int], rate: float, output: list[str], stdout: int | None) -> "subprocess.Popen[bytes]":
    """FFmpeg: grey pictures become H.264 with a key frame each second and nothing held back."""
    return subprocess.Popen(
        [
            "ffmpeg", "-nostdin", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "gray",
            "-s", f"{size[0]}x{size[1]}", "-r", f"{rate:g}", "-probesize", "32", "-i", "pipe:0",
            "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1",
            "-g", f"{rate:g}", "-pix_fmt", "yuv420p", *output,
        ],
        stdin=subprocess.PIPE,
        stdout=stdout,
    )  # fmt: skip


def pump(pipe: IO[bytes], channel: Channel) -> None:
    while piece := pipe.read(CHUNK):
        channel.say(piece)


def http(port: int, channel: Channel, kind: str) -> None:
    """Serve the channel to whoever comes, without saying how long it is."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.connection.settimeout(2)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            channel.join(self.wfile)
            while channel.has(self.wfile):
                threading.Event().wait(0.1)
            self.close_connection = True

        def log_message(self, *words: object) -> None:
            """Nothing: the tests' output is about the tests."""

    _serve(ThreadingHTTPServer(("127.0.0.1", port), Answer))


def _serve(server: ThreadingHTTPServer) -> None:
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()


def jpegs(picture: Picture, channel: Channel) -> None:
    """A multipart stream of JPEG files, as many cameras serve it."""
    for _ in ticks(picture.rate):
        body = BytesIO()
        Image.frombytes("L", picture.size, drawn(*picture.size, now())).convert("RGB").save(body, "jpeg")
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body.getvalue())}\r\n\r\n"
        channel.say(head.encode() + body.getvalue() + b"\r\n")


def main() -> None:
    kind, port, size, rate, backlog, folder = sys.argv[1:]
    picture, channel = Picture(size, float(rate)), Channel(int(backlog))
    if kind == "ts":
        http(int(port), channel, "video/mp2t")
        picture.draw_into(["-muxdelay", "0", "-f", "mpegts", "pipe:1"], said=channel)
    elif kind == "mjpeg":
        http(int(port), channel, f"multipart/x-mixed-replace;boundary={BOUNDARY}")
        jpegs(picture, channel)
    elif kind == "hls":
        handler = functools.partial(_Quiet, directory=folder)
        _serve(ThreadingHTTPServer(("127.0.0.1", int(port)), handler))
        flags = ["-hls_time", "1", "-hls_list_size", "4", "-hls_flags", "delete_segments+omit_endlist+temp_file"]
        picture.draw_into(["-f", "hls", *flags, str(Path(folder) / "live.m3u8")])
    elif kind == "udp":
        picture.draw_into(["-muxdelay", "0", "-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size={CHUNK}"])
    else:
        srt = [
            "gst-launch-1.0",
            "-q",
            "fdsrc",
            "!",
            "tsparse",
            "!",
            "srtsink",
            f"uri=srt://127.0.0.1:{port}?mode=listener",
        ]
        with subprocess.Popen([*srt, "wait-for-connection=false", "sync=false"], stdin=subprocess.PIPE) as sink:
            assert sink.stdin
            picture.draw_into(["-muxdelay", "0", "-f", "mpegts", "pipe:1"], stdout=sink.stdin.fileno())


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        """Nothing: the tests' output is about the tests."""


if __name__ == "__main__":
    main()
