"""The blog's script of 2013 in Python 3: `python -m bench.peers.original clip.mp4 results`; it never ends.

gst-launch splits the clip into JPEG files (ffmpeg where that is missing), pyinotify tells which of them is complete,
and this process embosses it, saves it, and deletes it. GStreamer's newer multifilesink renames its files into place,
where the one of 2013 closed them: so both events count, and names that are not whole yet do not.
"""

import shutil
import subprocess
import sys
import warnings
from pathlib import Path

from PIL import Image, ImageFilter

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports asyncore, which Python 3.12 removed
    import pyinotify

SPOOL = Path("spool")


class Converter(pyinotify.ProcessEvent):
    """Embosses each complete file."""

    def my_init(self, results: Path) -> None:
        self.results = results

    def process_default(self, event: pyinotify.Event) -> None:
        path = Path(event.pathname)
        if path.suffix == ".jpg" and path.exists():
            Image.open(path).filter(ImageFilter.EMBOSS).save(self.results / path.name, quality=90)
            path.unlink()


def main(source: str, results: str) -> None:
    SPOOL.mkdir()
    manager = pyinotify.WatchManager()
    notifier = pyinotify.Notifier(manager, Converter(results=Path(results)))
    manager.add_watch(str(SPOOL), pyinotify.IN_CLOSE_WRITE | pyinotify.IN_MOVED_TO)
    subprocess.Popen(_splitter(source), stdout=subprocess.DEVNULL)
    notifier.loop()


def _splitter(source: str) -> list[str]:
    if not shutil.which("gst-launch-1.0"):
        return ["ffmpeg", "-v", "error", "-i", source, "-q:v", "2", f"{SPOOL}/%08d.jpg"]
    return [
        "gst-launch-1.0", "-q", "filesrc", f"location={source}", "!", "decodebin", "!", "videoconvert", "!",
        "jpegenc", "quality=90", "!", "multifilesink", f"location={SPOOL}/%08d.jpg",
    ]  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
