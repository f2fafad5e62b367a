"""The converter's door: each file of the corpus is converted as Pillow would, or a dead letter with its reason."""

import io
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from bus import Message, encode
from bus.door import KINDS
from media.imaging.filters import chain
from nodes.converter import converter
from tests.conftest import until
from tests.corpus import TABLE, Case
from tests.engines import with_opencv
from tests.launch import ROOT, Launch, files

GRAPH = """\
nodes:
  watcher:
    run: nodes.watcher
    push: frames
    args: {folder: inbox}
  converter:
    run: nodes.converter
    pull: frames
    args: {filter: emboss, folder: converted}
"""
MEMORY = 1024 * 1024 * 1024  # bytes of address space in which the whole corpus is to be judged
RESIDENT = 400 * 1024  # KiB of memory that it may really take: Python, Pillow and numpy are 60 MiB of it
TIME = 10.0  # seconds of a processor for any one file; the node's stall is 30

CHILD = """
import json, resource, sys, time
sys.path.insert(0, sys.argv[1])
from bus import Undecodable
from bus.picture import decode
from tests.corpus import TABLE
from tests.memory import peak
made = {case.name: case.make() for case in TABLE}
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
took = {}
for name, body in made.items():
    start = time.process_time()
    try:
        decode(body)
    except Undecodable:
        pass
    took[name] = time.process_time() - start
print(json.dumps([took, peak()]))
"""


def write(case: Case, path: Path) -> None:
    path.write_bytes(case.make())
    if case.size:
        with path.open("r+b") as file:
            file.truncate(case.size)


def expected(case: Case) -> bytes:
    """What plain Pillow makes of it."""
    with Image.open(io.BytesIO((case.like or case.make)()), formats=list(KINDS)) as image:
        return encode(chain("emboss")(ImageOps.exif_transpose(image)), "jpg", 90)


def result_of(case: Case) -> str:
    return case.name if case.name.endswith((".jpg", ".jpeg")) else f"{case.name}.jpg"


def test_the_corpus_is_large_and_has_both_ends() -> None:
    assert len({case.name for case in TABLE}) == len(TABLE) >= 40
    assert sum(not case.reason for case in TABLE) >= 40
    assert sum(bool(case.reason) for case in TABLE) >= 40


@pytest.mark.parametrize("engine", ["pillow", pytest.param("opencv", marks=with_opencv)])
@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_a_file_is_converted_as_pillow_would_or_rejected_with_its_reason(
    tmp_path: Path, case: Case, engine: str
) -> None:
    write(case, tmp_path / case.name)
    frame = Message(file=tmp_path / case.name, name=case.name)

    pushed = list(converter([frame], filter="emboss", folder=str(tmp_path / "converted"), engine=engine))

    if case.reason:
        assert frame.reason == f"cannot decode: {case.reason}"
        assert (pushed, files(tmp_path / "converted")) == ([], [])
    else:
        assert frame.reason is None
        assert len(pushed) == 1
        assert (tmp_path / "converted" / result_of(case)).read_bytes() == expected(case)


def test_a_graph_that_is_given_the_whole_corpus_goes_on_and_loses_nothing(tmp_path: Path) -> None:
    inbox, dead = tmp_path / "inbox", tmp_path / "inbox/dead-letters"
    (tmp_path / "graph.yaml").write_text(GRAPH)
    good = {result_of(case): case for case in TABLE if not case.reason}
    bad = {case.name: case for case in TABLE if case.reason}
    outside = tmp_path / "outside"
    outside.mkdir()
    for case in TABLE:
        write(case, outside / case.name)

    with Launch(tmp_path) as graph:
        until(inbox.exists, 30, "the watched folder")
        for case in TABLE:
            (outside / case.name).rename(inbox / case.name)
        until(lambda: len(files(tmp_path / "converted")) == len(good), 60, "a result of each whole image")
        until(lambda: len(files(dead)) == 2 * len(bad), 30, "a reason beside each dead letter")
        (inbox / "last.jpg").write_bytes(good["baseline.jpg"].make())
        until((tmp_path / "converted/last.jpg").exists, 30, "the result of an image that came after all others")
        graph.interrupt()
        assert graph.ends(10) == 0

    assert set(files(tmp_path / "converted")) == {*good, "last.jpg"}
    wrong = [name for name, case in good.items() if (tmp_path / "converted" / name).read_bytes() != expected(case)]
    assert not wrong
    assert set(files(dead)) == {*bad, *(f"{name}.txt" for name in bad)}
    title = f"converter on {socket.gethostname()}: cannot decode: "
    assert {name: (dead / f"{name}.txt").read_text() for name in bad} == {
        name: f"{title}{case.reason}\n" for name, case in bad.items()
    }
    assert [name for name in bad if (dead / name).stat().st_size != (bad[name].size or len(bad[name].make()))] == []
    assert files(inbox / ".taken") == []
    assert f"converted {len(good) + 1}, dead letters {len(bad)}, dropped 0, lost 0" in graph.output
    assert "restarts" not in graph.output


def test_the_worst_files_take_little_memory_and_time() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(ROOT), str(MEMORY)], capture_output=True, text=True, timeout=100
    )

    assert (done.returncode, done.stderr) == (0, "")
    took, peak = json.loads(done.stdout)
    assert {name: seconds for name, seconds in took.items() if seconds > TIME} == {}
    assert len(took) == len(TABLE)
    assert peak < RESIDENT
