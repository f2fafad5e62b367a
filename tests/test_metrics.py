"""The numbers of a graph in OpenMetrics' form, and in the older one, as Prometheus reads them."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bus.books import SHORTEST, bucket
from host.graph import load
from host.view import metrics, overview
from host.view.facts import NODE, REPLICA, STATUS, WIRE, fitted
from tests.conftest import need, until
from tests.launch import Launch


def known(graph: str = "/g.yaml", **counters: int) -> dict[str, Any]:
    """A graph of one camera and one wire."""
    replica = {**fitted({}, REPLICA), "name": "camera.1", "state": "runs", "counters": counters, "memory": 5000}
    node = {**fitted({}, NODE), "name": "camera", "state": "runs", "replicas": [replica], "pushes": ["frames"]}
    wire = fitted({"name": "frames", "from": ["camera"], "to": "show", "here": True, "sent": 7}, WIRE)
    host = {"name": "", "state": "here", "age": 0.0, "offset": None, "round_trip": None, "began": 1.7e9}
    return {**fitted({}, STATUS), "graph": graph, "nodes": [node], "wires": [wire], "hosts": [host]}


def values(text: str, name: str) -> dict[str, float]:
    """Labels -> value, of all samples of that name."""
    return {labels: float(value) for labels, value in re.findall(rf"^{name}\{{(.*)\}} (\S+)$", text, re.MULTILINE)}


def check(plain: str) -> None:
    """Have Prometheus' own reader look at the older form."""
    done = subprocess.run(["promtool", "check", "metrics"], input=plain, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def check_openmetrics(text: str, folder: Path) -> None:
    """Have its reader of OpenMetrics look at the other one; it wants times."""
    folder.mkdir()
    (folder / "metrics").write_text(re.sub(r"(?m)^([^#\n].*)$", r"\1 1700000000.123", text))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(folder / "metrics"), str(folder / "blocks")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kept = int(done.stdout.splitlines()[1].split()[4])
    assert kept == len([line for line in text.splitlines() if not line.startswith("#")])


def test_counters_are_totals_of_each_replica_and_times_are_seconds() -> None:
    text = metrics.text(known(made=12, working_ns=2_500_000_000))
    labels = 'graph="/g.yaml",host="",node="camera",replica="camera.1"'
    assert values(text, "zg_replica_made_frames_total") == {labels: 12}
    assert values(text, "zg_replica_working_seconds_total") == {labels: 2.5}
    assert values(text, "zg_replica_memory_bytes") == {labels: 5000}
    assert values(text, "zg_wire_sent_messages_total") == {'graph="/g.yaml",wire="frames"': 7}
    assert "# TYPE zg_replica_made_frames counter\n" in text
    assert "# UNIT zg_replica_working_seconds seconds\n" in text
    assert text.endswith("# EOF\n")


def test_how_many_replicas_there_are_of_those_that_are_wanted_and_nothing_of_the_spare_ones() -> None:
    graph = known()
    (node,) = graph["nodes"]
    node["scale"] = {"least": 1, "most": 3, "wanted": 2, "running": 1, "pending": 1, "why": "starts"}
    node["replicas"] += [
        {**node["replicas"][0], "name": f"camera.{n}", "state": s} for n, s in ((2, "starts"), (3, "spare"))
    ]
    text = metrics.text(graph)
    labels = 'graph="/g.yaml",host="",node="camera"'
    assert values(text, "zg_node_replicas_wanted") == {labels: 2}
    assert values(text, "zg_node_replicas_running") == {labels: 1}
    assert values(text, "zg_node_replicas_pending") == {labels: 1}
    assert [*values(text, "zg_replica_up").values()] == [1, 0]


def test_in_the_older_form_a_counter_is_called_as_its_samples_are() -> None:
    text = metrics.text(known(made=12), openmetrics=False)
    assert "# TYPE zg_replica_made_frames_total counter\n" in text
    assert "# UNIT" not in text
    assert "# EOF" not in text


def test_what_was_not_measured_is_left_out() -> None:
    text = metrics.text(known())
    assert "zg_wire_oldest_seconds" not in text
    assert "zg_node_work_seconds" not in text
    assert "zg_host_clock_offset_seconds" not in text


def test_a_histogram_counts_up_to_each_bound() -> None:
    seen = known()
    took = [SHORTEST / 2, 0.003, 0.003, 0.3, 5000.0]
    counts: dict[str, int] = {}
    for seconds in took:
        counts[str(bucket(seconds))] = counts.get(str(bucket(seconds)), 0) + 1
    seen["nodes"][0]["latency"]["work"]["buckets"] = counts
    text = metrics.text(seen)
    bounds = {
        float(labels.rpartition('le="')[2][:-1]): count
        for labels, count in values(text, "zg_node_work_seconds_bucket").items()
    }
    assert len(bounds) == 24
    assert list(bounds.values()) == sorted(bounds.values())
    for bound, count in bounds.items():
        assert count == sum(seconds < bound for seconds in took)
    assert [*values(text, "zg_node_work_seconds_count").values()] == [5]
    assert 1600 < next(iter(values(text, "zg_node_work_seconds_sum").values())) < 5100


def test_labels_are_escaped(tmp_path: Path) -> None:
    text = metrics.text(known('/a"b\\c\nd'))
    assert r'graph="/a\"b\\c\nd"' in text
    need("promtool")
    check(metrics.text(known('/a"b\\c\nd', made=1), openmetrics=False))
    check_openmetrics(metrics.text(known('/a"b\\c\nd', made=1)), tmp_path / "open")


def test_prometheus_reads_the_metrics_of_a_running_graph(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("promtool")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    with Launch(tmp_path, "splitter.source=test:forever", "splitter.size=160x120") as launcher:
        graph = load(tmp_path / "graph.yaml")

        def seen() -> dict[str, Any]:
            run = overview.running(graph.path)
            return overview.read(run) if run and (run / "status.json").exists() else {}

        until(lambda: seen().get("sums", {}).get("done", 0) > 20, 30, "frames that are done")
        whole = seen()
        launcher.interrupt()
        assert launcher.ends() == 0
    check(metrics.text(whole, openmetrics=False))
    check_openmetrics(metrics.text(whole), tmp_path / "open")
    received = values(metrics.text(whole), "zg_replica_received_messages_total")
    converters = sum(count for labels, count in received.items() if 'node="converter"' in labels)
    assert converters == next(node for node in whole["nodes"] if node["name"] == "converter")["counters"]["received"]
    assert json.loads(json.dumps(whole))
