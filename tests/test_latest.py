"""keep: latest drops the older frames that were not sent, counts them exactly, and says which numbers will not come."""

from pathlib import Path

from tests.peers import META, Told, bench
from tests.wiring import PASS_ON, PATIENCE, SINK, SOURCE, Graph, expected

DROPPED = ("dropped", 'a newer frame came on "frames"')


def test_a_newer_frame_finishes_the_older_one_that_was_not_sent() -> None:
    with bench() as b:
        push, [far] = b.push("far.1", keep="latest")
        told = Told()
        for number in range(1, 6):
            assert push.room()
            told.put(push, number)
        assert told.verdicts == dict.fromkeys((1, 2, 3, 4), DROPPED)
        far.say(open=[], credit=2)
        b.until(lambda: len(far.hear()) == 2)
        [(skip, _), (message, payload)] = far.got
        assert (skip["kind"], skip["meta"]) == ("skip", {"stream": "s", "number": 1, "last": 4})
        assert (message["kind"], message["meta"]["number"], payload) == ("message", 5, b"x")
        far.say(done=[(n, "done", "") for n in far.hear()])
        b.until(lambda: 5 in told.verdicts)
        assert told.verdicts[5] == ("done", "")
        assert push.idle


def test_a_puller_that_stands_still_costs_no_memory_however_many_frames_of_however_many_streams_come() -> None:
    with bench() as b:
        push, [far] = b.push("far.1", keep="latest")
        told: list[str] = []
        for number in range(20_000):
            for stream in ("left", "right"):
                push.put({**META, "stream": stream, "number": number}, b"x", lambda verdict, _: told.append(verdict))
        assert told == ["dropped"] * 39_999
        far.say(open=[], credit=1000)
        b.until(lambda: far.hear() and far.got[-1][0]["kind"] == "message")
        skips = {header["meta"]["stream"]: header["meta"] for header, _ in far.got[:-1]}
        assert len(far.got) == 3, "one skip for each stream, and the newest frame"
        assert skips["left"] == {"stream": "left", "number": 0, "last": 19_999}
        assert skips["right"] == {"stream": "right", "number": 0, "last": 19_998}


def test_what_a_puller_has_unfinished_is_bounded_for_latest_too() -> None:
    with bench() as b:
        push, [far] = b.push("far.1", keep="latest")
        far.say(open=[], credit=1000)
        b.until(lambda: far.hear() == [] and far.epoch)
        Told().put(push, *range(1000))
        b.until(lambda: len(far.hear()) == 64)
        for _ in range(20):
            b.hub.serve(0.005)
        assert len(far.hear()) == 64


def test_what_a_preview_was_not_shown_is_counted_though_all_is_done_on_the_other_branch(tmp_path: Path) -> None:
    slow = SINK.replace(
        "    for frame in frames:\n", "    import time\n    for frame in frames:\n        time.sleep(0.02)\n"
    )
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=300", push="frames")
        graph.node("filter", PASS_ON, pull="frames", push=["results", "preview"])
        graph.node("sink", SINK, pull="results")
        graph.node("screen", slow, "--folder=shown", pull="preview")
        graph.wire("preview", ",keep=latest")
        graph.start()
        graph.finish(seconds=PATIENCE)
        assert graph.saved() == expected(300)
        source, made, shown = graph.books("source.1"), graph.books("filter.1"), list((tmp_path / "shown").iterdir())
    assert (source["taken"], source["done"], source["dropped"]) == (300, 300, 0)
    assert 0 < len(shown) < 290
    assert made["sent"] == 300
    assert made["passed_over"] == 300 - len(shown)
    assert source["passed_over"] == 0


def test_a_slow_sink_gets_the_newest_frames_and_the_books_count_every_other_as_dropped(tmp_path: Path) -> None:
    hasty = """
import time
from bus import Message

def source(*, count=300):
    for number in range(count):
        yield Message(b"%d" % number, stream="s", number=number, name=f"s-{number:06d}.bin")
        if number % 100 == 99:
            time.sleep(0.3)
"""
    slow = SINK.replace(
        "    for frame in frames:\n", "    import time\n    for frame in frames:\n        time.sleep(0.02)\n"
    )
    with Graph(tmp_path) as graph:
        graph.node("source", hasty, push="frames")
        graph.node("filter", PASS_ON, pull="frames", push="results")
        graph.node("sink", slow, pull="results")
        for wire in ("frames", "results"):
            graph.wire(wire, ",keep=latest")
        graph.start()
        graph.finish(seconds=PATIENCE)
        books, saved = graph.books("source.1"), graph.saved()
        assert (books["taken"], books["dead"], books["on_the_way"]) == (300, 0, 0)
        assert books["done"] == len(saved) < 290
        assert books["dropped"] == 300 - len(saved) > 0
        assert books["passed_over"] + graph.books("filter.1")["passed_over"] == books["dropped"]
        assert saved["s-000299.bin"] == b"299+", "the newest always arrives"
