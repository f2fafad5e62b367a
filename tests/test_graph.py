"""graph.yaml becomes a graph: what is read, what is left out, and which files are refused."""

import cProfile
import os
from pathlib import Path

import pytest

from host.graph import GraphError, load
from host.reading.program import PROJECT
from tests.graphs import CAMERA, SHOW, loaded, mistakes, write_graph, write_modules


def test_a_graph_is_read_with_its_defaults(tmp_path: Path) -> None:
    graph = loaded(tmp_path, CAMERA, SHOW)

    assert graph.folder == tmp_path
    assert list(graph.nodes) == ["camera", "show"]
    camera = graph.nodes["camera"]
    assert (camera.run, camera.source, camera.args) == ("camera", tmp_path / "camera.py", {"source": "test"})
    assert (camera.replicas, camera.restart, camera.stall, camera.memory) == (1, "on-failure", None, None)
    assert (camera.inputs, camera.outputs) == ({}, {"": ("frames",)})
    assert graph.nodes["show"].inputs == {"": ("frames",)}
    assert graph.wires["frames"].keep == "all"
    assert graph.warnings == ()


def test_every_key_of_a_node_is_read(tmp_path: Path) -> None:
    keys = "host: robot, replicas: 3, restart: always, stall: 2.5, memory: 1.5GiB, env: {GPU: 0, ON: no}"
    graph = loaded(
        tmp_path,
        CAMERA[:-1] + ", host: robot}",
        SHOW[:-1] + f", {keys}}}",
        more="hosts: {robot: {address: robot.local}}",
    )

    show = graph.nodes["show"]
    assert (show.host, show.replicas, show.restart, show.stall) == ("robot", 3, "always", 2.5)
    assert (show.memory, show.in_order) == (1_610_612_736, False)
    assert show.env == {"GPU": "0", "ON": "no"}
    assert show.names == ["show.1", "show.2", "show.3"]


@pytest.mark.parametrize(
    ("written", "least", "most", "scale"),
    [("2..6", 2, 6, "2..6"), ('"1..256"', 1, 256, "1..256"), ("4..4", 4, 4, "4"), ("4", 4, 4, "4")],
)
def test_replicas_are_so_many_or_a_range(tmp_path: Path, written: str, least: int, most: int, scale: str) -> None:
    show = loaded(tmp_path, CAMERA, SHOW[:-1] + f", replicas: {written}}}").nodes["show"]

    assert (show.least, show.replicas, show.scale) == (least, most, scale)
    assert show.is_elastic == (least < most)
    assert len(show.names) == most


def test_a_command_that_is_elastic_is_warned_of(tmp_path: Path) -> None:
    graph = loaded(tmp_path, CAMERA, "show: {command: [cat], pull: frames, replicas: 1..4}")

    [warning] = graph.warnings
    assert 'node "show": more replicas come only for a command that keeps books' in warning


def test_a_node_may_pull_in_order(tmp_path: Path) -> None:
    graph = loaded(tmp_path, CAMERA, SHOW[:-1] + ", in_order: true}")

    assert graph.nodes["show"].in_order
    assert graph.warnings == ()
    command = loaded(tmp_path, CAMERA, "show: {command: [cat], pull: frames, in_order: true}")
    [warning] = command.warnings
    assert 'node "show": whether in_order has an effect is up to the command' in warning


def test_lists_and_mappings_of_wires_are_merges_copies_and_names(tmp_path: Path) -> None:
    graph = loaded(
        tmp_path,
        "one: {run: camera, push: [a, b], args: {source: x}}",
        "two: {run: camera, push: {main: c, side: [a, d]}, args: {source: y}}",
        "both: {run: stereo, pull: {left: [a, c], right: b}}",
        "rest: {run: show, pull: d}",
    )

    assert graph.nodes["one"].outputs == {"": ("a", "b")}
    assert graph.nodes["two"].outputs == {"main": ("c",), "side": ("a", "d")}
    assert graph.nodes["both"].inputs == {"left": ("a", "c"), "right": ("b",)}
    assert list(graph.wires["a"].pushers) == ["one", "two"]


def test_upstream_and_downstream_reach_through_other_nodes(tmp_path: Path) -> None:
    graph = loaded(
        tmp_path,
        CAMERA,
        "other: {run: camera, push: frames, args: {source: x}}",
        "shrink: {run: shrink, pull: frames, push: small}",
        "show: {run: show, pull: small}",
    )

    assert graph.upstream("show") == {"shrink", "camera", "other"}
    assert graph.downstream("camera") == {"shrink", "show"}
    assert graph.upstream("camera") == set()
    assert list(graph.order())[-2:] == ["shrink", "show"]


def test_where_text_is_wanted_a_word_is_taken_as_it_is_written(tmp_path: Path) -> None:
    for written in ("007", "no", "1.10", "12:30:00", "2024-01-01", "0x10"):
        graph = loaded(tmp_path, CAMERA.replace("test", written), SHOW)

        assert graph.nodes["camera"].args == {"source": written}


