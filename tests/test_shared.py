"""Large payloads on one host: they lie in the pusher's shared memory, and whoever is killed, each is right."""

import os
import random
import signal
from functools import partial
from pathlib import Path

import pytest

from bus.arena import LARGE, Address, Arena, Slot
from bus.push import Push
from tests.conftest import until
from tests.peers import Bench, FarPuller, Told, bench
from tests.wiring import Graph

BODY = b"\1" * LARGE


def lent(b: Bench, arena: Arena) -> tuple[Push, FarPuller]:
    """A pusher whose puller has said that it reads the arena."""
    push, [far] = b.push("far.1", arena=arena)
    far.say(open=[])
    b.until(lambda: far.hear() == [] and bool(far.pings))
    assert far.pings[0]["memory"] == [*address(arena)]
    far.say(memory=address(arena).token)
    b.until(lambda: push.shares)
    return push, far


def heard(far: FarPuller, count: int) -> bool:
    return len(far.hear()) == count


def address(arena: Arena) -> Address:
    assert arena.address
    return arena.address


def placed(arena: Arena) -> Slot:
    slot = arena.place(BODY)
    assert slot
    return slot


def put(push: Push, told: Told, number: int, slot: Slot) -> None:
    """As bus/outputs.py does it: the message lets go of its slot when it is finished."""

    def finish(verdict: str, reason: str) -> None:
        told.hear(number, verdict, reason)
        slot.let_go()

    push.put({"stream": "s", "number": number, "name": "", "captured": 1, "time": "captured", "hops": []}, slot, finish)


def test_a_slot_is_free_when_its_message_is_finished_and_its_reader_has_let_go_in_any_order() -> None:
    with bench() as b:
        arena, told = Arena(), Told()
        push, far = lent(b, arena)
        for number, answers in enumerate((("done", "read"), ("read", "done")), 1):
            slot = placed(arena)
            put(push, told, number, slot)
            b.until(partial(heard, far, number))
            header, payload = far.got[-1]
            at, length, use, loan = header["memory"]
            assert (payload, at, length, use) == (b"", slot.at, LARGE, slot.use)
            for answer in answers:
                assert placed(arena).at != at
                done = [(number, "done", "")] if answer == "done" else []
                far.say(memory=address(arena).token, done=done, read=[loan] if answer == "read" else [])
                b.hub.serve(0.05)
            again = placed(arena)
            assert again.at == at
        assert told.verdicts == {1: ("done", ""), 2: ("done", "")}
        arena.close()


@pytest.mark.parametrize("how", ["whole", "incarnation"])
def test_what_a_lost_state_or_a_dead_reader_had_comes_back(how: str) -> None:
    with bench() as b:
        arena, told = Arena(), Told()
        push, far = lent(b, arena)
        slot = placed(arena)
        put(push, told, 1, slot)
        b.until(lambda: far.hear() == [1])
        far.say(memory=address(arena).token, done=[(1, "done", "")])  # the state that said read=[1] was lost
        b.until(lambda: 1 in told.verdicts)
        assert placed(arena).at != slot.at
        if how == "whole":
            echo = far.echo

            def pinged() -> bool:
                far.say(memory=address(arena).token)  # it is alive
                return bool(far.hear()) and far.echo > echo

            b.until(pinged)
            far.say(memory=address(arena).token, open=[], reading=[])
        else:
            far.say(open=[], incarnation="two")
        b.until(lambda: not push._pullers[0].loans)
        assert placed(arena).at == slot.at
        arena.close()


def test_who_does_not_say_that_it_reads_the_arena_gets_the_payload_itself() -> None:
    with bench() as b:
        arena, told = Arena(), Told()
        push, [far] = b.push("far.1", arena=arena)
        far.say(open=[])
        put(push, told, 1, placed(arena))
        b.until(lambda: far.hear() == [1])
        assert ("memory" in far.got[0][0], far.got[0][1]) == (False, BODY)
        arena.close()


