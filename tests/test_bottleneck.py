"""What holds the others up, in words."""

from itertools import pairwise
from typing import Any

from host.view.bottleneck import words
from host.view.facts import NODE, REPLICA, WIRE, fitted

ROOMY = {"": {"cores": 8, "busy": 2.0}}
FULL = {"": {"cores": 2, "busy": 1.95}}


def node(name: str, rate: float, *, working: float = 0.1, waiting: float = 0.0, **more: Any) -> dict[str, Any]:
    """One that runs; what it does not wait or work, it is blocked."""
    pulls = [] if name == "camera" else ["wire"]
    shares = {"working": working, "waiting": waiting, **{of: more.pop(of, 0.0) for of in ("blocked", "disk")}}
    rates = {"in": rate if pulls else 0.0, "out": rate, "done": 0.0, "made": 0.0 if pulls else rate}
    replicas = [{**fitted({}, REPLICA), "cpu": more.pop("cpu", 0.9), "starved": more.pop("starved", 0.0)}]
    known = {"name": name, "state": "runs", "pulls": pulls, "shares": shares, "rates": rates, "replicas": replicas}
    return {**fitted({}, NODE), **known, **more}


def wire(name: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    return {**fitted({"name": name, "from": [start], "to": end, "pullers": 1, "pipes": 1}, WIRE), **more}


def chain(*nodes: dict[str, Any], **more: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The nodes, and the wires between them; `more` is true of the last one."""
    names = [one["name"] for one in nodes]
    wires = [wire(f"to_{end}", start, end) for start, end in pairwise(names)]
    wires[-1].update(more)
    return [*nodes], wires


def test_nothing_is_said_while_nothing_waits() -> None:
    nodes, wires = chain(node("camera", 25), node("converter", 25, working=0.5, waiting=0.5))
    assert words(nodes, wires, ROOMY) == ""


def test_a_node_at_its_limit_for_which_nobody_waits_is_none() -> None:
    nodes, wires = chain(node("camera", 25), node("converter", 25, working=0.99))
    assert words(nodes, wires, ROOMY) == ""


def test_who_works_all_the_time_while_messages_wait_is_the_slowest() -> None:
    nodes, wires = chain(node("camera", 50), node("converter", 41, working=0.98), queued=40)
    assert words(nodes, wires, ROOMY) == "converter is the slowest: 41/s of 50/s; add replicas"


def test_so_is_who_blocks_its_pushers() -> None:
    nodes, wires = chain(node("camera", 41, blocked=0.6), node("converter", 41, working=0.98))
    assert words(nodes, wires, ROOMY) == "converter is the slowest: 41/s; add replicas"


def test_so_is_who_lets_files_wait() -> None:
    nodes, wires = chain(
        node("camera", 50), node("watcher", 9.5, counters={"backlog": 200}), node("converter", 9.5, working=0.98)
    )
    assert words(nodes, wires, ROOMY) == "converter is the slowest: 9.5/s of 50/s; add replicas"


def test_of_two_the_one_that_never_waits() -> None:
    nodes, wires = chain(
        node("camera", 30, blocked=0.5), node("first", 30, working=0.88, blocked=0.2), node("second", 30, working=0.99)
    )
    assert words(nodes, wires, ROOMY).startswith("second is the slowest")


def test_more_replicas_are_no_help_on_a_full_machine() -> None:
    nodes, wires = chain(node("camera", 50), node("converter", 41, working=0.98), queued=40)
    assert words(nodes, wires, FULL) == "converter is the slowest: 41/s of 50/s; the machine is full (2 cores)"


def test_but_they_are_for_a_node_that_needs_no_processor() -> None:
    nodes, wires = chain(node("camera", 50), node("converter", 41, working=0.98, cpu=0.01), queued=40)
    assert words(nodes, wires, FULL).endswith("add replicas")


def test_nor_where_a_disk_holds_the_node_up() -> None:
    for machines in (ROOMY, FULL):
        nodes, wires = chain(node("camera", 50), node("saver", 12, working=0.98, disk=0.8, starved=0.1), queued=40)
        assert words(nodes, wires, machines) == "saver is the slowest: 12/s of 50/s; its disk is slow"


def test_nor_where_others_take_the_processors() -> None:
    nodes, wires = chain(node("camera", 50), node("converter", 5, working=0.98, cpu=0.05, starved=0.9), queued=40)
    assert words(nodes, wires, FULL).endswith("the machine is full (2 cores)")
    assert words(nodes, wires, ROOMY).endswith("it has to wait for a processor")  # it may not use all of them
    assert words(nodes, wires, {}).endswith("it has to wait for a processor")


def test_a_wire_between_hosts_is_the_limit_when_both_ends_wait_for_it() -> None:
    nodes, wires = chain(
        node("camera", 9, blocked=0.9),
        node("converter", 9, waiting=0.9),
        between_hosts=True, queued=50, rate=9.0, bytes_rate=1.25e6,
    )  # fmt: skip
    said = words(nodes, wires, ROOMY)
    assert said == "the wire to_converter between hosts is the limit: 9.0/s, 1.2 MB/s; send less, or encode it"
    wires[0]["pullers"] = 0  # it is cut, which is something else
    assert words(nodes, wires, ROOMY) == ""


def test_a_source_with_an_end_that_all_wait_for_sets_the_pace() -> None:
    counters = {"total": 750, "made": 100}
    nodes, wires = chain(node("camera", 25, counters=counters), node("converter", 25, waiting=0.8))
    assert words(nodes, wires, ROOMY) == "camera sets the pace: 25/s; the others wait for it"
    nodes[0]["counters"] = {"total": 0, "made": 100}  # a live one is as fast as it is
    assert words(nodes, wires, ROOMY) == ""


def test_a_node_without_replicas_which_another_host_may_tell_of_is_no_reason_to_fail() -> None:
    nodes, wires = chain(node("camera", 50), node("converter", 41, working=0.98, replicas=[]), queued=40)
    assert words(nodes, wires, FULL).endswith("add replicas")


def test_of_a_host_that_is_not_known_nothing_is_assumed() -> None:
    nodes, wires = chain(node("camera", 50), node("converter", 41, working=0.98, host="gpu"), queued=40)
    assert words(nodes, wires, FULL).endswith("add replicas")
