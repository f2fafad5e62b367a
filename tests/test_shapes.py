"""Every shape of graph that docs/nodes.md shows, run by the real launcher while its nodes are killed."""

import random
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import make_clip, until
from tests.launch import Launch, listed
from tests.wiring import ROOT, SINK

PAGE = (ROOT / "docs" / "nodes.md").read_text()
SNIPPET = re.compile(r"^\*\*([^*]+)\.\*\*.*?```yaml\n(.*?)```", re.MULTILINE | re.DOTALL)
SHAPES = dict(SNIPPET.findall(PAGE.partition("## Shapes of graph")[2].partition("\n## ")[0]))
COUNT = 150

CAMERA = """
import os, time
from bus import Message, idle

def camera(*, stream="cam", count=150, late=0.0, leaves_out=0):
    for number in range(count):
        if leaves_out and number % leaves_out == 0:
            continue  # as a live source does that cannot keep up
        with idle():
            time.sleep(0.01)
        while os.path.exists(f"hold.{number}"):
            yield None
            time.sleep(0.01)
        captured = 1_700_000_000_000_000_000 + number * 40_000_000 + int(late * 1e9)
        name = f"{stream}-{number:06d}.bin"
        yield Message(b"%d" % number, stream=stream, number=number, name=name, captured=captured)
"""
NODES = {
    "camera": CAMERA,
    "save": SINK.replace("def sink", "def save"),
    "mark": """
import os, time

def mark(frames, *, mark="+", pause=0.0):
    slow = pause + os.getpid() % 7 / 1000  # replicas pass each other
    for frame in frames:
        time.sleep(slow)
        yield frame.replace(frame.bytes + mark.encode())
""",
    "show": """
import os, time

def show(frames):
    for frame in frames:
        time.sleep(0.2)
        with open("shown", "a") as file:
            print(frame.number, file=file)
""",
    "sort": """
def sort(frames):
    for frame in frames:
        yield ("odd" if frame.number % 2 else "even"), frame
""",
    "overlay": """
from bus import pair

def overlay(pictures, boxes):
    for picture, box in pair(pictures, boxes):
        yield picture.replace(picture.bytes + b"|" + box.bytes)
""",
    "stereo": """
from bus import pair

def stereo(left, right):
    for a, b in pair(left, right, within=0.02):
        yield a.replace(a.bytes + b"|" + b.bytes)
""",
    "film": """
import os, time

def film(frames):
    with open("film", "a") as file:
        for frame in frames:
            while os.path.exists(f"hold.{frame.number}"):
                time.sleep(0.01)
            print(frame.number, frame.bytes[-9:].decode("latin-1").rpartition("\\xd9")[2], file=file, flush=True)
""",
    "batch": """
from bus import batches

def batch(frames):
    for several in batches(frames, 8, seconds=0.05):
        for frame in several:
            yield frame.replace(frame.bytes + b"+")
""",
    "crop": """
def crop(frames):
    for frame in frames:
        for part in range(3):
            yield frame.replace(b"%s/%d" % (frame.bytes, part))
""",
}


