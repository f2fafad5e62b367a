"""Whose it is: a verdict, a blame or a name reaches the frame that it is about, and no other."""

from pathlib import Path

from tests.test_outputs import OWNER, verdicts
from tests.wiring import SINK, SOURCE, Graph, expected

IN_BATCHES = """
from bus import batches

def pass_on(frames):
    for batch in batches(frames, 8, 0.2):
        for frame in batch:
            yield frame.replace(frame.bytes + b"+")
"""
SETTINGS = """
from bus import Message

def source():
    yield Message(b"3", stream="settings", number=0, name="settings.txt")
"""


def test_what_is_rejected_downstream_of_a_batch_takes_no_other_frame_with_it(tmp_path: Path) -> None:
    judge = """
def judge(frames):
    for frame in frames:
        if frame.number == 3:
            frame.reject("no face in it")
"""
    with Graph(tmp_path) as graph:
        graph.node("source", OWNER, "--count=20", push="frames")
        graph.node("filter", IN_BATCHES, pull="frames", push="results")
        graph.node("judge", judge, pull="results")
        graph.start()
        graph.finish()
        told = verdicts(graph)

        assert [number for number, (verdict, _) in told.items() if verdict != "done"] == [3]
        assert "no face in it" in told[3][1]
        assert len(told) == 20


def test_a_killer_from_one_pusher_takes_no_frame_of_another_with_it(tmp_path: Path) -> None:
    source = SOURCE.replace("count=100", "count=20")
    victim = """
import os
from bus import batches

def sink(frames, *, folder="out"):
    os.makedirs(folder, exist_ok=True)
    for batch in batches(frames, 8, 0.2):
        if any(frame.name == "a-000003.bin" for frame in batch):
            os._exit(7)
        for frame in batch:
            with open(f"{folder}/{frame.name}", "wb") as file:
                file.write(frame.bytes)
"""
    with Graph(tmp_path) as graph:
        graph.node("source", source, "--stream=a", push="frames")
        graph.node("other", source, "--stream=b", push="frames")
        graph.node("sink", victim, pull="frames")
        graph.start()
        graph.finish()

        all_of_them = {f"{stream}-{number:06d}.bin" for stream in "ab" for number in range(20)}
        assert set(graph.saved()) == all_of_them - {"a-000003.bin"}


def test_an_exception_blames_what_was_asked_for_last_and_not_what_another_input_holds(tmp_path: Path) -> None:
    fails = """
def pass_on(settings, frames):
    add = next(settings).bytes
    for frame in frames:
        if frame.number == 5:
            raise ValueError("five")
        yield frame.replace(frame.bytes + add)
"""
    with Graph(tmp_path) as graph:
        graph.node("settings", SETTINGS, push="settings")
        graph.node("source", SOURCE, "--count=8", push="frames")
        graph.node("filter", fails, pull={"settings": "settings", "frames": "frames"}, push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish()

        assert graph.books("source.1")["dead"] == 1
        assert graph.books("settings.1")["dead"] == 0
        assert set(graph.saved()) == {f"s-{number:06d}.bin" for number in range(8) if number != 5}


def test_results_keep_their_names_while_another_input_is_held(tmp_path: Path) -> None:
    adds = """
def pass_on(settings, frames):
    add = next(settings).bytes
    for frame in frames:
        yield frame.replace(frame.bytes + add)
"""
    with Graph(tmp_path) as graph:
        graph.node("settings", SETTINGS, push="settings")
        graph.node("source", OWNER, "--count=8", push="frames")
        graph.node("filter", adds, pull={"settings": "settings", "frames": "frames"}, push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish()

        assert graph.saved() == {name: body[:-1] + b"3" for name, body in expected(8).items()}


def test_an_image_of_its_own_that_a_node_cannot_decode_is_a_fault_that_is_logged(tmp_path: Path) -> None:
    junk = """
from bus import Message

def pass_on(frames):
    for frame in frames:
        logo = Message(b"junk").image
        yield frame
"""
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=1", push="frames")
        graph.node("filter", junk, pull="frames", push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish()

        assert "logo = Message" in graph.log("filter.1")
        assert graph.books("source.1")["dead"] == 1
        assert "Undecodable" in graph.log("source.1")


def test_the_longer_of_two_inputs_in_step_is_dropped_to_its_end(tmp_path: Path) -> None:
    both = """
def pass_on(left, right):
    for one, other in zip(left, right):
        yield one.replace(one.bytes + other.bytes)
"""
    with Graph(tmp_path) as graph:
        graph.node("short", SOURCE, "--count=4", push="left")
        graph.node("source", OWNER, "--count=9", push="right")
        graph.node("filter", both, pull={"left": "left", "right": "right"}, push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish()
        told = verdicts(graph)

        assert len(graph.saved()) == 4
        assert "came after the end of another input" in told[8][1]
