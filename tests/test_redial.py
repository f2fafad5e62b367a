"""Who dials and is turned away says why, with the cure, and is let in as soon as the cause is mended."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import zmq

from bus.callers import WRONG_KEY
from bus.link import Pipe, Sockets
from bus.push import Push
from bus.redial import CURE, OFTEN
from bus.visits import OTHER_KEY
from tests.known import HOST, Keyed, keyed
from tests.peers import Told
from tests.test_curve import free_ports
from tests.test_guard import port_of

WATCHED = 4.0  # seconds in which a line would be said again


@contextmanager
def dialling(
    b: Keyed, folder: Path, port: int, pair: tuple[bytes, bytes], server: str
) -> Iterator[tuple[Push, list[str]]]:
    """The pushing end of a wire that dials `port` with the keys `pair`, and what it says."""
    (folder / "dialling.key").write_bytes(pair[1])
    (folder / "dialling.key").chmod(0o600)
    said: list[str] = []
    with closing(Sockets(folder / "dialling.key")) as sockets:
        pipe = Pipe(f"tcp://{HOST}:{port}", peer="pull.1", key=server)

        def keep(words: str) -> None:
            said.extend([words] if "cannot be reached" in words else [])

        yield b.pushes(pipe, sockets=sockets, say=keep), said


def complaint(port: int, words: str) -> str:
    return f"pull.1 at tcp://{HOST}:{port} cannot be reached: {words}. {CURE}"


def test_a_key_that_is_refused_is_said_where_it_is_shown_and_shown_again(tmp_path: Path) -> None:
    with keyed() as b:
        pipe = b.pipe("push.1")
        _, queue = b.pulls(pipe)
        port, mine, told = port_of(pipe), zmq.curve_keypair(), Told()
        with dialling(b, tmp_path, port, mine, b.public) as (push, said):
            told.put(push, 1)
            b.until(lambda: said)
            began = time.monotonic()
            b.until(lambda: time.monotonic() > began + WATCHED)
            key = "this host's key is refused: graph.yaml has another one there"
            assert said == [complaint(port, key)]  # once, however often both sockets dial
            assert set(b.said) == {f'refuses a connection {WRONG_KEY} on "frames", where push.1 is let in'}
            assert b.refused > 2  # it has dialled again
            assert not queue


def test_a_server_whose_key_is_another_is_said_at_both_ends(tmp_path: Path) -> None:
    with keyed() as b:
        pipe = b.pipe("push.1")
        b.pulls(pipe)
        other = zmq.curve_keypair()[0].decode()
        with dialling(b, tmp_path, port_of(pipe), b.pairs["push.1"], other) as (_, said):
            b.until(lambda: said and b.said)
            key = "what answers breaks off: graph.yaml has another key for it here, or it is another program"
            assert said == [complaint(port_of(pipe), key)]
            assert b.said[0] == f'refuses a connection {OTHER_KEY} on "frames", where push.1 is let in'
            assert len(b.said) == 1
            assert b.refused >= OFTEN


def test_a_program_without_keys_at_the_port_is_said(tmp_path: Path) -> None:
    with keyed() as b:
        port = free_ports()
        with b.context.socket(zmq.PULL) as plain:
            plain.bind(f"tcp://{HOST}:{port}")
            with dialling(b, tmp_path, port, zmq.curve_keypair(), b.public) as (_, said):
                b.until(lambda: said)
                words = (  # which of them depends on how far libzmq gets before the other end closes
                    "what answers is no wire with keys like ours: another graph, or another program, is there",
                    "what answers breaks off: graph.yaml has another key for it here, or it is another program",
                )
                assert said[0] in [complaint(port, one) for one in words]


def test_a_handshake_that_a_network_breaks_off_now_and_then_is_not_said(tmp_path: Path) -> None:
    with keyed() as b, socket.create_server((HOST, free_ports())) as listener:
        port = listener.getsockname()[1]
        with dialling(b, tmp_path, port, zmq.curve_keypair(), b.public) as (_, said):
            listener.settimeout(0.01)
            for _ in range(OFTEN - 1):
                b.until(lambda: _reset(listener))
            b.serve(50)
            assert said == []


def _reset(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except TimeoutError:
        return False
    return True
