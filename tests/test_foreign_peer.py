"""docs/wire.md is enough: a node that shares no line with bus/ works between our nodes, whoever of them is killed."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import until

ROOT = Path(__file__).resolve().parent.parent
N = 500

SOURCE = """
import time
import numpy
from bus import Message, run

def source(*, count: int = 0, pause: float = 0.0, word: str = "", file: str = "", raw: bool = False):
    for number in range(count):
        time.sleep(pause)
        yield Message(b"line %d" % number, stream="s", number=number, name=f"{number:04}")
    if word:
        yield Message(word.encode(), stream="s", number=count, name="word")
    if file:
        yield Message(file=file, stream="s", number=count, name="file")
    if raw:
        yield Message(numpy.full((2, 3, 3), 65, numpy.uint8), stream="s", number=count, name="raw")

run(source)
"""
SINK = """
import os, signal
from bus import run

def sink(lines, *, out: str):
    with open(out, "a") as file:
        for message in lines:
            if message.bytes == b"POISON":
                os.kill(os.getpid(), signal.SIGKILL)
            print(message.name, message.bytes.decode("latin-1"), sep="=", file=file, flush=True)

run(sink)
"""
# A node that somebody made from the example; one word kills it.
DEADLY = """
import os, signal, sys
from tests.foreign_peer import change, main

def deadly(meta, payload):
    if payload == b"poison":
        os.kill(os.getpid(), signal.SIGKILL)
    return change(meta, payload)

sys.exit(main(deadly))
"""


class Line:
    """source.1 -> upper.1 and upper.2, which are foreign -> sink.1: processes over ipc, begun again when they die."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.run, self.out = folder, folder / "run", folder / "out"
        self.run.mkdir(mode=0o700)
        copies = folder / "foreign" / "tests"  # alone, so that nothing of ours can be imported
        copies.mkdir(parents=True)
        for name in ("foreign_peer.py", "foreign_wire.py"):
            shutil.copy(ROOT / "tests" / name, copies)
        self.upper = copies / "foreign_peer.py"
        for name, text in (("source", SOURCE), ("sink", SINK), ("deadly", DEADLY)):
            (folder / f"{name}.py").write_text(text)
        self.commands: dict[str, list[str]] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.deaths: Counter[str] = Counter()

    def pipe(self, option: str, pusher: str, puller: str) -> str:
        at, peer = ("@", pusher) if option == "pull" else ("", puller)
        return f"--{option}={at}ipc://{self.run}/{pusher}-{puller},wire=w,peer={peer}"

    def start(self, replica: str, program: Path, *arguments: str) -> None:
        self.commands[replica] = [sys.executable, str(program), f"--name={replica}", f"--run={self.run}", *arguments]
        self.again(replica)

    def again(self, replica: str) -> None:
        foreign = self.commands[replica][1] in (str(self.upper), str(self.folder / "deadly.py"))
        environment = os.environ | {"PYTHONPATH": str(self.folder / "foreign" if foreign else ROOT)}
        self.processes[replica] = subprocess.Popen(self.commands[replica], cwd=self.folder, env=environment)

    def start_sink(self) -> None:
        pulls = [self.pipe("pull", pusher, "sink.1") for pusher in ("upper.1", "upper.2")]
        self.start("sink.1", self.folder / "sink.py", *pulls, f"--out={self.out}")

    def start_all(self, *wanted: str, upper: Path | None = None, sink: bool = True) -> None:
        pushes = [self.pipe("push", "source.1", puller) for puller in ("upper.1", "upper.2")]
        self.start("source.1", self.folder / "source.py", *pushes, *wanted)
        for replica in ("upper.1", "upper.2"):
            pipes = self.pipe("pull", "source.1", replica), self.pipe("push", replica, "sink.1")
            self.start(replica, upper or self.upper, *pipes)
        if sink:
            self.start_sink()

    def kill(self, replica: str) -> None:
        self.processes[replica].kill()
        self.processes[replica].wait()

    def is_over(self) -> bool:
        """Whether all have ended; one that was killed is begun again."""
        for replica, process in list(self.processes.items()):
            assert process.poll() in (None, 0, -signal.SIGKILL), f"{replica} has exited with {process.returncode}"
            if process.returncode == -signal.SIGKILL:
                self.deaths[replica] += 1
                self.again(replica)
        return all(process.poll() is not None for process in self.processes.values())

    def has(self, count: int) -> bool:
        return self.is_over() or len(set(self.lines())) >= count

    def lines(self) -> list[str]:
        return self.out.read_text().splitlines() if self.out.exists() else []

    def assert_ended(self) -> None:
        assert {replica: process.returncode for replica, process in self.processes.items()} == dict.fromkeys(
            self.processes, 0
        )
        assert {path.name for path in self.run.glob("*.done")} == {f"{replica}.done" for replica in self.processes}


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    line = Line(tmp_path)
    yield line
    for process in line.processes.values():
        process.kill()
        process.wait()


