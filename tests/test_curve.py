"""A wire over tcp: whoever has the right key is served, and nobody else is, or disturbs anything."""

import json
import os
import socket
from itertools import cycle
from pathlib import Path

import pytest
import zmq

from bus import keys
from tests.conftest import until
from tests.craft import saved
from tests.wiring import PASS_ON, PATIENCE, SINK, SOURCE, Graph, expected

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
PAIRS = cycle(range(12_000 + 600 * WORKER, 12_600 + 600 * WORKER, 2))  # below those that the system gives to anyone


def free_ports() -> int:
    """The first of two ports of the loopback that nobody has."""
    for port in PAIRS:
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no free ports")


class Stranger:
    """Pulls and pushes at both ports of a wire, with a key of its own or none, for as long as the `with` lasts."""

    def __init__(self, port: int, server: str, *, key: bool) -> None:
        self.context = zmq.Context[zmq.Socket[bytes]]()
        self.sockets = []
        for kind, at in ((zmq.PULL, port), (zmq.PUSH, port), (zmq.PULL, port + 1), (zmq.PUSH, port + 1)):
            made = self.context.socket(kind)
            if key:
                made.curve_publickey, made.curve_secretkey = zmq.curve_keypair()
                made.curve_serverkey = server.encode()
            made.connect(f"tcp://127.0.0.1:{at}")
            self.sockets.append(made)
        self.raw = socket.create_connection(("127.0.0.1", port))
        self.raw.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(1000))

    def meddles(self) -> bool:
        """Try to say that everything is done, and that everything has ended."""
        state = {"v": 1, "kind": "state", "incarnation": "evil", "epoch": "", "credit": 1000, "echo": 0, "ended": True}
        ping = {"v": 1, "kind": "ping", "epoch": "evil", "low": 1, "ping": 1, "closed": True, "end": True}
        lists = {"released": [], "done": [[n, "done", ""] for n in range(100)], "returned": []}
        for parts, where in (
            ([json.dumps(ping).encode(), b""], (1, 3)),
            ([json.dumps({**state, **lists}).encode()], (1, 3)),
        ):
            for index in where:
                try:
                    self.sockets[index].send_multipart(parts, zmq.NOBLOCK)
                except zmq.Again:
                    continue  # as it should be: nobody talks to it
        return True

    def heard(self) -> bool:
        return any(self.sockets[index].poll(0) for index in (0, 2))

    def close(self) -> None:
        self.raw.close()
        self.context.destroy(linger=0)


@pytest.mark.parametrize("pusher_binds", [True, False])
def test_a_wire_with_keys_serves_its_peer_and_no_stranger(tmp_path: Path, pusher_binds: bool) -> None:
    public = {side: keys.make(tmp_path / f"{side}.key") for side in ("robot", "station")}
    port = free_ports()
    at = {True: "@", False: ""}
    push = f"--push={at[pusher_binds]}tcp://127.0.0.1:{port},wire=frames,peer=filter.1,key={public['station']}"
    pull = f"--pull={at[not pusher_binds]}tcp://127.0.0.1:{port},wire=frames,peer=source.1,key={public['robot']}"
    slow = SOURCE.replace("        yield", "        time.sleep(0.002)\n        yield").replace("\n", "import time\n", 1)
    with Graph(tmp_path) as graph:
        graph.node("source", slow, "--count=300", push, f"--key={tmp_path}/robot.key")
        graph.node("filter", PASS_ON, pull, f"--key={tmp_path}/station.key", push="results")
        graph.node("sink", SINK, pull="results")
        graph.start("source" if pusher_binds else "filter")
        until(lambda: _open(port), PATIENCE, "the port")
        strangers = [Stranger(port, public["robot" if pusher_binds else "station"], key=key) for key in (True, False)]
        graph.start(*[name for name in ("sink", "filter", "source") if f"{name}.1" not in graph.running()])
        graph.finish(lambda: all(stranger.meddles() for stranger in strangers))
        assert not any(stranger.heard() for stranger in strangers)
        for stranger in strangers:
            stranger.close()
        assert graph.saved() == expected(300)
        assert {replica: codes for replica, codes in graph.codes.items() if codes != [0]} == {}
        assert "ignores" not in graph.log("source.1") + graph.log("filter.1")
        assert graph.books("source.1")["done"] == 300


