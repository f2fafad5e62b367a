"""The trace that a node writes: what came when, and when user code had it."""

import json
import time
from pathlib import Path

from tests.conftest import until
from tests.test_measures import SLEEPS
from tests.wiring import PASS_ON, SINK, SOURCE, Graph, expected


def test_the_trace_has_a_line_for_each_message_at_each_node_and_may_be_renamed_away(tmp_path: Path) -> None:
    taken: dict[str, list[list[object]]] = {"source.1": [], "filter.1": [], "sink.1": []}

    def take() -> bool:
        """Read what was renamed away a while ago: its writer may have had it open. Whether that was all."""
        for replica, lines in taken.items():
            file, away = graph.run / f"{replica}.trace", tmp_path / f"{replica}.taken"
            if away.exists() and time.time() - away.stat().st_ctime > 0.2:
                lines += [json.loads(line) for line in away.read_text().splitlines()]
                away.unlink()
            if file.exists() and not away.exists():
                file.rename(away)
        return not [*graph.run.glob("*.trace"), *tmp_path.glob("*.taken")]

    began = time.time_ns()
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=300", push="frames")
        graph.node("filter", SLEEPS, "--seconds=0.005", pull="frames", push="results")
        graph.node("sink", SINK, pull="results")
        graph.start(more=["--trace"])
        graph.finish(take)
        until(take)
        assert graph.saved() == expected(300, marks="")
    for lines in taken.values():
        assert [line[:3] for line in lines] == [["s", n, f"s-{n:06d}.bin"] for n in range(300)]
        for _, _, _, *times in lines:
            arrived, begun, ended, captured = times
            assert began < captured <= arrived <= begun < ended < time.time_ns()  # type: ignore[operator]
    assert all(ended - begun >= 5e6 for *_, begun, ended, _ in taken["filter.1"])  # type: ignore[operator]
    assert all(arrived == begun == captured for *_, arrived, begun, _, captured in taken["source.1"])


def test_without_trace_there_is_none(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=3", push="frames")
        graph.node("filter", PASS_ON, pull="frames", push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish()
        assert not list(graph.run.glob("*.trace"))
        assert not [*graph.run.glob("*.before"), *graph.run.glob("*.after")]
