"""Replicas that are spare: who waits for them, and who does not."""

import json
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.death import Death
from bus.hub import BEAT
from bus.link import Pipe
from bus.marks import Marks
from bus.presence import AWAY, Presence
from bus.pull import Pull
from host.child import Child
from host.command import Process
from host.elastic import Elastic
from host.graph import Graph
from host.runfolder import RunFolder
from host.view.events import Kind
from tests.conftest import until
from tests.graphs import loaded
from tests.peers import Bench, FarPusher, bench

SPARE = json.dumps({"spare": True})


class Told:
    """What the launcher would say."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def of_graph(self, words: str) -> None:
        self.lines.append(words)

    def of(self, child: Child, kind: Kind, words: str) -> None:
        self.lines.append(f"{child.process.replica}: {words}")


class Stand:
    """A node of four replicas, `naps`, that has two at least, without processes; and what a launcher has of them."""

    def __init__(self, folder: Path, run: RunFolder) -> None:
        self.run, self.told = run, Told()
        self.graph: Graph = loaded(
            folder,
            "camera: {run: camera, push: frames, args: {source: x, folder: spool}}",
            "shrink: {run: shrink, pull: frames, push: small, replicas: 2..4}",
            "show: {run: show, pull: small}",
        )
        self.node = self.graph.nodes["shrink"]
        self.children = [self._child(name) for name in self.node.names]
        self.elastic = Elastic(self.graph, self.children, run, self.told)  # type: ignore[arg-type]
        for child in self.children:
            if not self.elastic.rests(child):
                child.is_running = child.is_ready = True

    def _child(self, name: str) -> Child:
        return Child(Process(name, name, self.node, ("sleep", "600"), env={}), self.run.path, self.run, print)

    def facts(self, working: float, at: float) -> dict[str, Any]:
        """What status.json says of replicas that have worked so much of the time until `at`, in seconds."""
        spent = {"working_ns": int(at * working * 1e9), "waiting_ns": int(at * (1 - working) * 1e9), "blocked_ns": 0}
        replicas = [
            {"name": name, "state": "runs", "cpu": 0.0, "starved": 0.0, "counters": spent} for name in self.node.names
        ]
        camera = {"name": "camera", "state": "runs", "counters": {"backlog": 7}, "shares": {"blocked": 0.5}}
        shrink = {"name": "shrink", "state": "runs", "replicas": replicas, "shares": {"working": working, "disk": 0.0}}
        wire = {"name": "frames", "to": "shrink", "queued": 1, "passed_over": 0}
        machine = {"cores": 2, "busy": 0.1}
        return {"nodes": [camera, shrink], "wires": [wire], "machine": machine}

    def looks(self, working: float, wanted: str, seconds: float = 15.0) -> None:
        """Look again and again, as the launcher does, until something that begins with `wanted` is said."""
        began = time.monotonic()

        def said() -> bool:
            self.elastic.look(self.facts(working, time.monotonic() - began))
            return any(line.startswith(wanted) for line in self.told.lines)

        until(said, seconds, f"{wanted}: {self.told.lines}")

    @property
    def over(self) -> list[str]:
        return [child.over for child in self.children]


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("host.demand.UP_AFTER", 0.0)
    monkeypatch.setattr("host.demand.DOWN_AFTER", 0.0)
    with RunFolder(tmp_path / "graph.yaml") as run:
        yield Stand(tmp_path, run)


def test_all_but_the_least_are_spare_at_first_and_nobody_waits_for_them(stand: Stand) -> None:
    assert stand.over == ["", "", "spare", "spare"]
    marks = Marks(stand.run.path, "show.1")
    assert [marks.ended(name) for name in stand.node.names] == [False, False, True, True]
    assert not Marks(stand.run.path, "shrink.3").mine()


def test_one_that_is_wanted_has_no_mark_and_begins(stand: Stand) -> None:
    stand.looks(1.0, "shrink: 2 -> 3 replicas: 8 messages wait and all are busy")
    assert stand.over == ["", "", "", "spare"]
    assert not stand.run.mark("shrink.3").exists()
    assert stand.children[2].is_due()
    for _ in range(3):
        stand.elastic.look(stand.facts(1.0, time.monotonic()))
    assert stand.over[3] == "spare", "while one is still to come"


def test_one_that_does_not_work_yet_goes_first_when_fewer_suffice(stand: Stand) -> None:
    stand.looks(1.0, "shrink: 2 -> 3")
    stand.looks(0.1, "shrink: 3 -> 2 replicas: they work 10 % of their time")
    assert stand.over == ["", "", "spare", "spare"]
    assert stand.run.mark("shrink.3").exists()


def test_one_that_rests_after_a_death_goes_before_one_that_works(stand: Stand) -> None:
    stand.looks(1.0, "shrink: 2 -> 3")
    stand.children[2].is_running = stand.children[2].is_ready = True
    stand.children[1].is_running = False
    stand.looks(0.1, "shrink: 3 -> 2")
    assert stand.over == ["", "spare", "", "spare"]


def test_when_one_has_ended_the_others_are_left_to_end(stand: Stand) -> None:
    stand.looks(1.0, "shrink: 2 -> 3")
    stand.children[2].is_running = stand.children[2].is_ready = True
    stand.children[0].over = "ended"
    for second in range(5):
        stand.elastic.look(stand.facts(0.0, float(second)))
    assert stand.over == ["ended", "", "", "spare"]
    assert len(stand.told.lines) == 1


@pytest.mark.parametrize("in_the_way", ["machine", "disk"])
def test_none_begins_where_it_would_be_no_help_and_that_is_said_once(
    stand: Stand, in_the_way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host.elastic.SAID_AFTER", 0.05)
    began = time.monotonic()

    def said() -> bool:
        facts = stand.facts(1.0, time.monotonic() - began)
        if in_the_way == "machine":
            facts["machine"]["busy"] = 2.0
            for replica in facts["nodes"][1]["replicas"]:
                replica["cpu"] = 0.9
        else:
            facts["nodes"][1]["shares"]["disk"] = 0.9
        stand.elastic.look(facts)
        return bool(stand.told.lines)

    until(said, 15, "the reason")
    for _ in range(10):
        said()
    why = {"machine": "the machine is full (2 cores)", "disk": "its disk is slow"}[in_the_way]
    assert stand.told.lines == [f"shrink: more than 2 of it would be no help now: {why}"]
    assert stand.over == ["", "", "spare", "spare"]


def test_none_begins_when_one_has_found_that_the_inputs_have_ended(stand: Stand) -> None:
    stand.looks(1.0, "shrink: 2 -> 3")
    stand.children[2].is_running = stand.children[2].is_ready = True
    stand.run.mark("shrink.1").write_text('{"hash": "x"}')
    for _ in range(20):
        stand.elastic.look(stand.facts(1.0, time.monotonic()))
    assert stand.over == ["", "", "", "spare"]
    assert stand.run.mark("shrink.4").exists()


def test_one_that_is_called_in_the_moment_when_another_ends_stays_spare(stand: Stand) -> None:
    """Whoever pulls has seen that mark, and may be gone."""
    stand.run.mark("shrink.1").write_text('{"hash": "x"}')
    called = stand.children[2]
    assert not stand.elastic._call(called, stand.children)
    assert called.over == "spare"
    assert stand.run.mark("shrink.3").exists()


def test_none_begins_when_all_who_push_to_it_have_ended(stand: Stand) -> None:
    stand.run.mark("camera.1").write_text('{"hash": "x"}')
    for second in range(20):
        stand.elastic.look(stand.facts(1.0, float(second)))
    assert stand.over == ["", "", "spare", "spare"]


def test_one_that_failed_for_good_is_not_replaced_by_all_the_others_one_by_one(stand: Stand) -> None:
    stand.children[0].over = "failed"
    for _ in range(5):
        stand.elastic.look(stand.facts(0.5, time.monotonic()))
    assert stand.over == ["failed", "", "spare", "spare"]
    assert stand.told.lines == []


def test_a_disk_without_room_gets_the_mark_as_soon_as_it_has_some(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(RunFolder, "write_spare", _no_room)
        stand.run.mark("shrink.4").unlink()
        stand.elastic.left(stand.children[3], 0)
        assert not stand.run.mark("shrink.4").exists()
    stand.elastic.look(stand.facts(0.5, 1.0))
    assert stand.run.mark("shrink.4").exists()


def _no_room(run: RunFolder, replica: str) -> None:
    raise OSError(28, "No space left on device")


# Who pulls from them, and who pushes to them


def two_pushers(b: Bench) -> tuple[Pull, FarPusher]:
    """A wire from far.1, which is there, and spare.1, which has a mark and no process."""
    addresses = {peer: f"ipc://{b.marks.run}/{peer}" for peer in ("far.1", "spare.1")}
    pipes = [Pipe(address, peer=peer) for peer, address in addresses.items()]
    pull = Pull(b.hub, b.sockets, pipes, deque(), Death([], ""), b.marks, b.say)
    return pull, FarPusher(b.context, addresses["far.1"])


def test_who_pulls_does_not_wait_for_a_spare_one_and_looks_again_before_it_ends() -> None:
    with bench() as b:
        assert b.marks.run
        mark = b.marks.run / "spare.1.done"
        mark.write_text(SPARE)
        pull, far = two_pushers(b)
        far.ping(1, closed=True)
        b.until(lambda: pull.closed)
        far.ping(2, closed=True, end=True)
        b.until(lambda: pull.ended)
        mark.unlink()
        assert not pull.ended, "although no beat has come since"
        deadline = time.monotonic() + 2 * BEAT
        b.until(lambda: time.monotonic() > deadline)
        assert not pull.ended
        assert not pull.closed
        mark.write_text(SPARE)
        b.until(lambda: pull.ended)


def test_who_pushes_and_has_ended_does_not_wait_for_a_spare_puller() -> None:
    with bench() as b:
        assert b.marks.run
        (b.marks.run / "spare.1.done").write_text(SPARE)
        push, _ = b.push("pull.1", "spare.1")
        push.end()
        assert [puller.name for puller in push.unaware] == ["pull.1"]


def test_of_one_that_was_missed_and_is_spare_now_nothing_is_said() -> None:
    presence = Presence("pull.1")
    now = time.monotonic() + AWAY
    assert presence.look(False, now) == "no word from pull.1 for 5 s: waits for it"
    assert presence.look(True, now, is_over=True) == ""
    assert presence.look(False, now + AWAY / 2) == ""
    assert presence.look(True, now + AWAY) == ""
