"""run(function) as a program: its command line, its signals, its secrets, its end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import until
from tests.wiring import PASS_ON, PATIENCE, ROOT, SINK, SOURCE, Graph, expected

SHRINK = '''"""Shrink every frame: keep one pixel in `factor`."""

from bus import run


def shrink(frames, *, factor=2, fast=False, areas: list | None = None):
    """factor: how many pixels become one."""
    for frame in frames:
        yield frame.replace(frame.array[::factor, ::factor])


if __name__ == "__main__":
    run(shrink)
'''


def python(folder: Path, *arguments: str, **env: str) -> tuple[int, str]:
    """The exit code and all output of `python …` in `folder`."""
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "COLUMNS": "120", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    return ran.returncode, ran.stdout


@pytest.fixture
def shrink(tmp_path: Path) -> Path:
    (tmp_path / "shrink.py").write_text(SHRINK)
    return tmp_path


def test_a_node_of_six_lines_explains_itself(shrink: Path) -> None:
    code, words = python(shrink, "shrink.py", "--help")
    assert code == 0
    assert "Shrink every frame: keep one pixel in `factor`." in words
    assert "--factor N" in words
    assert "how many pixels become one (default: 2)" in words
    assert "--fast, --no-fast" in words
    assert "--areas JSON" in words
    assert "--pull PIPE" in words
    assert "--try FILE" in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--factor=two", "argument --factor: invalid int value: 'two'"),
        ("--colour=red", "unrecognized arguments: --colour=red"),
        ("", "the input frames is not wired: give --pull=ADDRESS,input=frames"),
        ("--pull=ipc:///tmp/x,input=pictures", 'there is no input "pictures": this node pulls frames'),
        ("--pull=udp://x", 'argument --pull: "udp://x": an address is ipc://PATH or tcp://HOST:PORT'),
        ("--pull=ipc:///tmp/x --run=/no/such/folder", "--run=/no/such/folder is no folder"),
        (
            "--pull=tcp://127.0.0.1:9999,key=" + "k" * 40,
            'the wire "frames" is encrypted: give this host\'s private key',
        ),
        ("--pull=@tcp://0.0.0.0:9999", "tcp://0.0.0.0:9999 would be open to everybody"),
        ("--push=ipc:///tmp/x --pull=@tcp://0.0.0.0:9999", "tcp://0.0.0.0:9999 would be open to everybody"),
        ("--pull=ipc:///tmp/x --key=/no/key", "/no/key: the private key cannot be read: No such file or directory"),
    ],
)
def test_a_wrong_command_line_is_final_and_says_what_is_wrong(shrink: Path, arguments: str, words: str) -> None:
    code, said = python(shrink, "shrink.py", *arguments.split())
    assert code == 2
    assert words in said
    assert "Traceback" not in said


def test_an_address_that_cannot_be_bound_is_a_death_with_a_line(shrink: Path) -> None:
    code, said = python(shrink, "shrink.py", "--pull=@ipc:///no/such/folder/pipe")
    assert (code, said) == (1, "cannot use ipc:///no/such/folder/pipe.d: No such file or directory\n")


def test_try_runs_a_node_on_one_image_and_says_where_the_result_is_and_how_long_it_took(shrink: Path) -> None:
    Image.new("RGB", (40, 20), "red").save(shrink / "photo.png")
    code, words = python(shrink, "shrink.py", "--try=photo.png", "--factor=4")
    assert code == 0
    assert words.startswith("photo.png -> photo.shrink.png in ")
    assert words.endswith(" ms\n")
    with Image.open(shrink / "photo.shrink.png") as result:
        assert result.size == (10, 5)
    assert sorted(file.name for file in shrink.iterdir()) == ["photo.png", "photo.shrink.png", "shrink.py"]


def test_try_on_what_is_no_image_says_that_it_would_be_a_dead_letter(shrink: Path) -> None:
    (shrink / "photo.png").write_bytes(b"no image")
    code, words = python(shrink, "shrink.py", "--try=photo.png")
    assert code == 65
    assert words.startswith("photo.png would be a dead letter: cannot decode: ")


def test_a_stopped_node_cleans_up_skips_what_is_behind_its_loop_and_leaves_no_mark(tmp_path: Path) -> None:
    careful = """
def careful(frames):
    try:
        for frame in frames:
            print("has", frame.number)
        print("behind the loop")
    finally:
        print("cleaned up")
"""
    endless = """
from bus import Message

def endless():
    yield Message(b"", number=1)
    try:
        while True:
            yield None
    finally:
        print("cleaned up")
