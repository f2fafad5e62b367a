"""What goes out of a node: drops, several results, named outputs and inputs, copies to several wires, merges."""

from pathlib import Path

from bus import Message
from tests.conftest import until
from tests.peers import node
from tests.wiring import PASS_ON, PATIENCE, SINK, SOURCE, Graph, expected

OWNER = """
from bus import Message

def source(*, count=10):
    for number in range(count):
        def said(verdict, reason, number=number):
            print(f"{number} {verdict} {reason}", flush=True)
        yield Message(b"%d" % number, stream="s", number=number, name=f"s-{number:06d}.bin", finish=said)
"""


def verdicts(graph: Graph) -> dict[int, tuple[str, str]]:
    """number -> (verdict, reason) as OWNER was told."""
    lines = [line.split(" ", 2) for line in graph.log("source.1").splitlines()]
    assert len({number for number, _, _ in lines}) == len(lines), "each is told once"
    return {int(number): (verdict, reason) for number, verdict, reason in lines}


def test_what_a_node_does_not_pass_on_counts_as_dropped_and_the_owner_hears_where(tmp_path: Path) -> None:
    dropping = """
def pass_on(frames):
    for frame in frames:
        if frame.number % 3 == 0:
            continue
        yield frame
"""
    with Graph(tmp_path) as graph:
        graph.node("source", OWNER, push="frames")
        graph.node("filter", dropping, pull="frames", push="passed")
        graph.node("second", PASS_ON, pull="passed", push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish()
        assert graph.saved() == {name: body for name, body in expected(10).items() if int(name[2:8]) % 3}
        told = verdicts(graph)
        assert {number for number, (verdict, _) in told.items() if verdict == "dropped"} == {0, 3, 6, 9}
        assert "filter on " in told[3][1]
        assert "passed nothing on" in told[3][1]
        books = graph.books("source.1")
        assert (books["taken"], books["done"], books["dropped"]) == (10, 6, 4)
        assert (graph.books("second.1")["received"], graph.books("sink.1")["received"]) == (6, 6)


def test_dead_letters_lie_where_the_node_was_started_wherever_it_has_gone(tmp_path: Path) -> None:
    wandering = """
import os
from bus import Message

def source():
    os.mkdir("elsewhere")
    os.chdir("elsewhere")
    yield Message(b"1", stream="s", number=1, name="s-1.bin")
"""
    with Graph(tmp_path) as graph:
        graph.node("source", wandering, push="frames")
        graph.node("sink", "def sink(frames):\n    for frame in frames:\n        frame.reject('no')\n", pull="frames")
        graph.start()
        graph.finish()
        assert f"dead letter {tmp_path}/dead-letters/source/s-1.bin: sink on " in graph.log("source.1")
    assert (tmp_path / "dead-letters/source/s-1.bin").read_bytes() == b"1"


def test_the_second_result_of_one_input_under_the_same_name_gets_a_2(tmp_path: Path) -> None:
    twins = """
def pass_on(frames):
    for frame in frames:
        yield frame.replace(b"first")
        yield frame.replace(b"second")
        yield frame.replace(b"other", name=frame.name + ".txt")
"""
    with Graph(tmp_path) as graph:
        graph.node("source", OWNER, "--count=2", push="frames")
        graph.node("filter", twins, pull="frames", push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish()
        assert graph.saved() == {
            f"s-00000{n}{rest}": body
            for n in (0, 1)
            for rest, body in ((".bin", b"first"), (".2.bin", b"second"), (".bin.txt", b"other"))
        }
        assert verdicts(graph) == {0: ("done", ""), 1: ("done", "")}


def test_two_streams_with_equal_names_keep_them_when_they_meet_in_a_batch(tmp_path: Path) -> None:
    batching = """
from bus import batches

def pass_on(frames):
    for batch in batches(frames, 8, seconds=0.5):
        for frame in batch:
            yield frame.replace(name=f"{frame.number}.bin")
"""
    foldered = SINK.replace("{folder}/{frame.name}", "{folder}/{frame.stream}-{frame.name}")
    with Graph(tmp_path) as graph:
        graph.node("left", SOURCE, "--count=4", "--stream=left", push="frames")
        graph.node("right", SOURCE, "--count=4", "--stream=right", push="frames")
        graph.node("filter", batching, pull="frames", push="results")
        graph.node("sink", foldered, pull="results")
        graph.start()
        graph.finish()
        assert sorted(graph.saved()) == sorted(f"{side}-{n}.bin" for side in ("left", "right") for n in range(4))


def test_a_pair_goes_to_the_output_that_it_names(tmp_path: Path) -> None:
    sorting = """
def pass_on(frames):
    for frame in frames:
        yield "odd" if frame.number % 2 else "even", frame
"""
    with Graph(tmp_path) as graph:
        graph.node("source", OWNER, push="frames")
        graph.node("filter", sorting, pull="frames", push={"odd": "wire1", "even": "wire2"})
        graph.node("odds", SINK, "--folder=out/odd", pull="wire1")
        graph.node("evens", SINK, "--folder=out/even", pull="wire2")
        graph.start()
        graph.finish()
        assert sorted(file.name[-5] for file in (graph.out / "odd").glob("*.bin")) == list("13579")
        assert sorted(file.name[-5] for file in (graph.out / "even").glob("*.bin")) == list("02468")
        assert set(verdicts(graph).values()) == {("done", "")}


def test_each_input_gets_what_the_wire_of_its_name_brings(tmp_path: Path) -> None:
    zipping = """
def pass_on(left, right, missing=None):
    assert missing is None
    for frame in left:
        yield frame.replace(b"left")
    for frame in right:
        yield frame.replace(b"right")
"""
    with Graph(tmp_path) as graph:
        graph.node("first", SOURCE, "--count=5", "--stream=a", push="wire1")
        graph.node("other", SOURCE, "--count=5", "--stream=b", push="wire2")
        graph.node("filter", zipping, pull={"right": "wire1", "left": "wire2"}, push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish()
        assert graph.saved() == {
            f"{stream}-00000{n}.bin": body for stream, body in (("a", b"right"), ("b", b"left")) for n in range(5)
        }


def test_yielding_what_cannot_be_sent_is_final_and_says_what_can(tmp_path: Path) -> None:
    wrongs = {
        'yield "evne", frame': 'yielded to the output "evne", but its outputs are even, odd',
        "yield frame.image": "yielded Image: yield a message",
        "return [frame]": "returned list: a node yields its messages, one by one",
    }
    for number, (statement, words) in enumerate(wrongs.items()):
        with Graph(tmp_path) as graph:
            code = f"""
from PIL import Image
from bus import Message

def wrong():
    frame = Message(Image.new("L", (1, 1)))
    {statement}
"""
            graph.node("wrong", code, push={"odd": "wire1", "even": "wire2"})
            graph.node("odds", SINK, pull="wire1")
            graph.node("evens", SINK, pull="wire2")
            graph.start("wrong")
            assert graph.wait("wrong.1") == 2
            assert words in graph.log("wrong.1"), f"the statement {number}"


def test_a_copy_to_two_wires_is_finished_when_both_are_and_rejected_beats_done(tmp_path: Path) -> None:
    picky = """
def picky(frames):
    for frame in frames:
        if frame.number == 4:
            frame.reject("not mine")
"""
    with Graph(tmp_path) as graph:
        graph.node("source", OWNER, push=["wire1", "wire2"])
        graph.node("sink", SINK, pull="wire1")
        graph.node("picky", picky, pull="wire2")
        graph.start("source", "sink")
        until(lambda: graph.out.exists() and len(graph.saved()) == 1, PATIENCE)
        assert graph.log("source.1") == "", "one of two has it all before it"
        graph.start("picky")
        graph.finish()
        told = verdicts(graph)
        assert told.pop(4)[0] == "rejected"
        assert set(told.values()) == {("done", "")}
        books = graph.books("source.1")
        assert (books["done"], books["dead"]) == (9, 1)


def test_two_pushers_of_one_wire_are_merged_and_it_ends_when_both_have(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node("left", SOURCE, "--count=30", "--stream=left", push="frames")
        graph.node("right", SOURCE, "--count=30", "--stream=right", push="frames")
        graph.node("sink", SINK, pull="frames")
        graph.start("left", "sink")
        until(lambda: graph.ended("left.1"), PATIENCE)
        assert not graph.ended("sink.1")
        graph.start("right")
        graph.finish()
        assert graph.saved() == expected(30, "left", "") | expected(30, "right", "")


def test_what_a_source_leaves_out_is_said_on_each_wire_before_what_comes_next() -> None:
    with node(2) as n:
        for puller in n.beyond:
            puller.say(open=[], credit=20)
        n.until(lambda: all(push._pullers[0].up for push in n.outputs.wires))
        both, [first, second] = n.outputs.wires, [[push] for push in n.outputs.wires]
        for number, captured, wires in (
            (2, 10, both), (3, 20, first), (5, 30, both), (4, 25, first), (1, 40, second), (2, 50, second),
        ):  # fmt: skip
            n.outputs.send(Message(b"x", stream="s", number=number, captured=captured), wires, [])
        n.until(lambda: [len(puller.hear()) for puller in n.beyond] == [6, 7])

        numbers = [[(h["kind"][0], h["meta"]["number"], h["meta"].get("last")) for h, _ in p.got] for p in n.beyond]
        m, s = "m", "s"
        assert numbers[0] == [(s, 0, 1), (m, 2, None), (m, 3, None), (s, 4, 4), (m, 5, None), (m, 4, None)]
        assert numbers[1] == [
            (s, 0, 1), (m, 2, None), (s, 3, 4), (m, 5, None), (s, 0, 0), (m, 1, None), (m, 2, None),
        ]  # fmt: skip


def test_the_numbers_of_a_stream_that_came_in_are_not_for_this_node_to_follow() -> None:
    with node(1) as n:
        n.beyond[0].say(open=[], credit=20)
        n.far.give(1)
        assert next(n.frames).number == 1
        n.frames.let_go()
        n.outputs.send(Message(b"x", stream="s", number=9), n.outputs.wires, [])
        n.until(lambda: len(n.beyond[0].hear()) == 2)

        assert [(header["kind"], header["meta"]["number"]) for header, _ in n.beyond[0].got] == [
            ("skip", 1),
            ("message", 9),
        ]
