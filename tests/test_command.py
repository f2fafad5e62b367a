"""A checked graph becomes one command line for each process."""

import sys
from pathlib import Path

import pytest

from bus.link import Pipe
from host.command import Process, processes
from host.graph import GraphError
from tests.graphs import CAMERA, KEYS, SHOW, loaded

RUN = Path("/run/zg")
SHRINK = (
    "shrink: {run: shrink, pull: frames, push: small, args: {factor: 3, loop: no, sides: [1, {a: é}]}, replicas: 2}"
)
END = "show: {run: show, pull: small}"


def commands(folder: Path, *nodes: str, more: str = "", host: str | None = None) -> dict[str, Process]:
    """The processes of a graph, by replica."""
    return {one.replica: one for one in processes(loaded(folder, *nodes, more=more), RUN, host)}


def pipes(process: Process, side: str) -> list[Pipe]:
    return [Pipe.parse(word.removeprefix(side)) for word in process.argv if word.startswith(side)]


def own(process: Process) -> list[str]:
    """The command line without the wires."""
    return [word for word in process.argv if not word.startswith(("--pull=", "--push="))]


def test_a_module_is_run_with_its_name_the_run_folder_and_its_arguments(tmp_path: Path) -> None:
    found = commands(tmp_path, CAMERA, SHRINK, END)

    assert own(found["shrink.2"]) == [
        *(sys.executable, "-m", "shrink", "--name=shrink.2", "--run=/run/zg"),
        *("--factor=3", "--no-loop", '--sides=[1,{"a":"é"}]'),
    ]
    assert own(found["camera.1"])[3:] == ["--name=camera.1", "--run=/run/zg", "--source=test"]


def test_true_is_a_flag_and_nothing_is_left_out(tmp_path: Path) -> None:
    shrink = SHRINK.replace("loop: no", "loop: yes").replace("factor: 3", "factor: ~")

    assert own(commands(tmp_path, CAMERA, shrink, END)["shrink.1"])[5] == "--loop"


def test_sinks_come_first_and_sources_last(tmp_path: Path) -> None:
    assert list(commands(tmp_path, SHRINK, CAMERA, END)) == ["show.1", "shrink.1", "shrink.2", "camera.1"]


def test_only_replicas_of_many_have_a_number_in_log_lines(tmp_path: Path) -> None:
    found = commands(tmp_path, CAMERA, SHRINK, END)

    assert [one.label for one in found.values()] == ["show", "shrink.1", "shrink.2", "camera"]


def test_every_pair_of_replicas_has_a_pipe_that_the_puller_binds(tmp_path: Path) -> None:
    found = commands(tmp_path, CAMERA, SHRINK, END)

    assert pipes(found["camera.1"], "--push=") == [
        Pipe("ipc:///run/zg/frames-camera.1-shrink.1", peer="shrink.1"),
        Pipe("ipc:///run/zg/frames-camera.1-shrink.2", peer="shrink.2"),
    ]
    assert pipes(found["shrink.2"], "--pull=") == [
        Pipe("ipc:///run/zg/frames-camera.1-shrink.2", bind=True, peer="camera.1")
    ]
    assert [(pipe.wire, pipe.peer, pipe.bind) for pipe in pipes(found["show.1"], "--pull=")] == [
        ("small", "shrink.1", True),
        ("small", "shrink.2", True),
    ]


def test_both_ends_of_a_pipe_agree(tmp_path: Path) -> None:
    found = commands(tmp_path, CAMERA, SHRINK, END)
    pushed = {(one.replica, pipe.peer): pipe for one in found.values() for pipe in pipes(one, "--push=")}
    pulled = {(pipe.peer, one.replica): pipe for one in found.values() for pipe in pipes(one, "--pull=")}

    assert pushed.keys() == pulled.keys()
    assert len(pushed) == 4
    assert all(
        (pushed[pair].address, pushed[pair].wire) == (pulled[pair].address, pulled[pair].wire) for pair in pushed
    )


