"""What goes wrong in a network: each lasts for a with-block, but `reset`, which is over at once. They may be nested.

`cut`, `cut_one_way`, `refused` and `reset` are between two hosts; `cut_ports`, `lossy`, `slow` and `delayed` are faults
of one host's own link, whoever it talks to, in both directions.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.conftest import need
from tests.network.hosts import DEVICE, Host
from tests.network.namespace import Namespace

RELAY = Path(__file__).with_name("relay.py")
DELAY = "delay"  # the device and …
DELAY_TABLE = "77"  # … the router's routing table of `delayed`
SHARES = 10000  # in which `lossy` counts
BURST = "16kb"  # that `slow` lets through at full speed
BUFFER = "100ms"  # that a packet waits in a `slow` link at most; what comes then is dropped
QUEUE = 10000  # packets that wait until the relay takes them

numbers = count(1)


@contextmanager
def cut(one: Host, other: Host) -> Iterator[None]:
    """Nothing gets through, and nobody is told: a connection stays open, and dead."""
    with cut_one_way(one, other), cut_one_way(other, one):
        yield


@contextmanager
def cut_one_way(sender: Host, receiver: Host) -> Iterator[None]:
    """Nothing gets from `sender` to `receiver`, not even an acknowledgement; the other way is open."""
    with _rules(sender.router, f"{_way(sender, receiver)} drop"):
        yield


@contextmanager
def cut_ports(listener: Host, first: int, last: int) -> Iterator[None]:
    """Nothing gets to these ports of `listener`, nor from them; its others are open."""
    rules = (
        f"tcp dport {first}-{last} oifname {listener.name} drop",
        f"ip saddr {listener.subnet} tcp sport {first}-{last} drop",
    )
    with _rules(listener.router, *rules):
        yield


@contextmanager
def refused(one: Host, other: Host) -> Iterator[None]:
    """A firewall answers each packet of TCP with a reset: no connection comes about, and who speaks on one is reset."""
    rules = (f"{_way(*way)} meta l4proto tcp reject with tcp reset" for way in ((one, other), (other, one)))
    with _rules(one.router, *rules):
        yield


def reset(one: Host, other: Host) -> int:
    """End all connections of TCP between two hosts: `one` sees ECONNABORTED, `other` ECONNRESET. Returns how many."""
    need("ss")
    return one.run("ss", "--kill", "--tcp", "--numeric", "--no-header", "dst", other.subnet).count("\n")


@contextmanager
def lossy(host: Host, share: float) -> Iterator[None]:
    """That share of all packets is lost, at random."""
    lost = f"numgen random mod {SHARES} < {round(share * SHARES)} drop"
    sent, received = f"ip saddr {host.subnet} oifname != {DELAY}", f"oifname {host.name}"
    with _rules(host.router, f"{sent} {lost}", f"{received} {lost}"):
        yield


@contextmanager
def slow(host: Host, rate: str) -> Iterator[None]:
    """The link carries no more than `rate`, as tc writes it: `1mbit`, bits a second, headers included."""
    with _shaped(host, DEVICE, rate), _shaped(host.router, host.name, rate):
        yield


@contextmanager
def delayed(host: Host, seconds: float, jitter: float = 0.0) -> Iterator[None]:
    """Each packet takes `seconds` longer, give or take up to `jitter`, in order. One such block at a time."""
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        pytest.skip("/dev/net/tun cannot be used")
    router = host.router
    command = router.command([sys.executable, str(RELAY), DELAY, str(seconds), str(jitter)])
    rules = (
        f"iif {DELAY} lookup main priority 1",
        f"from {host.subnet} lookup {DELAY_TABLE} priority 2",
        f"to {host.subnet} lookup {DELAY_TABLE} priority 3",
    )
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as relay:
        assert relay.stdout is not None
        assert relay.stdout.readline(), "the relay has not come up"
        router.ip(f"link set {DELAY} up txqueuelen {QUEUE}", f"route add default dev {DELAY} table {DELAY_TABLE}")
        router.ip(*(f"rule add {rule}" for rule in rules))
        try:
            yield
        finally:
            router.ip(*(f"rule delete {rule}" for rule in rules))


@contextmanager
def _shaped(place: Namespace, device: str, rate: str) -> Iterator[None]:
    what = ("root", "tbf", "rate", rate, "burst", BURST, "latency", BUFFER)
    place.run("tc", "qdisc", "add", "dev", device, *what)
    try:
        yield
    finally:
        place.run("tc", "qdisc", "delete", "dev", device, "root")


def _way(sender: Host, receiver: Host) -> str:
    """What nft finds a packet by on its last way through the router, of the two that a delayed one takes."""
    return f"ip saddr {sender.subnet} oifname {receiver.name}"


@contextmanager
def _rules(router: Namespace, *rules: str) -> Iterator[None]:
    """The router forwards packets by these rules too, in a table of their own."""
    table = f"inet fault{next(numbers)}"
    lines = [f"table {table} {{", "chain way {", "type filter hook forward priority 0", *rules, "}", "}"]
    router.run("nft", "--file", "-", lines=lines)
    try:
        yield
    finally:
        router.run("nft", "delete", "table", *table.split())