def test_numbers_booleans_and_lists_keep_their_kind(tmp_path: Path) -> None:
    shrink = "shrink: {run: shrink, pull: frames, push: small, args: {factor: 3, loop: yes, sides: [1, {a: 2.5}]}}"
    graph = loaded(tmp_path, CAMERA, shrink, "show: {run: show, pull: small}")

    assert graph.nodes["shrink"].args == {"factor": 3, "loop": True, "sides": [1, {"a": 2.5}]}


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = write_graph(tmp_path, CAMERA, SHOW)
    path.write_text(path.read_text(), encoding="utf-8-sig")

    assert len(load(path).nodes) == 2


def test_stall_is_30_for_our_own_nodes_and_off_for_others(tmp_path: Path) -> None:
    watcher = "watcher: {run: nodes.watcher, push: frames, args: {folder: spool}"
    graph = loaded(tmp_path, watcher + "}", SHOW)
    unhurried = loaded(tmp_path, watcher + ", stall: off}", SHOW)

    assert graph.nodes["watcher"].stall == 30
    assert graph.nodes["watcher"].source == PROJECT / "nodes" / "watcher.py"
    assert graph.nodes["show"].stall is None
    assert unhurried.nodes["watcher"].stall is None


def test_a_file_that_is_no_graph_is_refused_with_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    cases = {
        "gone.yaml": f"gone.yaml: there is no file {tmp_path}/gone.yaml. Write its path, or start in its folder.",
        ".": f".: {tmp_path} is a folder. Name the file in it, e.g. graph.yaml",
        "pipe": f"pipe: {tmp_path}/pipe is not a regular file. Copy it to one.",
        "a\0b": f"a\0b: {tmp_path}/a\0b cannot be read (embedded null byte). Check its path and permissions.",
    }
    for name, words in cases.items():
        with pytest.raises(GraphError) as refused:
            load(Path(name))

        assert refused.value.problems == [words]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = write_graph(tmp_path, CAMERA, SHOW)
    path.chmod(0)

    with pytest.raises(GraphError, match=r"cannot be read \(Permission denied\)"):
        load(path)


def test_a_file_over_1_mib_or_in_utf_16_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    for content, words in ((b"#" * 1024 * 1024 + b"\n", "over 1 MiB"), ("nodes:".encode("utf-16"), "is UTF-16")):
        path.write_bytes(content)

        with pytest.raises(GraphError, match=words):
            load(path)


def test_modules_that_would_hide_others_are_refused(tmp_path: Path) -> None:
    graph = write_graph(tmp_path, CAMERA, SHOW)
    (tmp_path / "nodes").mkdir()
    hiding = [tmp_path / "bus.py", tmp_path / "nodes" / "__init__.py", tmp_path / "queue.py"]
    for file in hiding:
        file.touch()

    with pytest.raises(GraphError) as refused:
        load(graph)

    assert refused.value.problems == [
        f'{graph}: {file} hides the module "{name}" from every node. Rename it.'
        for file, name in zip(hiding, ("bus", "nodes", "queue"), strict=True)
    ]


def test_a_user_s_own_nodes_folder_joins_ours(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    write_modules(tmp_path / "nodes")
    watcher = "watcher: {run: nodes.watcher, push: frames, args: {folder: spool}}"
    graph = loaded(tmp_path, watcher, "show: {run: nodes.show, pull: frames}")

    assert graph.nodes["show"].source == tmp_path / "nodes" / "show.py"
    assert graph.nodes["watcher"].source == PROJECT / "nodes" / "watcher.py"


def test_hosts_of_others_may_have_modules_that_are_not_here(tmp_path: Path) -> None:
    hosts = "hosts: {robot: {}, station: {}}"
    nodes = ["camera: {run: camera, args: {source: x}, host: robot}", "gpu: {run: my_gpu_filter, host: station}"]
    graph = loaded(tmp_path, *nodes, more=hosts)

    [warning] = graph.warnings
    assert '"gpu" runs "my_gpu_filter", and there is no such module in' in warning
    assert mistakes(tmp_path, nodes[0], nodes[1], more="hosts: {robot: {}}")


def test_an_address_that_is_not_needed_is_a_warning(tmp_path: Path) -> None:
    more = 'hosts: {robot: {}}\nwires: {frames: {address: "tcp://robot:5560"}}'
    graph = loaded(tmp_path, *(node[:-1] + ", host: robot}" for node in (CAMERA, SHOW)), more=more)

    [warning] = graph.warnings
    assert warning.endswith('wire "frames" stays on one host, so its address is not used.')


def test_ten_times_as_many_nodes_are_ten_times_as_much_work(tmp_path: Path) -> None:
    def work(count: int) -> int:
        """Calls of Python functions."""
        nodes = [f"n{i}: {{run: shrink, pull: w{i - 1}, push: w{i}, replicas: 2}}" for i in range(1, count - 1)]
        first, last = CAMERA.replace("frames", "w0"), SHOW.replace("frames", f"w{count - 2}")
        path = write_graph(tmp_path, first, *nodes, last)
        with cProfile.Profile() as profile:
            graph = load(path)
        assert len(graph.nodes) == count
        return sum(entry.callcount for entry in profile.getstats())

    work(10)  # what is read once
    assert work(300) < 11 * work(30)


def test_the_graph_of_this_project_is_fine() -> None:
    graph = load(PROJECT / "graph.yaml")

    assert list(graph.order()) == ["splitter", "watcher", "converter"]
    assert graph.warnings == ()
