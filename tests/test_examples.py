"""Each of examples/ does what its README says, run in a copy of the project by the commands that stand there."""

import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browsing import free_port
from tests.conftest import need, need_modules, until
from tests.launch import ROOT, files
from tests.linked import ports
from tests.raycluster import machines, shared
from tests.test_original_recipe import listens
from tests.test_readme import blocks

EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/README.md"))
HEADINGS = ["What", "The graph in one line", "Run", "What you see", "Change this next"]
LARGEST = 100_000  # bytes of a picture
EXACT = 3  # pixels that a box may be off
NOTES = """
import json, pathlib
from bus import run

def notes(frames):
    for frame in frames:
        pathlib.Path(f"notes-{frame.number}.json").write_text(json.dumps(frame.data["boxes"]))
        yield frame

if __name__ == "__main__":
    run(notes)
"""


class Example:
    """One of them, in a copy of the project."""

    def __init__(self, name: str, project: Path) -> None:
        self.project, self.folder = project, project / "examples" / name
        unfinished = shutil.ignore_patterns("*.pyc.*")
        for part in ("bus", "host", "media", "nodes"):
            shutil.copytree(ROOT / part, project / part, ignore=unfinished)
        results = shutil.ignore_patterns("spool", "converted", "coloured", "alarms", "found", "keys", "*.pyc.*")
        shutil.copytree(ROOT / "examples" / name, self.folder, ignore=results)
        shutil.copy(ROOT / "launcher.py", project)

    @property
    def commands(self) -> list[str]:
        section = (self.folder / "README.md").read_text().partition("## Run")[2].partition("\n## ")[0]
        return [line for block in blocks(section, "sh") for line in block.splitlines()]

    def start(self, command: str) -> "subprocess.Popen[str]":
        words = shlex.split(command.removesuffix("&"))
        words[0] = sys.executable if words[0] == "python" else words[0]
        return subprocess.Popen(
            words,
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *commands: str) -> list[str]:
        """What they print, run at the same time; all must end well."""
        with ExitStack() as running:
            processes = [running.enter_context(self.start(command)) for command in commands]
            for process in processes:
                running.callback(process.kill)
            printed = [process.communicate(timeout=90)[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * len(commands), "\n".join(printed)
        return printed

    def results(self, folder: str) -> list[str]:
        return files(self.folder / folder)

    def replace(self, **words: str) -> None:
        """In the graph and in the README, such as a port that others may use."""
        for file in (self.folder / "graph.yaml", self.folder / "README.md"):
            text = file.read_text()
            for word, other in words.items():
                text = text.replace(word.removeprefix("_"), other)
            file.write_text(text)


Made = Callable[[str], Example]


@pytest.fixture
def example(tmp_path: Path) -> Made:
    return lambda name: Example(name, tmp_path)


def test_original(example: Made) -> None:
    need("ffmpeg")
    one, port = example("original"), free_port()
    one.replace(_8090=str(port))
    serve, convert = one.commands
    with one.start(serve) as server:
        try:
            until(lambda: listens(port) or server.poll() is not None, 20, "ffmpeg listens")
            [printed] = one.run(convert)
        finally:
            server.kill()

    converted = one.results("converted")
    assert len(converted) in (199, 200)
    assert f"converted {len(converted)}, dead letters 0, dropped 0, lost 0" in printed
    assert one.results("spool") == []


def test_custom_filter(example: Made) -> None:
    one = example("custom_filter")
    tried, printed = (one.run(command)[0] for command in one.commands)

    assert "photo.thermal.jpg in" in tried
    with Image.open(one.folder / "photo.thermal.jpg") as image, Image.open(one.folder / "photo.jpg") as photo:
        assert image.size == photo.size
        assert image.tobytes() != photo.tobytes()
    assert len(one.results("coloured")) == 100
    assert "dead letters 0, dropped 0, lost 0" in printed


def test_two_cameras(example: Made) -> None:
    one = example("two_cameras")
    one.run(*one.commands)

    assert len(one.results("converted")) == 120
    for camera, count, size in (("left", 100, (640, 360)), ("right", 20, (320, 180))):
        results = one.results(f"converted/{camera}")
        assert len(results) == count
        with Image.open(one.folder / "converted" / camera / results[-1]) as image:
            assert image.size == size


def test_motion_alarm(example: Made) -> None:
    one = example("motion_alarm")
    [printed] = one.run(*one.commands)

    assert re.findall(r"ALARM: something moves, from (\S+) on", printed) == ["hallway-00001.jpg", "hallway-00125.jpg"]
    moving = {f"hallway-{number:05}.jpg" for number in (*range(1, 51), *range(125, 176))}
    alarms = set(one.results("alarms"))
    assert alarms <= moving
    assert len(alarms) > 90
    assert f"converted {len(alarms)}, dead letters 0, dropped {200 - len(alarms)}, lost 0" in printed


def test_detector(example: Made) -> None:
    need_modules("onnxruntime")
    one = example("detector")
    (one.folder / "notes.py").write_text(NOTES)
    graph = one.folder / "graph.yaml"
    graph.write_text(graph.read_text().replace("pull: found", "pull: noted"))
    with graph.open("a") as file:
        file.write("  notes: {run: notes, pull: found, push: noted}\n")
    [printed] = one.run(*one.commands)

    assert "converted 100, dead letters 0, dropped 0, lost 0" in printed
    assert one.results("found") == [f"belt-{number:05}.jpg" for number in range(100)]
    belt = runpy.run_path(str(one.folder / "belt.py"))
    for number in range(100):
        there = list(belt["things"](number))
        whole = [thing for thing in there if is_whole(thing)]
        boxes = json.loads((one.folder / f"notes-{number}.json").read_text())
        found = [(box["label"], *box["box"]) for box in boxes]
        missed = [thing for thing in whole if not any(is_at(thing, box) for box in found)]
        imagined = [box for box in found if not any(is_at(thing, box) for thing in there)]
        assert (missed, imagined) == ([], []), f"{number}: {there}, but found {found}"
        assert 1 < len(whole) <= len(found) <= len(there)
        with Image.open(one.folder / "found" / f"belt-{number:05}.jpg") as image:
            change = np.abs(np.asarray(image, int) - np.asarray(belt["picture"](number), int)).max(2)
        for _, left, top, _, bottom in whole:
            edge = change[top + 10 : bottom - 10, max(0, left - EXACT) : left + EXACT + 2]
            assert edge.max(1).min() > 40, f"{number}: no box is drawn at {left}"


Thing = tuple[str, float, float, float, float]  # its kind, left, top, right and bottom


def is_whole(thing: Thing) -> bool:
    return thing[1] >= 0 and thing[3] <= 640


def is_at(thing: Thing, box: Thing) -> bool:
    """To the pixel, nearly; of a thing that is partly out of view the box may stand where all of it would be in."""
    exact = EXACT if is_whole(thing) else (thing[3] - thing[1]) / 4
    return thing[0] == box[0] and all(abs(a - b) <= exact for a, b in zip(thing[1:], box[1:], strict=True))


def test_the_model_of_the_detector_is_what_its_script_makes(example: Made) -> None:
    need_modules("onnx")
    import onnx

    one = example("detector")
    (one.folder / "model.onnx").unlink()
    one.run("python examples/detector/make_model.py")

    assert onnx.load(one.folder / "model.onnx") == onnx.load(ROOT / "examples/detector/model.onnx")


def test_gpu_box(example: Made, worker_id: str) -> None:
    one, port = example("gpu_box"), ports(26000, worker_id)
    make, *parts = one.commands
    graph = one.folder / "graph.yaml"
    [printed] = one.run(make)
    text = graph.read_text().replace("5550", str(port + 8)).replace("5560", str(port))
    for host in ("robot", "box"):
        [key] = re.findall(rf"^  {host}: {{key: (\".*\")}}$", printed, re.MULTILINE)
        text = text.replace(f'{host}: {{key: "…"', f"{host}: {{key: {key}")
    graph.write_text(text)
    said = one.run(*parts)

    assert len(one.results("converted")) == 100
    assert one.results("spool") == []
    assert "box is up" in said[0]
    assert "robot is up" in said[1]


def test_pool(example: Made, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    need_modules("ray")
    one, port = example("pool"), ports(26100, worker_id)
    start_ray, make, run = one.commands
    graph = one.folder / "graph.yaml"
    [printed] = one.run(make)
    text = graph.read_text().replace("5550", str(port + 40)).replace("5560", str(port)).replace("5600", str(port + 8))
    for host in ("station", "pool"):
        [key] = re.findall(rf"^  {host}: {{key: (\".*\")}}$", printed, re.MULTILINE)
        line = next(line for line in text.splitlines() if line.startswith(f"  {host}: "))
        text = text.replace(line, line.replace('"…"', key))
    with machines(shared(tmp_path_factory.getbasetemp())) as cluster:
        assert start_ray == "ray start --head"  # as the cluster was
        cluster.add()
        graph.write_text(text.replace("ray: auto", f'ray: "{cluster.address}"').replace("limit: 300", "limit: 100"))
        [said] = one.run(run)

    assert len(one.results("converted")) == 100
    assert one.results("spool") == []
    assert "converter.1 | runs on " in said
    assert "converted 100, dead letters 0, dropped 0, lost 0" in said


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_readme_has_its_headings_and_a_small_picture(name: str) -> None:
    folder = ROOT / "examples" / name
    text = (folder / "README.md").read_text()

    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert "![" in text
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (folder / target).exists(), target
    assert (folder / "result.jpg").stat().st_size < LARGEST
    with Image.open(folder / "result.jpg") as image:
        image.load()


def test_readme_names_each_example() -> None:
    assert set(re.findall(r"\]\(examples/(\w+)/?\)", (ROOT / "README.md").read_text())) == {*EXAMPLES}
