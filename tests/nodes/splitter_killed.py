"""Split a clip over and over: killed (kill -9) one step later each time, finished by a second life, and checked.

python -m tests.nodes.splitter_killed CLIP FOLDER FRAMES

A step is an opened file, a rename or a removal: all that a splitter does to its folder. Between its two lives a reader
finishes, as a watcher would, every frame that is there. A fork for each life saves starting Python.
"""

import os
import shutil
import signal
import sys
from collections import Counter
from itertools import count
from pathlib import Path

from nodes.splitter import splitter

STEPS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")


def main(clip: str, folder: Path, frames: int) -> None:
    os.environ["ZG_RUN"] = "both lives belong to one run of a launcher"
    expected = Counter(f"clip-{number:08d}.jpg" for number in range(frames))
    for steps in count(1):
        shutil.rmtree(folder, ignore_errors=True)
        killed = live(clip, folder, steps)
        seen = Counter(take(folder))
        live(clip, folder, None)
        seen += Counter(take(folder))
        if seen != expected:
            sys.exit(f"killed after {steps} steps: missing {expected - seen}, twice {seen - expected}")
        if not killed:
            print(f"killed at each of {steps - 1} steps")
            return


def live(clip: str, folder: Path, steps: int | None) -> bool:
    """One life of a splitter, which ends after so many steps; whether it was killed."""
    child = os.fork()
    if not child:
        left = steps

        def on_step(event: str, details: tuple[object, ...]) -> None:
            nonlocal left
            if left is not None and event in STEPS and str(folder) in str(details[0]):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(on_step)
        for _ in splitter(source=clip, folder=str(folder)):
            pass
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status not in (0, signal.SIGKILL):
        sys.exit(f"a life ended with {status}")
    return os.WIFSIGNALED(status)


def take(folder: Path) -> list[str]:
    """Finish every frame that has appeared: nothing of it stays."""
    frames = [path for path in folder.glob("*.jpg") if not path.name.startswith(".")] if folder.is_dir() else []
    for frame in frames:
        if not frame.read_bytes().endswith(b"\xff\xd9"):  # a JPEG's last marker
            sys.exit(f"{frame} is not whole")
        frame.unlink()
    return [frame.name for frame in frames]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