@pytest.fixture
def heard(line: Line, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What a supervisor hears."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(line.run / "notify"))
        heard.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(line.run / "notify"))
        yield heard


def expected(count: int) -> set[str]:
    return {f"{number:04}=LINE {number}" for number in range(count)}


def test_two_foreign_replicas_between_our_nodes_pass_everything_on_once_and_end(line: Line) -> None:
    line.start_all(f"--count={N}", "--raw")
    until(line.is_over, 15, "the end of all")
    line.assert_ended()
    assert sorted(line.lines()) == sorted(expected(N) | {"raw=" + chr(255 - 65) * 18})


@pytest.mark.parametrize("victims", [["upper.1", "upper.2"], ["source.1", "sink.1"]])
def test_nothing_is_lost_when_some_are_killed_again_and_again(line: Line, victims: list[str]) -> None:
    chance = random.Random(len(victims))
    line.start_all(f"--count={N}", "--pause=0.001")
    for reached in range(50, N - 100, 90):
        until(partial(line.has, reached), 10, f"{reached} lines")
        line.kill(chance.choice(victims))
    until(line.is_over, 15, "the end of all")
    line.assert_ended()
    assert line.deaths.total() >= 4
    assert set(line.lines()) == expected(N)
    assert not (line.folder / "dead-letters").exists()


def test_what_has_not_arrived_downstream_is_not_done_upstream(line: Line, heard: socket.socket) -> None:
    line.start_all("--count=100", sink=False)
    full: set[str] = set()
    while len(full) < 2:
        said = heard.recv(4096).decode().splitlines()
        full |= {text for text in said if text.startswith("X_REPLICA=upper.") and "STATUS=1 unfinished" in said}
    for replica in ("upper.1", "upper.2"):
        line.kill(replica)
    line.start_sink()
    until(line.is_over, 15, "the end of all")
    line.assert_ended()
    assert set(line.lines()) == expected(100)


@pytest.mark.parametrize("who", ["deadly.py", "sink.py"])
def test_a_message_that_kills_a_foreign_node_or_its_puller_is_a_dead_letter_of_our_source(line: Line, who: str) -> None:
    line.start_all("--count=20", "--word=poison", upper=line.folder / who if who == "deadly.py" else None)
    until(line.is_over, 15, "the end of all")
    line.assert_ended()
    assert line.deaths.total() in (3, 4)  # 4: it had gone to the other replica before the first death was reported
    assert set(line.lines()) == expected(20)
    assert (line.folder / "dead-letters" / "source" / "word").read_bytes() == b"poison"


def test_a_message_that_the_foreign_node_fails_on_is_a_dead_letter_with_its_reason(line: Line) -> None:
    (line.folder / "some.txt").write_text("text")
    line.start_all("--count=20", f"--file={line.folder / 'some.txt'}")
    until(line.is_over, 15, "the end of all")
    line.assert_ended()
    assert set(line.lines()) == expected(20)
    reason = (line.folder / "dead-letters" / "source" / "file.txt").read_text()
    assert "this example reads no files" in reason


def test_foreign_sinks_take_everything_from_our_source_and_who_comes_late_sees_the_mark(line: Line) -> None:
    line.start("source.1", line.folder / "source.py", line.pipe("push", "source.1", "upper.1"), f"--count={N}")
    line.start("upper.1", line.upper, line.pipe("pull", "source.1", "upper.1"))
    until(line.is_over, 10, "the end of both")
    line.start("upper.2", line.upper, line.pipe("pull", "source.1", "upper.2"))
    until(line.is_over, 5, "the end of the late one")
    line.assert_ended()


def test_a_foreign_node_says_how_it_is_and_stops_when_told_without_a_mark(line: Line, heard: socket.socket) -> None:
    line.start("upper.1", line.upper, line.pipe("pull", "source.1", "upper.1"))
    assert {"READY=1", "WATCHDOG=1", "X_REPLICA=upper.1"} <= set(heard.recv(4096).decode().splitlines())
    line.processes["upper.1"].terminate()
    assert line.processes["upper.1"].wait(5) == 0
    assert not (line.run / "upper.1.done").exists()