def test_a_payload_is_handed_out_where_it_lies_and_its_loan_goes_back_with_the_last_view() -> None:
    with bench() as b:
        arena = Arena()
        pull, far, queue = b.pull()
        far.ping(1, memory=address(arena))
        b.until(lambda: far.last().get("memory") == address(arena).token)
        slot = placed(arena)
        far.give(1, b"", memory=(slot.at, len(slot), slot.use, 41))
        b.until(lambda: len(queue) == 1)
        item = queue.popleft()[1]
        assert bytes(item.payload) == BODY
        pull.release(item)
        pull.finish(item, "done", "")
        b.until(lambda: any(state.get("reading") == [41] and not state["open"] for state in far.hear()))
        item.payload = b""
        b.until(lambda: any(41 in state["read"] for state in far.hear() if "read" in state))
        assert b.said == []
        arena.close()


def test_a_reader_that_cannot_have_the_memory_says_why_and_goes_on() -> None:
    with bench() as b:
        _, far, queue = b.pull()
        far.ping(1, memory=(os.getpid(), 999_999, "0" * 16))
        far.ping(2, memory=(os.getpid(), 999_999, "0" * 16))
        far.give(1, BODY)
        far.give(2, b"", memory=(65536, LARGE, 1, 1))  # nobody has agreed to that
        far.give(3, BODY)
        b.until(lambda: [item.n for _, item in queue] == [1, 3])
        shares, ignores = b.said
        assert shares.startswith("shares no memory with far.1: No such file or directory; large payloads on")
        assert ignores.startswith("ignores what far.1 sent")
        assert "memory" not in far.last()


RAW = """
import numpy
from bus import Message, progress

def raw(*, count=100):
    for number in range(count):
        pixels = numpy.full((200, 300, 3), number % 251, numpy.uint8)
        yield Message(pixels, stream="s", number=number, name=f"{number}.bin")
        pixels[:] = 255  # its own again
        progress(number + 1, count)
"""

INVERT = """
def invert(frames):
    seen = []
    for frame in frames:
        seen = [*seen[-20:], (frame.number % 251, frame.array)]
        for value, pixels in seen:
            assert (pixels == value).all(), f"written over: {value}"
        yield frame.replace(255 - frame.array)
"""

CHECK = """
import os

def check(frames, *, folder="out"):
    os.makedirs(folder, exist_ok=True)
    for frame in frames:
        assert frame.array.shape == (200, 300, 3) and len({*frame.bytes}) == 1
        with open(f"{folder}/.{os.getpid()}", "wb") as file:
            file.write(frame.bytes[:1])
        os.rename(file.name, f"{folder}/{frame.name}")
"""


def test_raw_frames_are_right_whoever_is_killed(tmp_path: Path) -> None:
    rng, kills = random.Random(5), 12
    with Graph(tmp_path) as graph:
        graph.node("raw", RAW, "--count=300", push="frames")
        graph.node("invert", INVERT, pull="frames", push="inverted", replicas=2)
        graph.node("check", CHECK, pull="inverted")
        graph.start()

        def disturb() -> None:
            nonlocal kills
            if kills and graph.count() > (12 - kills) * 20:
                kills -= graph.kill_one(rng, "raw", "invert", "check")

        graph.finish(disturb, 60)
        saved = graph.saved()
        logs = "".join(graph.log(replica) for replica in ("invert.1", "invert.2", "check.1"))
    assert saved == {f"{n}.bin": bytes([255 - n % 251]) for n in range(300)}
    assert kills == 0
    assert "written over" not in logs
    assert "Error" not in logs, logs
    assert "ignores" not in logs, logs


def test_a_node_maps_the_arena_of_the_one_before_it(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node("raw", RAW, "--count=60", push="frames")
        graph.node("check", CHECK, pull="frames")
        graph.start()
        until(lambda: graph.count() > 5, 30, "frames")
        check = graph._processes["check.1"]
        check.send_signal(signal.SIGSTOP)
        maps = Path(f"/proc/{check.pid}/maps").read_text()
        check.send_signal(signal.SIGCONT)
        graph.finish()
        assert "memfd:arena" in maps
        assert graph.saved() == {f"{n}.bin": bytes([n % 251]) for n in range(60)}
