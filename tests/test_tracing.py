"""--trace: the way of each frame, as Perfetto and chrome://tracing read it."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from host.command import processes
from host.graph import load
from host.runfolder import Refused
from host.view.lanes import MOST_LANES, Lanes
from host.view.tracing import Tracing
from tests.conftest import until
from tests.launch import Launch
from tests.two_hosts import TwoHosts

MS = 1_000_000  # nanoseconds
T0 = 1_700_000_000_000_000_000


def events(path: Path) -> list[dict[str, Any]]:
    """What a viewer reads: the array's end may be missing."""
    text = path.read_text()
    found = json.loads(text if text.rstrip().endswith("]") else f"{text}]")
    assert isinstance(found, list)
    return found


def check(found: list[dict[str, Any]]) -> None:
    """Whether all of it is in the form that viewers ask for: names, nested slices, flows that begin and stay bound."""
    slices, names = defaultdict(list), set()
    for event in found:
        if event["ph"] == "M":
            names.add((event["name"], event["pid"], event.get("tid") if event["name"] == "thread_name" else None))
        else:
            assert isinstance(event["ts"], float)
            assert event["ts"] > 1e15
        if event["ph"] == "X":
            assert event["dur"] > 0
            slices[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for (pid, tid), these in slices.items():
        assert {("process_name", pid, None), ("thread_name", pid, tid)} <= names
        outer: list[tuple[float, float]] = []
        for begun, ended in sorted(these, key=lambda one: (one[0], -one[1])):
            while outer and outer[-1][1] <= begun + 0.01:
                outer.pop()
            assert not outer or ended <= outer[-1][1] + 0.5, "slices that overlap and are not nested"
            outer.append((begun, ended))
    for event in found:
        if event["ph"] in "stf":
            place = slices[event["pid"], event["tid"]]
            assert any(begun <= event["ts"] <= ended for begun, ended in place), "a flow that is bound to no slice"
    opened = {(event["cat"], event["id"]): event["ts"] for event in found if event["ph"] == "b"}
    for event in found:
        if event["ph"] == "e":
            assert opened.pop((event["cat"], event["id"])) <= event["ts"]
    assert not opened


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def write(run: Path, replica: str, *records: tuple[int, float, float, float, float]) -> None:
    """Frames of these numbers, with when each arrived, was begun, ended and captured, in ms."""
    lines = [
        json.dumps(["cam", number, f"cam/{number}.jpg", *(T0 + int(time * MS) for time in times)])
        for number, *times in records
    ]
    with open(run / f"{replica}.trace", "a") as file:
        file.write("".join(f"{line}\n" for line in lines))


def tracing(folder: Path, run: Path, host: str = "robot") -> Tracing:
    graph = load(TwoHosts(folder / "hosts", 5560).robot / "graph.yaml")
    return Tracing(folder / "out.json", graph, processes(graph, run, host), run, lambda words: None)


def test_a_frame_is_one_flow_through_all_nodes(tmp_path: Path, run: Path) -> None:
    for host in ("robot", "station"):
        folder = tmp_path / host
        folder.mkdir()
        trace = tracing(folder, run, host)
        if host == "robot":
            write(run, "watcher.1", (1, 0, 0, 5, 0), (2, 1, 1, 6, 1))
        else:
            write(run, "converter.1", (1, 6, 6, 20, 0), (2, 7, 20, 30, 1))
        trace.close()
    robot, station = (events(tmp_path / host / "out.json") for host in ("robot", "station"))
    check(robot)
    check(station)
    flows = [[(event["ph"], event["id"]) for event in found if event["ph"] in "stf"] for found in (robot, station)]
    first, second = flows[0][0][1], flows[0][1][1]
    assert flows == [[("s", first), ("s", second)], [("f", first), ("f", second)]]
    assert first != second
    waits = [event["ts"] for event in station if event["ph"] in "be"]
    assert [int(wait * 1000) - T0 for wait in waits] == pytest.approx([7 * MS, 20 * MS], abs=1000)
    names = {event["args"]["name"] for event in station if event["ph"] == "M"}
    assert names == {"station/converter", "converter.1", "converter.2"}


def test_the_times_of_another_host_are_those_of_the_first(tmp_path: Path, run: Path) -> None:
    (run / "clocks.json").write_text(json.dumps({"watcher.1": -40 * MS, "splitter.1": -40 * MS}))
    trace = tracing(tmp_path, run, "station")
    write(run, "converter.1", (1, 6, 6, 20, 0))
    trace.close()
    [work] = [event for event in events(tmp_path / "out.json") if event["ph"] == "X"]
    assert int(work["ts"] * 1000) - T0 == pytest.approx(46 * MS, abs=1000)


def test_lines_that_come_after_the_file_was_renamed_are_read_and_torn_ones_left_out(tmp_path: Path, run: Path) -> None:
    trace = tracing(tmp_path, run)
    write(run, "watcher.1", (1, 0, 0, 1, 0))
    with open(run / "watcher.1.trace", "a") as file:  # a node that has it open since before
        trace.look({})
        file.write(json.dumps(["cam", 2, "cam/2.jpg", *[T0 + 2 * MS] * 4]) + "\n")
        file.write('["cam", 3, "cam/3')
    trace.look({})
    assert [event["args"]["number"] for event in events(tmp_path / "out.json") if event["ph"] == "X"] == [1, 2]
    assert not [*run.iterdir()]


def test_a_batch_is_nested_and_what_overlaps_otherwise_has_lines_of_its_own() -> None:
    lanes = Lanes()
    assert lanes.place(0, 10 * MS) == (0, 10 * MS, True)
    assert lanes.place(1 * MS, 10 * MS + 500) == (0, 10 * MS, False)  # of the same batch
    assert lanes.place(5 * MS, 15 * MS) == (1, 15 * MS, True)
    assert lanes.place(12 * MS, 20 * MS) == (0, 20 * MS, False)
    assert lanes.place(15 * MS, 16 * MS)[0] == 0
    for number in range(2 * MOST_LANES):
        assert lanes.place((20 + number) * MS, 1000 * MS * (number + 1))[0] < MOST_LANES


def test_a_trace_that_cannot_be_written_is_refused(tmp_path: Path, run: Path) -> None:
    (tmp_path / "out.json").mkdir()
    with pytest.raises(Refused, match=r"out\.json cannot be written: Is a directory"):
        tracing(tmp_path, run)


def test_a_run_leaves_a_trace_of_every_frame(tmp_path: Path) -> None:
    with Launch(tmp_path, "splitter.limit=40", "splitter.size=160x120", "--trace", "out.json") as graph:
        assert graph.ends() == 0
    found = events(tmp_path / "out.json")
    check(found)
    assert (tmp_path / "out.json").read_text().endswith("\n]\n")
    flows: dict[int, list[str]] = defaultdict(list)
    for event in sorted((event for event in found if event["ph"] in "stf"), key=lambda event: event["ts"]):
        flows[event["id"]].append(event["ph"])
    assert list(flows.values()) == [["s", "f"]] * 40
    work = [event["args"]["number"] for event in found if event["ph"] == "X" and event["pid"] == 3]
    assert sorted(work) == list(range(40))


def test_a_killed_launcher_leaves_a_trace_that_can_be_opened(tmp_path: Path) -> None:
    words = "splitter.source=test:forever", "splitter.size=160x120", "--trace", "out.json"
    with Launch(tmp_path, *words) as graph:
        until(lambda: '"ph":"f"' in _text(tmp_path / "out.json"), 30)
        graph.process.kill()
        graph.process.wait()
    check([event for event in events(tmp_path / "out.json") if event["ph"] != "b" and event["ph"] != "e"])


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
