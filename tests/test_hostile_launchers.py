"""Who comes to the port of a launcher and is not let in, or is and keeps to nothing: the graph keeps its pace."""

import json
import pickle
import re
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import zmq

from bus.exchange import MAX_PART
from bus.meter import STRANGERS
from host.link.neighbour import FEW
from host.link.tidings import MAX_BODY, MAX_JSON
from host.view.facts import STATUS, fitted
from tests.conftest import until
from tests.craft import zeros
from tests.launch import EVER, RATE, Launch
from tests.linked import Impostor, Linked, impostor, packed, ports, said
from tests.strangers import GREETING, all_at, meddle, raw

MB = 1024 * 1024
GROWTH = 30_000  # KiB that the station's link may have more than before
RUN = "0123456789ab"


class Graph:
    """A robot and a station at work; the desk is not there, and its key is in other hands."""

    def __init__(self, linked: Linked, station: Launch) -> None:
        self.linked, self.station = linked, station
        self.ports = range(linked.link, linked.link + 1)

    @property
    def made(self) -> int:
        """How many frames the robot has made."""
        status = json.loads((self.linked.run("robot") / "status.json").read_text())
        return int(next(node["counters"]["made"] for node in status["nodes"] if node["name"] == "splitter"))

    def memory(self) -> int:
        lines = Path(f"/proc/{self.linked.link_pid('station')}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    @property
    def lines(self) -> list[str]:
        return [line for line in self.station.output.splitlines() if re.search("refuses|ignores|cuts off", line)]

    @contextmanager
    def bears(self, refusals: int, growth: int = GROWTH) -> Iterator[None]:
        """What is done meanwhile is counted, said seldom, and costs no memory, nor the sight of the robot."""
        pid, refused, lines, memory = (
            self.linked.link_pid("station"), self.linked.refused("station"), len(self.lines), self.memory(),
        )  # fmt: skip
        made, began = self.made, time.monotonic()
        yield
        until(lambda: self.linked.refused("station") - refused >= refusals, 15, f"{refusals} refusals")
        assert self.memory() - memory < growth
        assert len(self.lines) - lines <= 3
        assert self.linked.link_pid("station") == pid, "it was started again"
        assert self.linked.sees_of("station", "robot")["state"] == "up"
        until(lambda: self.made - made > RATE * (time.monotonic() - began - 3) * 0.9, 10, "the pace")


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Graph]:
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
        linked = Linked(tmp_path_factory.mktemp("hostile"), ports(28_500, worker_id))
        station = stack.enter_context(linked.launch("station"))
        stack.enter_context(linked.launch("robot", *EVER))
        linked.await_sight(("robot", "station"), ("station", "robot"))
        yield Graph(linked, station)


def undressed(socket: "zmq.Socket[bytes]") -> None:
    """Plain ZeroMQ."""


def test_plain_zeromq_is_refused_and_counted(graph: Graph) -> None:
    with graph.bears(refusals=2):
        assert meddle(graph.ports, undressed) == 0


def test_a_key_that_is_not_in_the_graph_is_refused_and_counted(graph: Graph) -> None:
    with graph.bears(refusals=1), impostor(graph.linked, zmq.curve_keypair()) as stranger:
        stranger.socket.setsockopt(zmq.IMMEDIATE, 1)
        stranger.socket.send_multipart(said(None))
        assert not stranger.is_answered(1.5)
    assert "refuses a connection whose key is not that of a host in the graph" in graph.station.output


def test_the_station_s_own_key_is_refused(graph: Graph) -> None:
    own = (graph.linked.folders["station"] / "keys" / "station.key").read_bytes().strip()
    with graph.bears(refusals=1), impostor(graph.linked, (zmq.curve_public(own), own)) as stranger:
        stranger.socket.send_multipart(said(None))
        assert not stranger.is_answered(1.5)


def test_http_pickle_and_endless_lengths_are_refused(graph: Graph) -> None:
    with graph.bears(refusals=50):
        all_at(graph.ports, 20, b"GET / HTTP/1.1\r\nHost: station\r\n\r\n")
        all_at(graph.ports, 20, pickle.dumps({"status": 1}), GREETING + pickle.dumps(object()))
        all_at(graph.ports, 20, GREETING, b"\x06" + (2**63).to_bytes(8, "big") + bytes(1000))


def test_a_thousand_silent_connections_leave_the_robot_its_place(graph: Graph) -> None:
    with graph.bears(refusals=900), ExitStack() as stack:
        before = graph.linked.refused("station")
        for _ in range(1000):
            stack.enter_context(raw(graph.linked.link))
        until(lambda: graph.linked.refused("station") - before >= 1000 - 2 * STRANGERS, 20, "most are closed")


