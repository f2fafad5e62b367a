"""A run of the real launcher under strace: what it made of a clip, and when it did what."""

import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import make_clip
from tests.launch import ROOT
from tests.powerloss.disk import Disk
from tests.powerloss.replay import Files, Replay
from tests.powerloss.trace import Call, calls, traced

CLIP, SPOOL, OUT = "clip.mp4", "spool", "out"
RESULTS = f"{OUT}/converted/clip"
TAKEN, DONE, DEAD = f"{SPOOL}/.taken", f"{SPOOL}/.done", f"{SPOOL}/dead-letters"
WORDS = (f"splitter.source={CLIP}", "converter.folder=out/converted", "converter.by=stream", "converter.engine=pillow")
BAD, REASON = "cam/bad.jpg", b"not an image"  # comes into the spool, and becomes a dead letter
HEADER = re.compile(rb'\{"v":1,')
# Runs the launcher, and puts BAD into the spool as soon as the graph has made that; only what is below is synced.
BESIDE = f"""
import os, subprocess, sys, time
from pathlib import Path
graph, bad = subprocess.Popen([sys.executable, *sys.argv[1:]]), Path("{SPOOL}/{BAD}")
while not os.path.isdir("{SPOOL}") and graph.poll() is None:
    time.sleep(0.005)
bad.parent.mkdir()
os.fsync(os.open("{SPOOL}", os.O_RDONLY))
with open(bad.with_suffix(".new"), "wb") as file:
    file.write({REASON!r})
    file.flush()
    os.fsync(file.fileno())
bad.with_suffix(".new").rename(bad)
os.fsync(os.open(bad.parent, os.O_RDONLY))
sys.exit(graph.wait())
"""


class Run(NamedTuple):
    """One recorded run, which has done all that it was to do."""

    words: tuple[str, ...]  # of the launcher's command line
    before: Files  # what was there at its start
    mtime: int  # of the clip, ns since the epoch
    disk: Disk
    results: Files  # name -> content; each is that of the frame of the same name
    frames: Files  # name -> content, of the clip's
    told: dict[str, Call]  # name -> the first call that acknowledged the frame to the watcher

    @property
    def keeps(self) -> bool:
        return "watcher.then=keep" in self.words

    def goes(self, name: str) -> list[Call]:
        """The calls that took the frame's file out of what is watched, at last."""
        return [taken.call for taken in self.disk.taken_from(f"{TAKEN}/{name}")]


def record(folder: Path, frames: int, *words: str) -> Run:
    """Split and convert a clip in `folder`, with the graph that the project comes with; it makes all folders."""
    place, trace = folder / "run", folder / "trace"
    place.mkdir(parents=True)
    shutil.copy(ROOT / "graph.yaml", place)
    make_clip(place / CLIP, frames, "64x48")
    before, mtime, words = read(place), (place / CLIP).stat().st_mtime_ns, (*WORDS, *words)
    ended = traced([sys.executable, "-c", BESIDE, str(ROOT / "launcher.py"), "graph.yaml", *words], place, trace)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    seen = [*calls(trace)]
    disk = Disk(Replay(place, before, seen))
    assert disk.now() == read(place), (
        "the trace does not lead to what is there: something writes in a way that is not seen"
    )
    results = {path.name: path.read_bytes() for path in (place / RESULTS).iterdir()}
    assert len(results) == frames, ended.stdout
    written = {name: disk.find(f"{SPOOL}/{name}")[0] for name in results}
    content = {name: disk.nodes[one.about].content(one.call.begin) for name, one in written.items()}
    shutil.rmtree(place)
    return Run(words, before, mtime, disk, results, content, dict(_told(seen)))


def read(folder: Path) -> Files:
    """All files below `folder`."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _told(seen: Iterable[Call]) -> Iterator[tuple[str, Call]]:
    names: dict[tuple[str, int], str] = {}  # epoch and n of a message -> the name of its frame
    told = set()
    for call in sorted(seen):
        if call.name in ("sendto", "sendmsg"):
            for header in _headers(call.content):
                if header["kind"] == "message" and "name" in header["meta"]:
                    names[header["epoch"], header["n"]] = header["meta"]["name"]
                for n, verdict, _ in header.get("done", ()):
                    name = names.get((header["epoch"], n))
                    if name and verdict == "done" and name not in told:
                        told.add(name)
                        yield name, call


def _headers(sent: bytes) -> Iterator[dict[str, Any]]:
    """The headers of this project's protocol among bytes of ZMTP."""
    for found in HEADER.finditer(sent):
        text = sent[found.start() :].decode("latin-1")
        yield json.JSONDecoder().raw_decode(text)[0]
