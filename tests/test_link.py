"""Pipes as they stand on the command line, and who may use their sockets."""

import stat
from pathlib import Path

import pytest
import zmq

from bus.badaddress import BadAddress
from bus.encoding import Encoding
from bus.link import Pipe, Sockets

KEY = "a" * 40


@pytest.mark.parametrize(
    "pipe",
    [
        Pipe("ipc:///run/frames-a.1-b.2"),
        Pipe("ipc:///run/frames-a.1-b.2", True, "frames", "a.1", input="left", keep="latest"),
        Pipe("tcp://10.0.0.7:5560", False, "frames", "a.1", output="motion", prefetch=3, key=KEY),
        Pipe("tcp://10.0.0.7:5560", encode=Encoding("jpeg", 85), max_age=0.5),
        Pipe("ipc:///run/x", encode=Encoding("png"), max_age=86400.0),
        Pipe("tcp://[::1]:5560", True, key="0aZ.-:+=^!/*?&<>()[]{}@%$#0aZ.-:+=^!/*?&<"),
    ],
)
def test_a_pipe_is_read_as_it_was_written(pipe: Pipe) -> None:
    if pipe.key:
        pipe = Pipe(**{**pipe.__dict__, "key": pipe.key[:40]})
    assert Pipe.parse(str(pipe)) == pipe


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "an address is ipc://PATH or tcp://HOST:PORT"),
        ("inproc://x", "an address is ipc://PATH or tcp://HOST:PORT"),
        ("tcp://host", "a tcp address ends with its first port, as in tcp://10.0.0.7:5560"),
        ("tcp://host:port", "a tcp address ends with its first port"),
        (
            "ipc:///x,colour=red",
            '"colour=red" in "ipc:///x,colour=red": expected one of contract, encode, in_order, input, insecure, keep,',
        ),
        ("ipc:///x,keep", '"keep" in "ipc:///x,keep": expected one of'),
        ("ipc:///x,keep=some", "use all or latest"),
        ("ipc:///x,prefetch=0", "prefetch=0 in .*: at least 1"),
        ("ipc:///x,prefetch=many", "invalid literal"),
        ("ipc:///x,max_age=-1", "max_age=-1.0 in .*: a number of seconds above 0"),
        ("ipc:///x,max_age=inf", "a number of seconds above 0"),
        ("ipc:///x,max_age=nan", "a number of seconds above 0"),
        ("ipc:///x,encode=gif", '"gif" is no encoding. Write jpeg, png, webp or raw, or with a quality e.g. jpeg:85'),
        ("tcp://h:1,key=short", "a public key has 40 characters of Z85"),
        ("tcp://h:1,key=" + '"' * 40, "a public key has 40 characters of Z85"),
    ],
)
def test_a_pipe_that_is_written_wrong_says_how_it_is_right(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Pipe.parse(text)


def test_the_two_sockets_lie_side_by_side() -> None:
    assert (Pipe("ipc:///run/x").data, Pipe("ipc:///run/x").state) == ("ipc:///run/x.d", "ipc:///run/x.s")
    assert (Pipe("tcp://h:5560").data, Pipe("tcp://h:5560").state) == ("tcp://h:5560", "tcp://h:5561")


def test_an_ipc_socket_is_for_its_owner_alone(tmp_path: Path) -> None:
    sockets = Sockets()
    pipe = Pipe(f"ipc://{tmp_path}/x", bind=True)
    opened = sockets.open(zmq.PULL, pipe.data, pipe)
    assert not opened.closed
    assert stat.S_IMODE((tmp_path / "x.d").stat().st_mode) & 0o077 == 0
    sockets.close()


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:9999", "tcp://*:9999", "tcp://10.0.0.7:9999"])
def test_a_port_that_others_can_reach_is_not_opened_without_a_key(address: str) -> None:
    sockets = Sockets()
    with pytest.raises(ValueError, match="would be open to everybody: give key=PUBLIC and --key=FILE"):
        sockets.open(zmq.PULL, address, Pipe(address, bind=True))
    sockets.close()


def test_a_key_of_the_peer_needs_ones_own() -> None:
    sockets = Sockets()
    with pytest.raises(ValueError, match='the wire "frames" is encrypted: give this host\'s private key'):
        sockets.open(zmq.PULL, "tcp://127.0.0.1:9999", Pipe("tcp://127.0.0.1:9999", key=KEY))
    sockets.close()


def test_an_address_that_is_taken_is_named() -> None:
    sockets, pipe = Sockets(), Pipe("ipc:///no/such/folder/x", bind=True)
    with pytest.raises(BadAddress, match=r"cannot use ipc:///no/such/folder/x\.d: No such file or directory"):
        sockets.open(zmq.PULL, pipe.data, pipe)
    long = Pipe("ipc:///tmp/" + "x" * 120, bind=True)
    with pytest.raises(BadAddress, match="File name too long"):
        sockets.open(zmq.PULL, long.data, long)
    sockets.close()
