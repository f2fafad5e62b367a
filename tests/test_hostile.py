"""A graph over two hosts keeps its pace, and its memory, whoever comes to its ports without its key."""

import pickle
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
import zmq

from bus import keys
from bus.meter import STRANGERS
from tests.conftest import until
from tests.launch import RATE
from tests.strangers import GREETING, Paced, all_at, meddle, paced, raw
from tests.test_hosts import free_ports

MB = 1024 * 1024


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Paced]:
    runtime, number = tmp_path_factory.mktemp("r"), int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    with paced(tmp_path_factory.mktemp("hostile"), runtime, 26_000 + 500 * number + free_ports(8) % 500) as running:
        yield running


def undressed(socket: "zmq.Socket[bytes]") -> None:
    """Plain ZeroMQ."""


def test_plain_zeromq_without_a_key_gets_nothing_in_and_nothing_out(graph: Paced) -> None:
    with graph.keeps_its_pace(refusals=8):
        assert meddle(graph.ports, undressed) == 0


def test_a_name_and_a_password_instead_of_a_key_get_nothing_in_and_nothing_out(graph: Paced) -> None:
    def dress(socket: "zmq.Socket[bytes]") -> None:
        socket.plain_username, socket.plain_password = b"robot", b"robot"

    with graph.keeps_its_pace(refusals=8):
        assert meddle(graph.ports, dress) == 0


def test_a_wrong_key_gets_nothing_in_and_nothing_out(graph: Paced) -> None:
    def dress(socket: "zmq.Socket[bytes]") -> None:
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.curve_serverkey = graph.two.keys["station"].encode()

    with graph.keeps_its_pace(refusals=8):
        assert meddle(graph.ports, dress) == 0
    assert "whose key is not the one of this wire" in graph.station.output


def test_the_key_of_the_station_itself_gets_nothing_in_and_nothing_out(graph: Paced) -> None:
    def dress(socket: "zmq.Socket[bytes]") -> None:
        private = graph.two.station / "keys" / "station.key"
        socket.curve_publickey, socket.curve_secretkey = keys.read(private)
        socket.curve_serverkey = graph.two.keys["station"].encode()

    with graph.keeps_its_pace(refusals=8):
        assert meddle(graph.ports, dress) == 0


def test_who_takes_another_for_the_station_gets_nothing_in_and_nothing_out(graph: Paced) -> None:
    """Even with the robot's key: whoever has not seen the graph does not know the station's."""

    def dress(socket: "zmq.Socket[bytes]") -> None:
        socket.curve_publickey, socket.curve_secretkey = keys.read(graph.two.robot / "keys" / "robot.key")
        socket.curve_serverkey = zmq.curve_keypair()[0]

    with graph.keeps_its_pace(refusals=8):
        assert meddle(graph.ports, dress) == 0


def test_http_is_refused(graph: Paced) -> None:
    with graph.keeps_its_pace(refusals=40):
        all_at(graph.ports, 10, b"GET / HTTP/1.1\r\nHost: station\r\n\r\n")


def test_tls_is_refused(graph: Paced) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="station")
    with suppress(ssl.SSLWantReadError):
        hello.do_handshake()
    with graph.keeps_its_pace(refusals=40):
        all_at(graph.ports, 10, outgoing.read())


def test_pickle_bytes_are_refused(graph: Paced) -> None:
    with graph.keeps_its_pace(refusals=40):
        all_at(graph.ports, 10, pickle.dumps({"frames": [1, 2, 3]}), GREETING + pickle.dumps(object()))


def test_an_announced_length_of_2_to_the_63_is_refused(graph: Paced) -> None:
    with graph.keeps_its_pace(refusals=80):
        for flags in (b"\x06", b"\x02"):  # a long command, a long message
            all_at(graph.ports, 10, GREETING, flags + (2**63).to_bytes(8, "big") + bytes(1000))


def test_a_thousand_silent_connections_are_counted_and_all_but_a_few_closed_at_once(graph: Paced) -> None:
    before = graph.count("refused")
    with graph.keeps_its_pace(refusals=1000), ExitStack() as stack:
        for port in graph.ports:
            for _ in range(250):
                stack.enter_context(raw(port))
        until(lambda: graph.count("refused") - before >= 1000 - len(graph.ports) * STRANGERS, 10, "most are closed")


def test_one_byte_a_second_is_closed_and_counted(graph: Paced) -> None:
    with graph.keeps_its_pace(refusals=4), ExitStack() as stack:
        slow = [stack.enter_context(raw(port)) for port in graph.ports]
        for number in range(14):
            for one in slow:
                with suppress(ConnectionError):
                    one.sendall(GREETING[number : number + 1])
            time.sleep(1)
            if number > 10 and all(_is_closed(one.fileno()) for one in slow):
                break


def _is_closed(descriptor: int) -> bool:
    poller = zmq.Poller()
    poller.register(descriptor, zmq.POLLIN | zmq.POLLERR)
    return bool(poller.poll(0))


def test_who_sends_megabytes_before_a_key_is_stopped(graph: Paced) -> None:
    with graph.keeps_its_pace(refusals=20, growth=100_000), ExitStack() as stack:
        sent = 0
        for port in graph.ports:
            for _ in range(5):
                command = b"\x06" + (60 * MB).to_bytes(8, "big")
                one = stack.enter_context(raw(port, GREETING + command))
                with suppress(ConnectionError, TimeoutError):
                    for _ in range(40):
                        one.sendall(bytes(MB))
                        sent += 1
        assert sent < 20 * 40


def test_a_node_that_is_almost_out_of_descriptors_keeps_its_peer_while_a_thousand_come(graph: Paced) -> None:
    with graph.scarce(descriptors=70), graph.keeps_its_pace(refusals=1000), ExitStack() as stack:
        for port in graph.ports:
            for _ in range(250):
                stack.enter_context(raw(port))
        time.sleep(1)


def test_seconds_of_it_cost_no_frame_and_a_line_a_minute_for_each_converter_and_kind(graph: Paced) -> None:
    before, began = len(graph.rates()), time.monotonic()
    with graph.keeps_its_pace(refusals=100):
        while time.monotonic() - began < 6:
            all_at(graph.ports, 5, b"GET / HTTP/1.1\r\n\r\n")
    until(lambda: len(graph.rates()) > before, 10, "a line of rates")
    assert graph.rates()[-1] > 0.9 * RATE, graph.rates()
    assert len([line for line in graph.lines() if "that did not show a key" in line]) <= 2 * 2
