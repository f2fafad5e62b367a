"""A program for the system's Python, which has GStreamer's rtsp server: `servers_rtsp.py PORT SIZE RATE`."""

import signal
import sys
from typing import Any

import gi  # type: ignore[import-not-found,unused-ignore]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found,unused-ignore] # noqa: E402
from servers_clock import drawn, now  # type: ignore[import-not-found,unused-ignore] # noqa: E402

ENCODED = "queue ! videoconvert ! openh264enc gop-size=15 complexity=low rate-control=off ! h264parse"
PIPELINE = "( appsrc name=clock is-live=true do-timestamp=true format=time ! {} ! rtph264pay name=pay0 pt=96 {} )"


class Camera:
    """Draws for whoever watches."""

    def __init__(self, size: str, rate: int) -> None:
        width, height = size.split("x")
        self.size, self.rate = (int(width), int(height)), rate
        self._drawing = 0

    def grow(self) -> bool:
        self.size = (self.size[0] * 3 // 2, self.size[1] * 3 // 2)
        return True

    def watched(self, _: Any, media: Any) -> None:
        """Somebody is the first to watch."""
        source = media.get_element().get_by_name_recurse_up("clock")
        if self._drawing:
            GLib.source_remove(self._drawing)
        self._drawing = GLib.timeout_add(1000 // self.rate, self._draw, source)

    def _draw(self, source: Any) -> bool:
        caps = "video/x-raw,format=GRAY8,width={},height={},framerate={}/1"
        source.set_property("caps", Gst.Caps.from_string(caps.format(*self.size, self.rate)))
        source.emit("push-buffer", Gst.Buffer.new_wrapped(padded(*self.size)))
        return True


def padded(width: int, height: int) -> bytes:
    """The picture as GStreamer has it: each row ends at a multiple of four bytes."""
    picture, pad = drawn(width, height, now()), bytes(-width % 4)
    return b"".join(picture[at : at + width] + pad for at in range(0, len(picture), width)) if pad else picture


def main() -> None:
    Gst.init(None)
    camera = Camera(sys.argv[2], int(sys.argv[3]))
    GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGUSR1, camera.grow)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE.format(ENCODED, "config-interval=-1"))
    factory.set_shared(True)
    factory.connect("media-configure", camera.watched)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    server.get_mount_points().add_factory("/1", factory)
    if not server.attach(None):
        sys.exit(f"cannot serve at port {sys.argv[1]}")
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
