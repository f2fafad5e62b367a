"""Who gets in at the ports of a wire with keys: one, and nobody while the authenticator is dead; all are measured."""

import socket
import threading
from contextlib import suppress

import pytest
import zmq

from bus.guard import ZAP, GuardDied
from bus.link import Pipe
from bus.redial import OFTEN
from tests import memory
from tests.known import HOST, Keyed, frame, keyed, unkeyed
from tests.peers import Told
from tests.strangers import GREETING, raw

MB = 1024 * 1024


def test_what_comes_from_a_peer_with_the_right_key_is_known_and_measured() -> None:
    with keyed() as b:
        pull, queue = b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        far.give(1, bytes(MB))
        b.until(lambda: queue)
        gauge = pull._pushers[0].others.gauge
        assert gauge
        b.until(lambda: [one.known for one in gauge._connections.values()] == [True])
        [connection] = gauge._connections.values()
        assert connection.consumed > MB


def test_the_right_key_on_the_wrong_wire_is_refused_and_counted() -> None:
    with keyed() as b:
        _, queue = b.pulls(b.pipe("far.1", wire="one"))
        b.pulls(b.pipe("far.2", wire="two"))
        far = b.pusher("far.1", pair=b.pairs["far.2"])
        b.until(lambda: b.refused >= 2)
        assert not far.data.poll(0, zmq.POLLOUT)
        assert far.hear() == []
        assert set(b.said) == {
            'refuses a connection whose key is not the one of this wire on "one", where far.1 is let in'
        }
        right = b.pusher("far.1")
        b.settle(right)
        right.give(1)
        b.until(lambda: len(queue) == 1)


@pytest.mark.parametrize("dead", ["its socket", "its thread"])
def test_while_the_authenticator_is_dead_nobody_gets_in_with_the_right_key_either(dead: str) -> None:
    with keyed() as b:
        b.pulls(b.pipe("far.1"))
        assert b.sockets.guard
        if dead == "its socket":
            b.sockets.guard.close()
        else:
            asking = b.sockets._context.socket(zmq.REQ)
            asking.connect(ZAP)
            asking.send(b"")
            b.sockets.guard.thread.join()
            asking.close(linger=0)
        far = b.pusher("far.1")
        assert not far.data.poll(1000, zmq.POLLOUT)
        with pytest.raises(GuardDied, match="nobody is let in from other hosts any more"):
            b.serve(1)
        assert far.hear() == []


def test_an_authenticator_that_fails_says_why_where_the_wires_are_served() -> None:
    with keyed() as b:
        b.pulls(b.pipe("far.1"))
        with b.sockets._context.socket(zmq.REQ) as asking:
            asking.connect(ZAP)
            asking.send(b"no question")
            with pytest.raises(GuardDied, match=r"\(ValueError: not enough values to unpack .*: this process ends"):
                b.until(lambda: False)


def test_a_message_under_another_key_is_refused_though_the_authenticator_let_it_in() -> None:
    with keyed() as b:
        _, queue = b.pulls(b.pipe("far.1"))
        other = zmq.curve_keypair()
        assert b.sockets.guard
        b.sockets.guard.let_in([other[0].decode()], "frames/far.1")  # a mistake of ours
        far = b.pusher("far.1", pair=other)
        b.settle(far)
        for n in range(1, 100):
            far.give(n)
        b.until(lambda: b.refused == 99)
        assert not queue
        assert b.said == ['refuses a message under another key on "frames", where far.1 is let in']


def test_strangers_that_come_and_go_at_a_pushers_port_make_nothing_travel_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bus.push.SILENT", 60.0)  # that it has gone is seen, not guessed from its silence
    with keyed() as b:
        pipe = b.pipe("far.1")
        push, told = b.pushes(pipe), Told()
        far = b.puller("far.1")
        b.greet(push, far)
        told.put(push, 1)
        b.until(lambda: far.hear() == [1])
        for _ in range(30):
            with socket.create_connection((HOST, port_of(pipe))) as stranger:
                stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
                b.serve(2)
            far.say(open=[1])
        b.until(lambda: b.refused == 30)
        assert far.hear() == [1]
        far.data.close(linger=0)
        b.until(lambda: not push._pullers[0].sent)  # the peer's own going is seen as before


def leave_early(b: Keyed, port: int) -> None:
    """As one goes that is killed in the middle of its handshake."""
    with raw(port, GREETING):
        b.serve(5)
    b.serve(5)


def test_a_peer_that_was_killed_while_it_showed_its_key_is_not_blamed_when_it_comes_again() -> None:
    with keyed() as b:
        pipe = b.pipe("far.1")
        _, queue = b.pulls(pipe)
        for n in (1, 2):
            for _ in range(OFTEN):
                leave_early(b, port_of(pipe))
            far = b.pusher("far.1")
            b.settle(far)
            far.give(n)
            b.until(lambda count=n: len(queue) == count)  # type: ignore[misc]
            if n == 1:
                far.data.close(linger=0)
                far.state.close(linger=0)
                b.serve()
        assert (b.refused, b.said) == (0, [])
        leave_early(b, port_of(pipe))  # while the peer is here
        b.until(lambda: b.refused == 1)


def test_who_leaves_early_again_and_again_while_no_peer_is_here_is_counted_from_the_first_one() -> None:
    with keyed() as b:
        pipe = b.pipe("far.1")
        b.pulls(pipe)
        for _ in range(2 * OFTEN):
            leave_early(b, port_of(pipe))
        b.until(lambda: b.refused == 2 * OFTEN)
        assert b.said == ['refuses a connection that did not show a key on "frames", where far.1 is let in']


def test_a_connection_that_is_still_showing_its_key_when_the_life_before_goes_is_no_stranger() -> None:
    with keyed() as b:
        pipe = b.pipe("far.1")
        pull, _ = b.pulls(pipe)
        far = b.pusher("far.1")
        b.settle(far)
        gauge = pull._pushers[0].others.gauge
        assert gauge
        b.until(lambda: [one.known for one in gauge._connections.values()] == [True])
        with raw(port_of(pipe), GREETING):
            b.until(lambda: gauge.count == 2)
            far.data.close(linger=0)
            b.until(lambda: gauge.count == 1)
            assert b.refused == 0
        b.until(lambda: not gauge.count)
        assert b.refused == 0


def port_of(pipe: Pipe) -> int:
    return int(pipe.address.rpartition(":")[2])


@pytest.mark.parametrize("kind", ["multipart to a puller", "message to a pusher"])
def test_who_sends_without_end_is_cut_off_and_counted(kind: str) -> None:
    """Without a key here, because a test cannot easily speak CURVE by hand; connections are counted the same way."""
    with keyed() as b:
        pipe = b.pipe("far.1", keyed=False)
        b.pulls(pipe) if "puller" in kind else b.pushes(pipe)
        over = threading.Event()

        def send() -> None:
            with unkeyed(port_of(pipe), b"PUSH" if "puller" in kind else b"PULL") as made, suppress(OSError):
                part = frame(bytes(MB), more="puller" in kind)
                for _ in range(2000):
                    made.sendall(part)
            over.set()

        memory.begin()
        before = memory.peak()
        sender = threading.Thread(target=send)
        sender.start()
        b.until(over.is_set)
        sender.join()
        b.until(lambda: b.refused == 1)
        grown = (memory.peak() - before) // 1024
        assert grown < 450
        assert b.said == ['cuts off who sends without end on "frames", where far.1 is let in']
