"""Thousands of files that other programs drop at once, in every way there is: each has one result."""

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from bus import books
from tests.conftest import need, until
from tests.launch import Launch, processes_in
from tests.test_main_job import assert_nothing_left

FILES = 400 * 13  # as many in each way, and before the start
PATIENCE = 120.0  # seconds: an idle machine takes 5

GRAPH = """
nodes:
  watcher:
    run: nodes.watcher
    push: frames
    args: {folder: spool}
  saver:
    run: nodes.saver
    pull: frames
    args: {folder: saved}
"""

# A file in source/ becomes one of the same content in spool/, in the way of some program that a user may have.
WRITER = """
import os
import sys
import time

way, source, target = sys.argv[1:]
os.makedirs(target, exist_ok=True)
for name in sorted(os.listdir(source)):
    with open(f"{source}/{name}", "rb") as file:
        content = file.read()
    place = f"{target}/{name}"
    if way == "renamed":
        with open(f"{target}/.{name}.part", "wb") as file:
            file.write(content)
        os.rename(file.name, place)
    elif way == "slow":
        with open(place, "wb", buffering=0) as file:
            for at in range(0, len(content), 100):
                file.write(content[at : at + 100])
                time.sleep(0.001)
    elif way == "odd names":
        with open(os.fsencode(place).replace(b"-", b" \\n\\xff\\xc3\\xbc "), "wb") as file:
            file.write(content)
    elif way == "deep":
        os.makedirs(f"{target}/{name}.d/x", exist_ok=True)
        with open(f"{target}/{name}.d/x/{name}", "wb") as file:
            file.write(content)
"""
# Each gets two more arguments: where the files are, and the folder in spool/ into which it shall bring them.
WAYS = {
    "cp": ["cp", "-r"],
    "mv": ["sh", "-c", 'mkdir -p "$2" && find "$1" -name "*.jpg" -exec mv -f -t "$2" {} +', "sh"],
    "rsync": ["rsync", "-a"],
    "cp from elsewhere": ["cp", "-rp"],
    "mv from elsewhere": ["sh", "-c", 'mkdir -p "$2" && find "$1" -name "*.jpg" -exec mv -f -t "$2" {} +', "sh"],
    "rsync from elsewhere": ["rsync", "-rW", "--inplace"],
    "whole folder": ["mv"],
    "hard links": ["cp", "-rl"],
    **{way: [sys.executable, "-c", WRITER, way] for way in ("renamed", "slow", "odd names", "deep")},
}
LOOKED_BACK = (0, 1, 23)  # exit codes of programs that look back at what they brought: it was claimed already


def make_photos(folder: Path, way: str, count: int) -> list[bytes]:
    """Small JPEGs, each with a comment of its own and so with bytes of its own; those bytes."""
    folder.mkdir(parents=True)
    body = io.BytesIO()
    Image.new("RGB", (16, 12), "teal").save(body, "JPEG")
    contents = []
    for number in range(count):
        words = f"{way} {number}".encode()
        comment = b"\xff\xfe" + (len(words) + 2).to_bytes(2, "big") + words  # a COM segment behind the first marker
        contents.append(body.getvalue()[:2] + comment + body.getvalue()[2:])
        (folder / f"{number:05}-.jpg").write_bytes(contents[-1])
    return contents


def books_of(graph: Launch, replica: str) -> Path:
    """Where it counts: to look for the files again and again would cost more than to save them."""
    [run] = [word for word in processes_in(graph.folder)[graph.pid(replica)] if word.startswith("--run=")]
    return Path(run.removeprefix("--run="), f"{replica}.books")


def results(folder: Path) -> list[Path]:
    return [Path(where, name) for where, _, names in os.walk(folder) for name in names if name.endswith(".jpg")]


@pytest.mark.timeout(2 * PATIENCE)
def test_thousands_of_files_that_come_in_every_way_at_once_have_one_result_each(tmp_path: Path) -> None:
    need("rsync")
    (tmp_path / "graph.yaml").write_text(GRAPH)
    share, dropped = FILES // (len(WAYS) + 1), []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        for way in WAYS:
            root = Path(elsewhere if way.endswith("elsewhere") else tmp_path / "sources")
            dropped += make_photos(root / way, way, share)
        dropped += make_photos(tmp_path / "spool/before", "before the start", FILES - len(dropped))

        with Launch(tmp_path) as graph:
            graph.says("watches .*spool")
            programs = [
                subprocess.Popen([*command, f"{root / way}/", f"spool/{way}"], cwd=tmp_path, stderr=subprocess.DEVNULL)
                for way, command in WAYS.items()
                for root in [Path(elsewhere if way.endswith("elsewhere") else tmp_path / "sources")]
            ]
            assert {program.wait(PATIENCE) for program in programs} <= set(LOOKED_BACK)
            counts = books_of(graph, "watcher.1")
            until(lambda: books.read(counts)["done"] >= FILES, PATIENCE, "all results")
            graph.interrupt()
            assert graph.ends(20) == 0

    assert results(tmp_path / "spool") == []
    assert sorted(file.read_bytes() for file in results(tmp_path / "saved")) == sorted(dropped)
    assert f"converted {FILES}, dead letters 0, dropped 0, lost 0" in graph.output
    assert_nothing_left(tmp_path)