class Shape:
    """One shape in a folder of its own."""

    def __init__(self, folder: Path, name: str, *changes: tuple[str, str]) -> None:
        self.folder, self.out = folder, folder / "out"
        for module, code in NODES.items():
            main = f'\n\nif __name__ == "__main__":\n    from bus import run\n    run({module})\n'
            (folder / f"{module}.py").write_text(code + main)
        text = SHAPES[name]
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        self.nodes = yaml.safe_load(text)["nodes"]
        (folder / "graph.yaml").write_text(text)

    def survives(self, *victims: str, seen: Callable[[], int], kills: int = 6) -> None:
        """Run it to its end; kill one of `victims` after the other while what was `seen` grows to two thirds.

        The frames behind wait for each kill, however slow the machine.
        """
        chance, shares = random.Random(kills), [(kill + 1) * COUNT * 2 // 3 // kills for kill in range(kills)]
        holds = [self.folder / f"hold.{share * 7 // 6 + 20}" for share in shares]
        for hold in holds:
            hold.touch()
        with Launch(self.folder) as graph:
            for kill, (share, hold) in enumerate(zip(shares, holds, strict=True)):
                until(lambda share=share: seen() >= share, 60, lambda: graph.output)  # type: ignore[misc]
                victim = victims[kill % len(victims)]
                graph.kill(f"{victim}.{chance.randint(1, self.nodes[victim].get('replicas', 1))}")
                hold.unlink()
            assert graph.ends() == 0, graph.output
            assert graph.output.count("was killed by SIGKILL") == kills
        assert not (self.folder / "dead-letters").exists()

    def count(self) -> int:
        return len(listed(self.out))

    def saved(self) -> dict[str, str]:
        """What `save` has written, by name."""
        if not self.out.exists():
            return {}
        return {file.name: file.read_text() for file in self.out.iterdir() if not file.name.startswith(".")}


def frames(stream: str = "cam", form: str = "{}", numbers: range = range(COUNT)) -> dict[str, str]:
    return {f"{stream}-{number:06d}.bin": form.format(number) for number in numbers}


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_every_shape_of_the_page_is_run_here() -> None:
    source = Path(__file__).read_text()

    assert len(SHAPES) == 10
    assert all(source.count(f'"{name}"') >= 1 for name in SHAPES)


def test_a_chain(tmp_path: Path) -> None:
    shape = Shape(tmp_path, "A chain")
    shape.survives("shrink", "edges", "save", seen=shape.count)
    assert shape.saved() == frames(form="{}se")


def test_a_copy_to_each_and_a_slow_preview_that_holds_up_nobody(tmp_path: Path) -> None:
    shape = Shape(tmp_path, "A copy to each of several nodes")
    shape.survives("save", "show", seen=shape.count)
    assert shape.saved() == frames()
    shown = [int(number) for number in lines(tmp_path / "shown")]
    assert 0 < len({*shown}) < COUNT / 2
    assert {*shown} <= {*range(COUNT)}


def test_several_cameras_on_one_wire_and_on_their_own(tmp_path: Path) -> None:
    shape = Shape(tmp_path, "Several cameras")
    shape.survives("save", seen=shape.count)
    assert shape.saved() == frames("left") | frames("right") | frames("rear")


def test_named_outputs(tmp_path: Path) -> None:
    shape = Shape(tmp_path, "Named outputs")
    shape.survives("sort", "mark", "save", "keep", seen=shape.count)
    odd = range(1, COUNT, 2)
    assert shape.saved() == frames(numbers=range(0, COUNT, 2)) | frames(form="{}+", numbers=odd)


def test_two_branches_in_step_by_number(tmp_path: Path) -> None:
    shape = Shape(tmp_path, "Two inputs in step")
    shape.survives("detect", "overlay", "save", seen=shape.count)
    assert shape.saved() == frames(form="{0}|{0}+")


def test_two_cameras_in_step_by_time(tmp_path: Path) -> None:
    shape = Shape(tmp_path, "Two cameras in step")
    shape.survives("mark", "stereo", "save", seen=shape.count)
    assert shape.saved() == frames("left", form="{0}|{0}+")


@pytest.mark.parametrize("leaves_out", [0, 7])
def test_in_order_behind_replicas_that_pass_each_other_and_are_killed(tmp_path: Path, leaves_out: int) -> None:
    camera = "run: camera", f"run: camera, args: {{leaves_out: {leaves_out}}}"
    shape = Shape(tmp_path, "In order behind replicas", camera)
    shape.survives("filter", "film", "filter", seen=lambda: len(lines(tmp_path / "film")), kills=8)
    numbers = [int(line.split()[0]) for line in lines(tmp_path / "film")]
    assert [*dict.fromkeys(numbers)] == [n for n in range(COUNT) if not leaves_out or n % leaves_out]
    assert {*lines(tmp_path / "film")} == {f"{number} {number}+" for number in numbers}


def test_in_order_from_a_watched_folder_whoever_is_killed(tmp_path: Path) -> None:
    make_clip(tmp_path / "cam.mp4", COUNT, "64x48")
    camera = (
        "camera: {run: camera, push: frames}",
        "splitter: {run: nodes.splitter, push: streams, args: {source: cam.mp4, folder: spool}}\n"
        "  watcher: {run: nodes.watcher, pull: streams, push: frames, args: {folder: spool}}",
    )
    shape = Shape(tmp_path, "In order behind replicas", camera, ("replicas: 3", "replicas: 3, args: {pause: 0.04}"))
    film = tmp_path / "film"
    shape.survives("watcher", "filter", "film", "watcher", seen=lambda: len(lines(film)), kills=8)
    assert [*dict.fromkeys(lines(film))] == [f"{number} +" for number in range(COUNT)]


def test_batches(tmp_path: Path) -> None:
    shape = Shape(tmp_path, "Batches")
    shape.survives("batch", "save", seen=shape.count)
    assert shape.saved() == frames(form="{}+")


def test_several_results_of_one_frame(tmp_path: Path) -> None:
    shape = Shape(tmp_path, "Several results of one frame")
    shape.survives("crop", "save", seen=shape.count)
    assert shape.saved() == {
        name.replace(".bin", f".{part + 1}.bin" if part else ".bin"): f"{number}/{part}"
        for name, number in frames().items()
        for part in range(3)
    }


def test_a_node_in_another_language(tmp_path: Path) -> None:
    tongue = tmp_path / "foreign" / "tests"  # alone, so that nothing of ours can be imported
    tongue.mkdir(parents=True)
    for name in ("foreign_peer.py", "foreign_wire.py"):
        shutil.copy(ROOT / "tests" / name, tongue)
    program = tmp_path / "upper"
    program.write_text(
        f"#!{sys.executable} -I\nimport sys\nsys.path.append({str(tongue.parent)!r})\n"
        "from tests.foreign_peer import main\nassert sys.argv.pop(1) == '--loud'\n"
        "sys.exit(main(lambda meta, payload: payload + b'!'))\n"
    )
    program.chmod(0o755)
    shape = Shape(tmp_path, "Another language")
    shape.survives("upper", "save", seen=shape.count)
    assert shape.saved() == frames(form="{}!")
