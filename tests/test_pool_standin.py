"""What the launcher sees of a replica on a pool: its stand-in, with a placer of the test's at the other end."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from host.command import STANDIN
from tests.conftest import until

ORDER: dict[str, Any] = {
    "replica": "converter.3",
    "pool": "pool",
    "pushers": ["watcher.1", "watcher.2"],
    "argv": ["-m", "nodes.converter"],
    "env": {"TOKEN": "secret"},
}


class Stage:
    """A run folder, a placer's socket and a launcher's in it, and a stand-in."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(run / "notify"))
        self.notices.settimeout(20)
        self.door = socket.socket(socket.AF_UNIX)
        self.caller: socket.socket | None = None

    def start(self) -> None:
        order = {**ORDER, "env": ["TOKEN"]}
        words = order.pop("argv")
        command = [sys.executable, "-I", "-S", str(STANDIN), str(self.run / "pool.pool"), json.dumps(order), *words]
        env = {**os.environ, "NOTIFY_SOCKET": str(self.run / "notify"), "TOKEN": "secret"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True)

    def listen(self) -> None:
        self.door.bind(str(self.run / "pool.pool"))
        self.door.listen()
        self.door.settimeout(20)

    def answer(self) -> dict[str, Any]:
        """Take its call; what it says first."""
        self.caller, _ = self.door.accept()
        self.caller.settimeout(20)
        self._said = self.caller.makefile("r")
        return self.heard()

    def heard(self) -> dict[str, Any]:
        found = json.loads(self._said.readline())
        assert isinstance(found, dict)
        return found

    def tell(self, *news: tuple[str, Any]) -> None:
        assert self.caller
        self.caller.sendall(json.dumps(news).encode() + b"\n")

    def hang_up(self) -> None:
        assert self.caller
        self._said.close()
        self.caller.close()

    def left(self, suffix: str) -> bytes:
        with suppress(FileNotFoundError):
            return (self.run / f"converter.3.{suffix}").read_bytes()
        return b""

    def ends(self) -> tuple[int, str]:
        """Its exit code, -N for signal N, and what it has said."""
        said, _ = self.process.communicate(timeout=20)
        return self.process.returncode, said

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        if self.caller:
            self.hang_up()
        self.door.close()
        self.notices.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="zg-test-") as run:
        made = Stage(Path(run))
        yield made
        made.close()


@pytest.fixture
def met(stage: Stage) -> Stage:
    """One that has been answered."""
    stage.listen()
    stage.start()
    stage.answer()
    return stage


def test_it_waits_for_its_placer_and_says_so(stage: Stage) -> None:
    stage.start()
    place = until(lambda: stage.left("place"), 20)
    assert json.loads(place)["state"] == "pending"
    assert json.loads(place)["why"] == "its placer is being started"
    stage.listen()

    assert stage.answer()["order"] == ORDER


def test_what_earlier_lives_have_left_goes_along(stage: Stage) -> None:
    bodies = {"books": b"\1\2", "done": b'{"hash": "x"}', "death": b"was killed by SIGSEGV", "hand": b"\7"}
    for suffix, body in bodies.items():
        (stage.run / f"converter.3.{suffix}").write_bytes(body)
    (stage.run / "watcher.2.done").touch()
    stage.listen()
    stage.start()

    said = stage.answer()
    assert (base64.b64decode(said["books"]), base64.b64decode(said["hand"])) == (b"\1\2", b"\7")
    assert (said["mark"], said["death"], said["ended"]) == ('{"hash": "x"}', "was killed by SIGSEGV", ["watcher.2"])


def test_of_a_first_life_there_is_nothing(stage: Stage) -> None:
    stage.listen()
    stage.start()

    assert stage.answer() == {"order": ORDER, "books": None, "hand": None, "mark": None, "death": None, "ended": []}


def test_what_it_held_waits_here_from_its_end_until_the_next_life_has_begun(met: Stage) -> None:
    met.tell(("hand", base64.b64encode(b"\5\6").decode()))
    until(lambda: met.left("hand") == b"\5\6", 20)
    met.tell(("hand", None))
    until(lambda: not (met.run / "converter.3.hand").exists(), 20)


def test_what_the_machine_has_is_here_too(met: Stage) -> None:
    place = {"state": "running", "why": "", "machine": "10.0.0.9", "since": 1.0}
    met.tell(("place", place), ("books", base64.b64encode(b"\3\4").decode()))
    met.tell(("mark", '{"hash": "y"}'), ("line", "Grüße"), ("notice", "READY=1\nSTATUS=waits"))

    assert met.notices.recv(4096) == b"READY=1\nSTATUS=waits"
    assert json.loads(met.left("place")) == place
    assert met.left("books") == b"\3\4"
    assert met.left("done") == b'{"hash": "y"}'
    assert met.notices.recv(4096) == b"READY=1\nSTATUS=waits"  # again: one may be lost
    met.tell(("exit", 0))
    assert met.ends() == (0, "Grüße\n")


@pytest.mark.parametrize("code", [0, 2, 65, -signal.SIGKILL, -signal.SIGSEGV, -signal.SIGABRT, -signal.SIGTERM])
def test_it_ends_as_the_node_has_ended(met: Stage, code: int) -> None:
    met.tell(("exit", code))

    assert met.ends()[0] == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_is_passed_on_and_ends_nothing_by_itself(met: Stage, number: signal.Signals) -> None:
    met.process.send_signal(number)

    assert met.heard() == {"signal": number}
    assert met.process.poll() is None


def test_before_it_has_a_placer_a_signal_ends_it(stage: Stage) -> None:
    stage.start()
    until(lambda: stage.left("place"), 20)
    stage.process.send_signal(signal.SIGTERM)

    assert stage.ends() == (-signal.SIGTERM, "")


def test_pushers_that_end_and_begin_again_are_told(met: Stage) -> None:
    (met.run / "watcher.1.done").touch()
    assert met.heard() == {"ended": ["watcher.1"]}
    (met.run / "converter.3.heard.watcher.2").touch()
    assert met.heard() == {"ended": ["watcher.1", "watcher.2"]}
    (met.run / "watcher.1.done").unlink()
    assert met.heard() == {"ended": ["watcher.2"]}


def test_an_end_mark_that_there_is_no_room_for_is_no_end(met: Stage) -> None:
    (met.run / "converter.3.done.fresh").mkdir()
    met.tell(("mark", '{"hash": "y"}'), ("exit", 0))

    assert met.ends() == (1, f"{met.run / 'converter.3.done'} cannot be written: Is a directory\n")
    assert not met.left("done")


def test_without_its_placer_it_is_over(met: Stage) -> None:
    met.hang_up()
    met.caller = None

    assert met.ends() == (1, "the placer of pool is gone, and what it had placed with it\n")


def test_it_is_small(met: Stage) -> None:
    resident = next(
        line for line in Path(f"/proc/{met.process.pid}/status").read_text().splitlines() if "VmRSS" in line
    )

    assert int(resident.split()[1]) < 24_000  # kB
