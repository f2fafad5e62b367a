"""A node that takes long to import its model is not killed: `python -m tests.slow_start --seconds 50`.

It takes so long to be imported and so long to set up, in a life that follows one that was killed with a frame in hand,
and again to set up when its function is called afresh; all that with `stall: 1`.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.conftest import until
from tests.launch import Launch, files

FRAMES = 6
GRAPH = """
nodes:
  watcher: {run: nodes.watcher, push: frames, args: {folder: in}}
  model: {run: model, pull: frames, push: passed, stall: 1}
  converter: {run: nodes.converter, pull: passed, args: {filter: invert, folder: converted}}
"""
MODEL = """
import os
import signal
import time
from pathlib import Path

from bus import run

SECONDS = {seconds}
is_second_life = Path("killed").exists()
if is_second_life:
    time.sleep(SECONDS)
    print("imported", flush=True)


def once(name):
    if not Path(name).exists():
        Path(name).touch()
        return True


def model(frames):
    if is_second_life:
        time.sleep(SECONDS)
        print("set up", flush=True)
    for frame in frames:
        if once("killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        if once("raised"):
            raise RuntimeError("out of memory")
        yield frame


if __name__ == "__main__":
    run(model)
"""


def start_slowly(folder: Path, seconds: float) -> str:
    """What the launcher said; each of FRAMES must come out, with no life of the node but two."""
    (folder / "in").mkdir()
    for number in range(FRAMES):
        Image.new("RGB", (32, 32), (40 * number, 0, 0)).save(folder / f"in/{number}.png")
    (folder / "graph.yaml").write_text(GRAPH)
    (folder / "model.py").write_text(MODEL.format(seconds=seconds))
    with Launch(folder) as graph:
        until(lambda: len(converted(folder)) == FRAMES, 3 * seconds + 60, f"all frames: {graph.output[-2000:]}")
        graph.interrupt()
        assert graph.ends() == 0
    said = graph.output
    assert said.count("| imported") == 1
    assert said.count("| set up") == 2
    assert said.count("restarts") == said.count("was killed by SIGKILL, restarts") == 1, said
    assert "aborted" not in said
    assert f": converted {FRAMES}, dead letters 0, dropped 0, lost 0, waiting 0;" in said
    return said


def converted(folder: Path) -> list[str]:
    return [file for file in files(folder) if file.startswith("converted/")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=50.0)
    with tempfile.TemporaryDirectory(prefix="zg-") as folder:
        print(start_slowly(Path(folder), parser.parse_args().seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
