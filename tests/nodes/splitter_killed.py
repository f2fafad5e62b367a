"""Split a source over and over: killed (kill -9) one step later each time, finished by a second life, and checked.

python -m tests.nodes.splitter_killed SOURCE FOLDER COUNT [BUDGET]

A step is a file opened to be written, a look into a folder, a rename or a removal: all that a splitter does to its
folder, as what it opens to read or to sync changes nothing. Between its two lives a reader finishes, as a watcher
would, every frame that is there; and within a life, whenever the splitter waits for that because of its BUDGET. The
source is a clip, or the test camera. A fork for each life saves starting Python, and drawing what all pictures of the
camera share, and importing what reads it.
"""

import itertools
import os
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path

from bus import wait
from media.decoding import pyav
from media.delivery import frames
from media.sources import camera
from nodes.splitter import splitter

SOON = 0.02  # seconds
STEPS = ("open", "os.scandir", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")


def main(source: str, folder: Path, count: int, budget: int = 0) -> None:
    os.environ["ZG_RUN"] = "both lives belong to one run of a launcher"
    camera.draw(0)
    assert pyav  # imported once, and not in each life
    expected = Counter(f"clip-{number:08d}.jpg" for number in range(count))
    for steps in itertools.count(1):
        shutil.rmtree(folder, ignore_errors=True)
        seen: Counter[str] = Counter()
        killed = live(source, folder, count, budget, seen, steps)
        live(source, folder, count, budget, seen, None)
        if seen != expected:
            sys.exit(f"killed after {steps} steps: missing {expected - seen}, twice {seen - expected}")
        if not killed:
            print(f"killed at each of {steps - 1} steps")
            return


def live(source: str, folder: Path, count: int, budget: int, seen: "Counter[str]", steps: int | None) -> bool:
    """One life of a splitter, which ends after so many steps; whether it was killed. `seen` gets what it made."""
    waits, says_waits = os.pipe()
    child = os.fork()
    if not child:
        left = steps

        def on_step(event: str, details: tuple[object, ...]) -> None:
            nonlocal left
            if event == "open" and isinstance(details[2], int) and details[2] & os.O_ACCMODE == os.O_RDONLY:
                return
            if left is not None and event in STEPS and str(folder) in str(details[0]):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        def on_wait(words: str, seconds: float) -> None:
            os.write(says_waits, b".")
            wait(words, min(seconds, SOON))  # the reader finishes what is there now

        frames.wait = on_wait  # type: ignore[attr-defined]
        sys.addaudithook(on_step)
        for _ in splitter(source=source, folder=str(folder), limit=count, stream="clip", budget=str(budget or "")):
            pass
        os._exit(0)
    os.close(says_waits)
    while os.read(waits, 1):  # until the life has ended
        if len(waiting(folder)) > budget:
            sys.exit(f"{len(waiting(folder))} frames wait")
        seen.update(take(folder))
    os.close(waits)
    _, status = os.waitpid(child, 0)
    seen.update(take(folder))
    if status not in (0, signal.SIGKILL):
        sys.exit(f"a life ended with {status}")
    return os.WIFSIGNALED(status)


def waiting(folder: Path) -> list[Path]:
    """The frames that have appeared."""
    return [path for path in folder.glob("*.jpg") if not path.name.startswith(".")] if folder.is_dir() else []


def take(folder: Path) -> list[str]:
    """Finish every frame that has appeared: nothing of it stays."""
    there = waiting(folder)
    for frame in there:
        if not frame.read_bytes().endswith(b"\xff\xd9"):  # a JPEG's last marker
            sys.exit(f"{frame} is not whole")
        frame.unlink()
    return [frame.name for frame in there]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *(int(word) for word in sys.argv[3:]))