def test_a_node_whose_guard_dies_says_so_and_ends_and_its_next_life_goes_on(tmp_path: Path) -> None:
    public = {side: keys.make(tmp_path / f"{side}.key") for side in ("robot", "station")}
    port = free_ports()
    deadly = SINK.replace(
        "    for frame in frames:\n",
        "    for frame in frames:\n"
        "        if frame.number == 50 and not os.path.exists('broken'):\n"
        "            open('broken', 'w').close()\n"
        "            program._node.sockets.guard._keys = None\n"
        "            stranger = zmq.Context.instance().socket(zmq.PUSH)\n"
        "            stranger.curve_publickey, stranger.curve_secretkey = zmq.curve_keypair()\n"
        f"            stranger.curve_serverkey = b'{public['station']}'\n"
        f"            stranger.connect('tcp://127.0.0.1:{port}')\n",
    ).replace("import os\n", "import os\nimport zmq\nfrom bus import program\n")
    with Graph(tmp_path) as graph:
        push = f"--push=tcp://127.0.0.1:{port},wire=frames,peer=sink.1,key={public['station']}"
        pull = f"--pull=@tcp://127.0.0.1:{port},wire=frames,peer=source.1,key={public['robot']}"
        graph.node("source", SOURCE, "--count=1000", push, f"--key={tmp_path}/robot.key")
        graph.node("sink", deadly, pull, f"--key={tmp_path}/station.key")
        graph.start()
        graph.finish()
        assert "nobody is let in from other hosts any more (AttributeError: " in graph.log("sink.1")
        assert graph.codes["sink.1"] == [1, 0]
        assert len(graph.saved()) == 1000


def test_over_tcp_a_file_travels_as_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    port = free_ports()
    (tmp_path / "secret").write_bytes(b"secret")
    naming = f"""
from bus import Message

def source():
    yield Message(file="{tmp_path}/secret", number=1, name="1.bin")
"""
    with Graph(tmp_path) as graph:
        graph.node("source", naming, f"--push=tcp://127.0.0.1:{port},peer=sink.1")
        graph.node("sink", SINK, f"--pull=@tcp://127.0.0.1:{port},peer=source.1")
        graph.start()
        graph.finish()
        assert graph.saved() == {"1.bin": b"secret"}


def test_a_wire_over_tcp_survives_kills_of_both_ends(tmp_path: Path) -> None:
    port = free_ports()
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=400", push="frames")
        graph.node("filter", PASS_ON, f"--push=tcp://127.0.0.1:{port},wire=results,peer=sink.1", pull="frames")
        graph.node("sink", SINK, f"--pull=@tcp://127.0.0.1:{port},wire=results,peer=filter.1")

        def saved() -> int:
            return graph.count()

        graph.start()
        for victim in ("sink.1", "filter.1", "sink.1"):
            before = saved()
            until(lambda count=before: graph.tend() or saved() > count, PATIENCE)  # type: ignore[misc]
            if victim in graph.running():
                graph.signal(victim)
        graph.finish()
        assert graph.saved() == expected(400)


def _open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_over_tcp_a_payload_that_is_too_large_becomes_a_dead_letter_and_the_rest_goes_on(tmp_path: Path) -> None:
    port = free_ports()
    grow = """
def pass_on(frames):
    for frame in frames:
        yield frame.replace(bytes(64 * 2**20 + 1)) if frame.number == 1 else frame
"""
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=4", push="frames")
        graph.node("filter", grow, f"--push=tcp://127.0.0.1:{port},wire=results,peer=sink.1", pull="frames")
        graph.node("sink", SINK, f"--pull=@tcp://127.0.0.1:{port},wire=results,peer=filter.1")
        graph.start()
        graph.finish()
        assert len(graph.saved()) == 3
        assert graph.books("source.1")["dead"] == 1
        assert "cross a network" in graph.log("source.1")


def test_pixels_cross_as_jpeg_and_a_neighbour_on_the_same_wire_sends_its_files_by_name(tmp_path: Path) -> None:
    port = free_ports()
    body = saved("JPEG")
    (tmp_path / "near.jpg").write_bytes(body)
    naming = f"""
from bus import Message

def near():
    yield Message(file="{tmp_path}/near.jpg", number=1, name="near.jpg")
"""
    making = """
from PIL import Image
from bus import Message

def far():
    yield Message(Image.new("RGB", (64, 48), "red"), number=1, name="far.png")
"""
    telling = """
def sink(frames):
    for frame in frames:
        print(frame.name, frame.image.size, frame.encoding, frame.file is not None, flush=True)
"""
    with Graph(tmp_path) as graph:
        ipc = f"ipc://{graph.run}/x"
        graph.node("near", naming, f"--push={ipc},peer=sink.1")
        graph.node("far", making, f"--push=tcp://127.0.0.1:{port},peer=sink.1,encode=jpeg:90")
        pulls = (f"--pull=@{ipc},peer=near.1", f"--pull=@tcp://127.0.0.1:{port},peer=far.1")
        graph.node("sink", telling, *pulls, f"--grant={tmp_path}")
        graph.start()
        graph.finish()
        told = sorted(graph.log("sink.1").splitlines())
        assert told == ["far.png (64, 48) jpeg False", "near.jpg (48, 32)  True"]
        assert graph.books("near.1")["done"] == graph.books("far.1")["done"] == 1
