"""Messages that kill their node: each death is laid to what user code held, and to nothing else."""

import socket
from pathlib import Path

from tests.conftest import until
from tests.wiring import PASS_ON, SINK, SOURCE, Graph, expected


def run_chain(graph: Graph, code: str, count: int = 40, replicas: int = 1) -> None:
    graph.node("source", SOURCE, f"--count={count}", push="frames")
    graph.node("filter", code, pull="frames", push="results", replicas=replicas)
    graph.node("sink", SINK, pull="results")
    graph.start()
    graph.finish()


def without(*numbers: int, count: int = 40) -> dict[str, bytes]:
    return {name: body for name, body in expected(count).items() if int(name[2:8]) not in numbers}


def dead_letters(graph: Graph) -> dict[str, str]:
    """name -> reason of what lies in dead-letters/source."""
    return {
        file.name.removesuffix(".txt"): file.read_text()
        for file in (graph.folder / "dead-letters/source").glob("*.txt")
    }


def test_a_message_that_kills_its_node_three_times_becomes_a_dead_letter_and_all_others_arrive(tmp_path: Path) -> None:
    killer = """
import os

def pass_on(frames):
    for frame in frames:
        if frame.number == 17:
            os._exit(9)
        yield frame.replace(frame.bytes + b"+")
"""
    with Graph(tmp_path) as graph:
        run_chain(graph, killer, replicas=2)
        assert graph.saved() == without(17)
        [(name, reason)] = dead_letters(graph).items()
        assert name == "s-000017.bin"
        assert reason == f"filter on {socket.gethostname()}: died (3 times)\n", "only a launcher knows how"
        assert (tmp_path / "dead-letters/source" / name).read_bytes() == b"17"
        deaths = (graph.codes["filter.1"] + graph.codes["filter.2"]).count(9)
        assert 3 <= deaths <= 4  # the other replica may have it before the third death is reported
        books = graph.books("source.1")
    assert (books["done"], books["dead"], books["dropped"]) == (39, 1, 0)


def test_an_exception_is_logged_from_the_users_file_on_and_the_third_one_makes_a_dead_letter(tmp_path: Path) -> None:
    raising = """
def pass_on(frames):
    print("called")
    for frame in frames:
        if frame.number == 5:
            raise RuntimeError(f"no idea what {frame.name} is")
        yield frame.replace(frame.bytes + b"+")
"""
    with Graph(tmp_path) as graph:
        run_chain(graph, raising)
        assert graph.saved() == without(5)
        log = graph.log("filter.1")
        assert log.count("failed on s-000005.bin\n") == 3
        assert log.count("failed on s-000005.bin\nTraceback (most recent call last):\n") == 1
        assert log.count(f'File "{tmp_path}/filter.py", line 6, in pass_on') == 1
        for times in (2, 3):
            words = f"RuntimeError in filter.py, line 6, {times} times by now: no idea what s-000005.bin is"
            assert log.count(f"failed on s-000005.bin\n{words}\n") == 1
        assert "bus/node.py" not in log
        assert log.count("called\n") == 1 + 3
        assert graph.codes["filter.1"] == [0]
        [(name, reason)] = dead_letters(graph).items()
        assert name == "s-000005.bin"
        assert "filter on " in reason
        assert "RuntimeError: no idea what s-000005.bin is (3 times)" in reason


def test_a_batch_that_dies_blames_each_of_its_messages_once_and_then_they_travel_alone(tmp_path: Path) -> None:
    batching = """
import os
from bus import batches

def pass_on(frames):
    for batch in batches(frames, 4, seconds=0.2):
        print("batch", *(frame.number for frame in batch), flush=True)
        if any(frame.number == 6 for frame in batch):
            os._exit(9)
        for frame in batch:
            yield frame.replace(frame.bytes + b"+")
"""
    with Graph(tmp_path) as graph:
        run_chain(graph, batching)
        assert graph.saved() == without(6)
        assert list(dead_letters(graph)) == ["s-000006.bin"]
        log = graph.log("filter.1")
        batches = [line.split()[1:] for line in log.splitlines() if line.startswith("batch")]
        [together, *alone] = sorted((batch for batch in batches if "6" in batch), key=len, reverse=True)
        assert len(together) == 4
        assert alone == [["6"], ["6"]]
        assert all([number] in batches for number in together)


def test_an_exception_before_any_message_is_a_death(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=3", push="frames")
        graph.node("sink", 'def sink(frames):\n    raise OSError("no such camera")\n', pull="frames")
        graph.start()
        assert graph.wait("sink.1") == 1
        assert "OSError: no such camera" in graph.log("sink.1")
        until((graph.run / "source.1.books").exists, what="the source to have books")
        assert graph.books("source.1")["dead"] == 0


def test_an_image_that_cannot_be_decoded_is_rejected_at_once(tmp_path: Path) -> None:
    decoding = """
def pass_on(frames):
    for frame in frames:
        if frame.number == 3:
            frame.replace(data={"seen": True}).image
        yield frame.replace(frame.bytes + b"+")
"""
    with Graph(tmp_path) as graph:
        run_chain(graph, decoding)
        assert graph.saved() == without(3)
        [(name, reason)] = dead_letters(graph).items()
        assert name == "s-000003.bin"
        assert "cannot decode: not a whole JPEG" in reason
        assert "times" not in reason
        assert "Traceback" not in graph.log("filter.1")


def test_what_user_code_rejects_is_a_dead_letter_whatever_was_made_of_it(tmp_path: Path) -> None:
    rejecting = """
def pass_on(frames):
    for frame in frames:
        yield frame.replace(frame.bytes + b"+")
        if frame.number in (3, 4):
            frame.reject("too dark")
"""
    with Graph(tmp_path) as graph:
        run_chain(graph, rejecting)
        assert graph.saved() == expected(40)
        assert sorted(dead_letters(graph)) == ["s-000003.bin", "s-000004.bin"]
        assert all(reason.endswith(": too dark\n") for reason in dead_letters(graph).values())
        assert graph.books("source.1")["dead"] == 2


def test_an_error_of_many_words_still_makes_dead_letters(tmp_path: Path) -> None:
    verbose = """
def pass_on(frames):
    for frame in frames:
        if frame.number < 10:
            raise ValueError("\\N{SNOWMAN}" * 100_000)
        if frame.number < 20:
            frame.reject("\\N{SNOWMAN}" * 100_000)
        else:
            yield frame.replace(frame.bytes + b"+")
"""
    with Graph(tmp_path) as graph:
        run_chain(graph, verbose)
        assert graph.saved() == without(*range(20))
        assert len(dead_letters(graph)) == 20


def test_what_the_deed_of_an_owner_raises_is_fatal_and_laid_to_no_message(tmp_path: Path) -> None:
    owner = """
from bus import Message

def source():
    def deed(verdict, reason):
        raise KeyError("the deed")
    yield Message(b"1", name="1.bin", finish=deed)
"""
    with Graph(tmp_path) as graph:
        graph.node("source", owner, push="frames")
        graph.node("filter", PASS_ON, pull="frames", push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        assert graph.wait("source.1") == 1
        assert "KeyError: 'the deed'" in graph.log("source.1")