def test_megabytes_before_a_key_are_stopped(graph: Graph) -> None:
    with graph.bears(refusals=10, growth=100_000), ExitStack() as stack:
        for _ in range(10):
            one = stack.enter_context(raw(graph.linked.link, GREETING + b"\x06" + (60 * MB).to_bytes(8, "big")))
            with suppress(ConnectionError, TimeoutError, socket.timeout):
                for _ in range(40):
                    one.sendall(bytes(MB))


def status(**changes: Any) -> dict[str, Any]:
    return {**fitted({}, STATUS), "version": 1, "host": "desk", "run": RUN, "state": "runs", **changes}


BAD: dict[str, list[bytes]] = {
    "one part": [b"{}"],
    "three parts": [*said(None), b"x"],
    "a thousand parts": [b"x"] * 1000,
    "pickle": [pickle.dumps([1]), pickle.dumps([1])],
    "a header that is too long": [b"{" + b" " * 100_000, b""],
    "a body that is too long": [said(None)[0], bytes(MAX_BODY + 1)],
    "a body that grows": [said(None)[0], zeros(100 * MAX_JSON)],
    "a body that is deep": [said(None)[0], zlib.compress(b"[" * 1_000_000)],
    "a status of the robot": said(status(host="robot")),
    "a status of the station": said(status(host="station")),
    "a status of a path": said(status(host="../../../tmp/x")),
    "a status without a run": said({"host": "desk"}),
    "another kind": said(None, kind="state"),
    "a number out of bounds": said(None, sent=2**64),
    "a status of no shape": [said(None)[0], packed({"status": {**status(), "nodes": "all"}, "others": []})],
}


@pytest.mark.parametrize("parts", BAD.values(), ids=BAD.keys())
def test_what_a_known_host_says_and_may_not_is_ignored_and_counted(graph: Graph, parts: list[bytes]) -> None:
    time.sleep(0.3)  # no more than it may
    (graph.linked.run("station") / "hosts" / "desk.json").unlink(missing_ok=True)  # of another test
    before = graph.linked.refused("station")
    with graph.bears(refusals=1), impostor(graph.linked) as desk:
        desk.says(*parts)
        until(lambda: graph.linked.refused("station") > before, 10, "that it is refused")
    assert [path.name for path in (graph.linked.run("station") / "hosts").iterdir()] == ["robot.json"]


def test_a_part_beyond_all_bounds_ends_the_connection_and_the_next_message_is_heard(graph: Graph) -> None:
    with graph.bears(refusals=0), impostor(graph.linked) as desk:
        desk.says(*said(None))
        assert desk.is_answered()
        desk.socket.recv_multipart()
        desk.says(said(None)[0], bytes(MAX_PART + 1))
        until(lambda: answers(desk, *said(None)), 20, "an answer after it")


def answers(desk: Impostor, *parts: bytes) -> bool:
    """Whether the station heeds this; it does not read all that comes soon after something else."""
    desk.says(*parts)
    return desk.is_answered(0.5)


def test_who_speaks_another_version_with_each_message_makes_one_line_of_it(graph: Graph) -> None:
    with graph.bears(refusals=0), impostor(graph.linked) as desk:
        for number in range(2, 8):
            desk.says(*said(None, v=number))
        graph.station.says("desk speaks version ")
        desk.says(*said(None))
        assert desk.is_answered(), "all before it was read"
    until(lambda: "desk speaks version 2 " in graph.station.output, 10, "a line")
    assert graph.station.output.count("desk speaks version ") == 1


def test_a_thousand_messages_at_once_are_not_read_and_the_robot_is(graph: Graph) -> None:
    before = graph.linked.refused("station")
    with graph.bears(refusals=1000 - 5 * FEW), impostor(graph.linked) as desk:
        for _ in range(1000):
            desk.says(*said(status()))
        until(lambda: graph.linked.refused("station") - before >= 1000 - 5 * FEW, 20, "most are refused")


def test_a_known_host_that_passes_on_another_s_failure_is_not_believed(graph: Graph) -> None:
    """The robot is heard itself, and nobody dials the desk: what that says of it counts for nothing."""
    watcher = {"name": "watcher", "replicas": [{"name": "watcher.1", "state": "failed"}]}
    lie = {"host": "robot", "age": 0.0, "clock": None, "status": status(host="robot", nodes=[watcher])}
    with graph.bears(refusals=0), impostor(graph.linked) as desk:
        until(lambda: answers(desk, said(None)[0], packed({"status": None, "others": [lie]})), 10, "an answer to a lie")
        time.sleep(1.5)  # more than one look of the launcher's
    assert "failed for good" not in graph.station.output
