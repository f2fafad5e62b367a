"""The table of a graph, line by line."""

import time
from pathlib import Path
from typing import Any

import pytest

from host.view import table
from host.view.facts import NODE, REPLICA, STATUS, WIRE, fitted
from host.view.live import Live
from host.view.report import Report
from host.view.screen import Screen
from tests.terminal import Terminal


def replica(name: str, state: str = "runs", **more: Any) -> dict[str, Any]:
    return {**fitted({}, REPLICA), "name": name, "state": state, "memory": 82_000_000, "cpu": 0.5, **more}


def node(name: str, *replicas: dict[str, Any], **more: Any) -> dict[str, Any]:
    rates = {"in": 24.96, "out": 0.0, "done": 0.0, "made": 0.0}
    return {
        **fitted({"name": name, "rates": rates, "shares": {"working": 0.5}}, NODE),
        "replicas": [*replicas] or [replica(f"{name}.1")],
        "state": "runs",
        **more,
    }


def graph(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    host = {**dict.fromkeys(("offset", "round_trip")), "machine": {"cores": 2, "busy": 1.0}, "age": 0.0}
    known = {"graph": "/a/graph.yaml", "began": time.time() - 14, "state": "runs"}
    return {**fitted(known, STATUS), "nodes": [*nodes], "hosts": [{**host, "name": "", "state": "here"}], **more}


def row(lines: list[str], name: str) -> str:
    return next(line for line in lines if line.startswith(name))


def test_a_node_has_its_state_and_its_numbers() -> None:
    seen = node("converter", replica("converter.1", restarts=2), replica("converter.2", restarts=1))
    seen["latency"]["work"]["now"] = {"p50": 0.0351, "p95": 0.06, "p99": 1.26}
    assert row(table.lines(graph(seen), 79), "converter").split() == [
        *("converter", "x", "2", "runs", "25.0/s", "50", "%", "35", "ms", "1.3", "s", "3", "164", "MB", "1.00")
    ]


def test_a_wire_has_what_waits_on_it_and_what_it_dropped() -> None:
    known = {"name": "frames", "from": ["camera"], "to": "show", "rate": 120.4, "bytes_rate": 2_500_000.0}
    wire = fitted({**known, "unfinished": 33, "oldest": 2.41, "passed_over": 5, "outdated": 2, "pipes": 2}, WIRE)
    lines = table.lines(graph(node("camera"), wires=[wire]), 79)
    assert row(lines, "frames").split() == ["frames", "120/s", "2.5", "MB/s", "33", "2.4", "s", "7", "0", "of", "2"]
    assert "camera → show" in row(table.lines(graph(node("camera"), wires=[wire]), 120), "frames")


def test_the_first_line_names_what_is_not_as_it_should_be() -> None:
    sums = {**graph()["sums"], "done": 7, "on_the_way": 1, "backlog": 2}
    assert table.lines(graph(sums=sums), 79)[0] == "runs 14 s: done 7, waiting 3; 0.0/s"
    sums |= {"dead": 1, "dropped": 4, "unaccounted": 1}
    words = "runs 14 s: done 7, dead letters 1, dropped 4, unaccounted for 1, waiting 3; 0.0/s"
    assert table.lines(graph(sums=sums), 120)[0] == words


def test_of_an_elastic_node_it_is_said_how_many_there_are_of_how_many_and_where(tmp_path: Path) -> None:
    scale = {"least": 2, "most": 32, "wanted": 4, "running": 3, "pending": 1, "why": "pending: no GPU is free"}
    there = [replica(f"nap.{number}", machine=f"10.0.0.{9 - number // 2}") for number in (1, 2, 3)]
    spare = [replica(f"nap.{number}", "spare", memory=0, cpu=0.0) for number in range(5, 33)]
    seen = table.lines(graph(node("nap", *there, replica("nap.4", "pending"), *spare, scale=scale)), 140)
    assert seen[1] == "nap 3 of 4 run, 2 to 32 may; 1 pending (pending: no GPU is free); on 10.0.0.8: 2, 10.0.0.9: 1"
    assert row(seen, "nap x 4")
    assert not any("nap.5" in line for line in seen)


def test_who_does_not_work_is_named_with_why() -> None:
    seen = node(
        "nap", replica("nap.1"), replica("nap.2", "crash loop", words="was killed by SIGKILL"), state="crash loop"
    )
    assert table.lines(graph(seen), 79)[1] == "nap.2 crash loop: was killed by SIGKILL"


def test_why_replicas_wait_is_said_of_a_fixed_number_too_and_is_wrapped_and_not_cut() -> None:
    why = "the only machine of the cluster has not 1 CPU, 1 GPU (the most that one has: 2 CPU, 0 GPU)"
    scale = {"least": 2, "most": 2, "wanted": 2, "running": 0, "pending": 2, "why": why}
    waits = [replica(f"tint.{number}", "pending", words=why) for number in (1, 2)]
    for width in (45, 60, 100, 200):
        seen = table.lines(graph(node("tint", *waits, state="pending", scale=scale)), width)
        said = " ".join(seen[1 : next(place for place, line in enumerate(seen) if line.startswith("node "))])
        assert said == f"tint 0 of 2 run; 2 pending ({why})"
        assert max(map(len, seen)) <= width


def test_nodes_that_start_in_a_fixed_number_have_no_line() -> None:
    scale = {"least": 2, "most": 2, "wanted": 2, "running": 0, "pending": 2, "why": "starts"}
    assert (
        table.lines(graph(node("tint", replica("tint.1", "starts"), state="starts", scale=scale)), 79)[1][:4] == "node"
    )


def test_a_source_with_an_end_has_a_bar_and_the_time_that_is_left() -> None:
    seen = node(
        "camera", counters={"made": 250, "total": 750}, rates={"in": 0.0, "out": 0.0, "done": 0.0, "made": 25.0}
    )
    bar = table.lines(graph(seen), 79)[-1]
    assert bar.startswith("camera ━━━━━━━━")
    assert bar.endswith(" 250 of 750, 20 s left")


def test_hosts_are_shown_where_there_are_several_and_old_numbers_have_their_age() -> None:
    seen = graph(node("camera", host="robot"), node("show", host="gpu", age=9.4), host="robot")
    here = {**seen["hosts"][0], "name": "robot"}
    other = {**here, "name": "gpu", "state": "silent", "age": 9.4, "offset": -0.0012, "round_trip": 0.0042}
    lines = table.lines({**seen, "hosts": [here, other]}, 100)
    assert "runs, 9.4 s ago" in row(lines, "show @ gpu")
    assert row(lines, "gpu").split() == [
        *("gpu", "silent", "9.4", "s", "ago", "-1.2", "ms", "4.2", "ms", "1.0", "of", "2")
    ]


def test_a_launcher_that_says_nothing_is_told() -> None:
    seen = graph(node("camera"))
    seen["hosts"][0].update(state="silent", age=8.0)
    assert "the launcher has said nothing for 8.0 s: it hangs, or is stopped" in table.lines(seen, 100)


@pytest.mark.parametrize("width", [20, 45, 63, 79, 100, 200])
def test_no_line_is_longer_than_there_is_room_and_no_row_is_broken_in_two(width: int) -> None:
    nodes = [node(f"node_with_a_rather_long_name_{number}", counters={"total": 9, "made": 1}) for number in range(30)]
    known = {"name": "a_wire_with_a_rather_long_name", "from": [nodes[0]["name"]], "to": nodes[1]["name"]}
    lines = table.lines(graph(*nodes, wires=[fitted(known, WIRE)], bottleneck="x " * 80), width)
    assert max(map(len, lines)) <= width
    assert len(lines) == 1 + 2 + 30 + 2 + 1 + 30 + 1


def test_what_does_not_fit_in_height_is_counted() -> None:
    lines = table.lines(graph(*(node(f"node{number}") for number in range(30))), 79, 10)
    assert len(lines) == 10
    assert lines[-1] == "… 24 more lines: python launcher.py graph.yaml status"


def test_nothing_in_it_commands_a_terminal() -> None:
    words = "\x1b[2J\x1b]0;title\x07[red]no markup[/red] :smile:"
    seen = node("a", replica("a.1", "rests", words=words), state="\x1b[5mblinks")
    text = "\n".join(table.lines(graph(seen, bottleneck=words), 120))
    assert "\x1b" not in text
    assert "[red]no markup[/red] :smile:" in text
    assert "\x1b[32m" in "\n".join(table.lines(graph(node("a")), 120, colours=True))


def test_a_table_that_cannot_be_drawn_does_not_cost_the_graph(tmp_path: Path) -> None:
    terminal = Terminal(160, 24)
    screen = Screen(terminal.inner)
    report = Report([], terminal.inner, screen=screen)
    live = Live(report, screen, tmp_path)
    for _ in range(2):
        live.show({"nodes": "none of the form that it should have"})
    report.flush()
    [line, _] = terminal.read()
    assert "the table is not shown any more: " in line
    terminal.close()