def test_inputs_and_outputs_have_names_only_where_the_graph_gives_them(tmp_path: Path) -> None:
    found = commands(
        tmp_path,
        "camera: {run: camera, push: {main: frames, side: [small]}, args: {source: x}}",
        "stereo: {run: stereo, pull: {left: frames, right: small}}",
    )

    assert [pipe.output for pipe in pipes(found["camera.1"], "--push=")] == ["main", "side"]
    assert [pipe.input for pipe in pipes(found["stereo.1"], "--pull=")] == ["left", "right"]


def test_keep_goes_to_both_ends_and_prefetch_to_the_puller(tmp_path: Path) -> None:
    found = commands(tmp_path, CAMERA, SHOW, more="wires: {frames: {keep: latest, prefetch: 3}}")

    [push], [pull] = pipes(found["camera.1"], "--push="), pipes(found["show.1"], "--pull=")
    assert (push.keep, pull.keep, pull.prefetch) == ("latest", "latest", 3)


def test_folders_upstream_are_granted_to_those_who_pull(tmp_path: Path) -> None:
    camera = CAMERA.replace("test", "test, folder: spool")
    away = CAMERA.replace("camera:", "away:").replace("test", "x, folder: '${STORE}/b'")
    found = commands(tmp_path, camera, away, SHRINK, END)

    grants = [f"--grant={tmp_path}/spool", "--grant=${STORE}/b"]
    assert [word for word in found["show.1"].argv if word.startswith("--grant")] == grants
    assert [word for word in found["shrink.1"].argv if word.startswith("--grant")] == grants
    assert not [word for word in found["camera.1"].argv if word.startswith("--grant")]


def test_a_folder_that_is_a_default_is_granted_too(tmp_path: Path) -> None:
    main = 'if __name__ == "__main__":\n    run(files)\n'
    (tmp_path / "files.py").write_text(f'def files(*, folder="in"):\n    yield None\n\n\n{main}')
    found = commands(tmp_path, "files: {run: files, push: frames}", SHOW)

    assert f"--grant={tmp_path}/in" in found["show.1"].argv


def test_a_command_gets_its_wires_and_one_without_wires_runs_as_it_is_written(tmp_path: Path) -> None:
    found = commands(
        tmp_path, CAMERA, "cat: {command: [cat, -5], pull: frames, args: {a: 1}}", "echo: {command: [echo, 07]}"
    )

    assert own(found["cat.1"]) == ["cat", "-5", "--name=cat.1", "--run=/run/zg", "--a=1"]
    assert len(pipes(found["cat.1"], "--pull=")) == 1
    assert found["echo.1"].argv == ("echo", "07")


def test_only_the_graph_s_own_variables_come_with_a_process(tmp_path: Path) -> None:
    assert commands(tmp_path, CAMERA[:-1] + ", env: {GPU: '1'}}", SHOW)["camera.1"].env == {"GPU": "1"}


def test_a_socket_path_that_the_system_does_not_take_is_refused(tmp_path: Path) -> None:
    graph = loaded(tmp_path, CAMERA, SHOW)
    longest = 107 - len("/frames-camera.1-show.1.d")
    assert processes(graph, Path("/" + "x" * (longest - 1)))

    with pytest.raises(GraphError) as refused:
        processes(graph, Path("/" + "x" * longest))

    path = f"/{'x' * longest}/frames-camera.1-show.1.d"
    assert refused.value.problems == [
        f'{graph.path}:2: wire "frames" would need the socket {path}, which is over 107 bytes long. '
        "Shorten the names, or set XDG_RUNTIME_DIR to a shorter path."
    ]


def test_a_host_without_nodes_is_refused(tmp_path: Path) -> None:
    hosts = f'hosts: {{robot: {{key: "{KEYS[0]}"}}, station: {{}}}}'
    nodes = [node[:-1] + ", host: robot}" for node in (CAMERA, SHOW)]

    assert list(commands(tmp_path, *nodes, more=hosts, host="robot")) == ["show.1", "camera.1"]
    with pytest.raises(GraphError, match=r'no node runs on the host "robt"\. Did you mean "robot"'):
        commands(tmp_path, *nodes, more=hosts, host="robt")