"""
    with Graph(tmp_path) as graph:
        graph.node("source", endless, push="frames")
        graph.node("sink", careful, pull="frames")
        graph.start()
        until(lambda: "has 1" in graph.log("sink.1"), PATIENCE)
        graph.signal("sink.1", signal.SIGTERM)
        assert graph.wait("sink.1") == 0
        assert graph.log("sink.1") == "has 1\ncleaned up\n"
        graph.signal("source.1", signal.SIGTERM)
        assert graph.wait("source.1") == 0
        assert graph.log("source.1") == "cleaned up\n"
        assert not graph.ended("source.1") and not graph.ended("sink.1")


def test_a_node_that_waits_for_room_can_be_stopped(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, push="frames")
        graph.node("sink", SINK, pull="frames")
        graph.start("source")
        until(lambda: graph.counts("source.1", "taken"), PATIENCE)
        graph.signal("source.1", signal.SIGTERM)
        assert graph.wait("source.1") == 0
        assert graph.books("source.1")["on_the_way"] == 1


def test_a_node_that_finds_its_own_mark_exits_at_once_and_with_other_arguments_runs(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node(
            "source",
            "\nprint('started')\n" + SOURCE.replace("    for", "    print('called')\n    for", 1),
            push="frames",
        )
        graph.node("sink", SINK, pull="frames")
        graph.start()
        graph.finish()
        mark = (graph.run / "source.1.done").read_bytes()
        graph.start("source")
        assert graph.wait("source.1") == 0
        assert (graph.log("source.1").count("started"), graph.log("source.1").count("called")) == (2, 1)
        graph.start("source", more=["--count=3"])
        until(lambda: graph.log("source.1").count("called") == 2, PATIENCE)
        assert (graph.run / "source.1.done").read_bytes() == mark


def test_what_could_be_read_of_bad_data_is_finished_before_its_exit_code(tmp_path: Path) -> None:
    broken = SOURCE + '    print("the clip is broken")\n    raise SystemExit(65)\n'
    with Graph(tmp_path) as graph:
        graph.node("source", broken, "--count=50", push="frames")
        graph.node("filter", PASS_ON, pull="frames", push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        assert graph.wait("source.1") == 65
        assert graph.saved() == expected(50)
        assert not graph.ended("source.1")
        assert graph.books("source.1")["done"] == 50


def test_a_node_that_returns_while_more_comes_is_called_afresh(tmp_path: Path) -> None:
    short = """
def short(frames):
    print("called")
    for frame, _ in zip(frames, range(2)):
        yield frame.replace(frame.bytes + b"+")
"""
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=9", push="frames")
        graph.node("filter", short, pull="frames", push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish()
        assert graph.log("filter.1").count("called") >= 3
        assert graph.books("source.1")["on_the_way"] == 0


def test_names_of_any_bytes_can_be_printed(tmp_path: Path) -> None:
    strange = """
import os
from bus import Message

def source():
    yield Message(b"1", name=os.fsdecode(b"caf\\xe9%.bin"))
"""
    printing = """
def sink(frames):
    for frame in frames:
        print("got", frame.name)
        assert frame.name.encode(errors="surrogateescape") == b"caf\\xe9%.bin"
"""
    with Graph(tmp_path) as graph:
        graph.env["PYTHONIOENCODING"] = "utf-8"
        graph.node("source", strange, push="frames")
        graph.node("sink", printing, pull="frames")
        graph.start()
        graph.finish()
        assert graph.log("sink.1") == "got caf\\udce9%.bin\n"


def test_a_source_can_wait_until_what_it_sent_is_finished(tmp_path: Path) -> None:
    waits = """
from pathlib import Path
from bus import Message, finished, wait

def source():
    print("nothing was sent", finished())
    yield Message(b"0", stream="s", number=0, name="s-000000.bin")
    while not finished():
        wait("waits for the first", 0.01)
    print("saved", Path("out/s-000000.bin").exists())
    yield Message(b"1", stream="s", number=1, name="s-000001.bin")
"""
    with Graph(tmp_path) as graph:
        graph.node("source", waits, push="frames")
        graph.node("sink", SINK, pull="frames")
        graph.start()
        graph.finish()
        assert graph.saved() == expected(2, marks="")
        assert graph.log("source.1").splitlines() == ["nothing was sent True", "saved True"]


def test_a_node_knows_which_of_its_replicas_it_is(tmp_path: Path) -> None:
    code = (
        "from bus import called, replica, run\n\n\ndef me():\n    print(called(), replica())\n    yield\n\n\nrun(me)\n"
    )
    (tmp_path / "me.py").write_text(code)

    for name, words in (("me.3", "me 3\n"), ("me", "me 1\n")):
        command = [sys.executable, str(tmp_path / "me.py"), f"--name={name}"]
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.stdout, done.stderr, done.returncode) == (words, "", 0)
