"""A graph of several hosts becomes the command lines of each, with addresses, ports and keys that meet."""

from itertools import permutations
from pathlib import Path

from bus.link import Pipe
from host.command import Process, processes
from host.graph import Graph, load
from host.reading import network
from tests.graphs import KEYS, loaded

RUN = Path("/run/zg")
ROBOT, STATION = KEYS
CAMERA = "camera: {run: camera, host: robot, push: frames, args: {source: x, folder: spool}, replicas: 2}"
SHRINK = "shrink: {run: shrink, host: station, pull: frames, push: small, replicas: 2}"
SHOW = "show: {run: show, host: station, pull: small}"


def graph(folder: Path, *nodes: str, binder: str = "station", robot: str = "") -> Graph:
    hosts = f'hosts: {{robot: {{key: "{ROBOT}"{robot}}}, station: {{key: "{STATION}", address: 10.0.0.7}}}}'
    wires = f'wires: {{frames: {{address: "tcp://{binder}:5560"}}}}'
    return loaded(folder, *(nodes or (CAMERA, SHRINK, SHOW)), more=f"{hosts}\n{wires}")


def pipes(process: Process, side: str) -> list[Pipe]:
    return [Pipe.parse(word.removeprefix(side)) for word in process.argv if word.startswith(side)]


def test_each_host_gets_its_own_processes(tmp_path: Path) -> None:
    found = graph(tmp_path)

    assert [one.replica for one in processes(found, RUN, "robot")] == ["camera.1", "camera.2"]
    assert [one.replica for one in processes(found, RUN, "station")] == ["show.1", "shrink.1", "shrink.2"]
    assert len(processes(found, RUN)) == 5


def test_the_host_that_the_address_names_binds_two_ports_a_pair(tmp_path: Path) -> None:
    found = graph(tmp_path)
    [_, second] = processes(found, RUN, "robot")
    [_, shrink, _] = processes(found, RUN, "station")

    assert [(pipe.address, pipe.bind, pipe.key) for pipe in pipes(second, "--push=")] == [
        ("tcp://10.0.0.7:5564", False, STATION),
        ("tcp://10.0.0.7:5566", False, STATION),
    ]
    assert [(pipe.address, pipe.bind, pipe.key, pipe.peer) for pipe in pipes(shrink, "--pull=")] == [
        ("tcp://*:5560", True, ROBOT, "camera.1"),
        ("tcp://*:5564", True, ROBOT, "camera.2"),
    ]


def test_the_pusher_binds_where_the_address_says_so(tmp_path: Path) -> None:
    found = graph(tmp_path, binder="robot", robot=", address: 127.0.0.1")
    [first, _] = processes(found, RUN, "robot")
    [_, shrink, _] = processes(found, RUN, "station")

    assert pipes(first, "--push=")[1].address == "tcp://127.0.0.1:5562"
    assert pipes(first, "--push=")[1].bind
    assert [(pipe.address, pipe.bind) for pipe in pipes(shrink, "--pull=")] == [
        ("tcp://127.0.0.1:5560", False),
        ("tcp://127.0.0.1:5564", False),
    ]


def test_a_process_that_crosses_gets_its_host_s_private_key(tmp_path: Path) -> None:
    found = {one.replica: one.argv for one in processes(graph(tmp_path), RUN)}

    assert f"--key={tmp_path}/keys/robot.key" in found["camera.1"]
    assert f"--key={tmp_path}/keys/station.key" in found["shrink.1"]
    assert not [word for word in found["show.1"] if word.startswith("--key")]


def test_pushers_beside_the_puller_stay_local(tmp_path: Path) -> None:
    local = CAMERA.replace("camera:", "local:").replace("robot", "station")
    found = {one.replica: one for one in processes(graph(tmp_path, CAMERA, local, SHRINK, SHOW), RUN)}

    schemes = [pipe.scheme for pipe in pipes(found["shrink.1"], "--pull=")]
    assert schemes == ["tcp", "tcp", "ipc", "ipc"]
    assert all(not pipe.key for pipe in pipes(found["local.1"], "--push="))


def test_folders_of_another_host_are_not_granted(tmp_path: Path) -> None:
    for process in processes(graph(tmp_path), RUN):
        assert not [word for word in process.argv if word.startswith("--grant")]


def test_pixels_are_encoded_between_hosts_and_stay_raw_within_one_unless_the_graph_says_otherwise(
    tmp_path: Path,
) -> None:
    local = CAMERA.replace("camera:", "local:").replace("robot", "station")
    found = {one.replica: one for one in processes(graph(tmp_path, CAMERA, local, SHRINK, SHOW), RUN)}

    assert {str(pipe.encode) for pipe in pipes(found["camera.1"], "--push=")} == {"jpeg:90"}
    assert {str(pipe.encode) for pipe in pipes(found["local.1"], "--push=")} == {"raw"}
    assert not any("encode=" in word for word in found["local.1"].argv + found["shrink.1"].argv)


def test_what_the_graph_says_of_encoding_and_age_holds_for_all_who_push_and_stands_on_their_command_lines(
    tmp_path: Path,
) -> None:
    local = CAMERA.replace("camera:", "local:").replace("robot", "station")
    wish = "wires: {frames: {encode: webp:70, max_age: 0.5, "
    path = tmp_path / "graph.yaml"
    graph(tmp_path, CAMERA, local, SHRINK, SHOW)
    path.write_text(path.read_text().replace("wires: {frames: {", wish))
    found = {one.replica: one for one in processes(load(path), RUN)}

    for replica in ("camera.1", "local.1"):
        assert all(word.count(",encode=webp:70,max_age=0.5") for word in found[replica].argv if "--push=" in word)
    assert not any("max_age=" in word for word in found["shrink.1"].argv)


def test_raw_and_off_are_written_where_a_default_is_not_wanted(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    graph(tmp_path)
    path.write_text(path.read_text().replace("wires: {frames: {", "wires: {frames: {encode: raw, max_age: off, "))
    [first, _] = processes(load(path), RUN, "robot")

    assert {(pipe.encode.raw, pipe.max_age) for pipe in pipes(first, "--push=")} == {(True, 0.0)}


def over(folder: Path, robot: str, station: str, desk: str = f'key: "{STATION}"') -> Graph:
    """Three hosts that each run a node, with these keys in graph.yaml."""
    hosts = f"hosts: {{robot: {{{robot}}}, station: {{{station}}}, desk: {{{desk}}}}}"
    addresses = {"frames": "tcp://station:5560", "small": "tcp://station:5580"}
    wires = ", ".join(f'{wire}: {{address: "{address}", insecure: true}}' for wire, address in addresses.items())
    show = SHOW.replace("station", "desk")
    return loaded(folder, CAMERA, SHRINK, show, more=f"{hosts}\nwires: {{{wires}}}")


def dialling(graph: Graph) -> list[tuple[str, str]]:
    pairs = permutations(network.linked(graph), 2)
    return [(one.name, other.name) for one, other in pairs if network.dials(graph, one, other)]


KEYED, PLACED = f'key: "{ROBOT}"', f'key: "{STATION}", address: 10.0.0.7'


def test_hosts_without_a_port_dial_the_one_that_has_one(tmp_path: Path) -> None:
    found = over(tmp_path, KEYED, f"{PLACED}, port: 5550")
    assert dialling(found) == [("robot", "station"), ("desk", "station")]
    assert network.listeners(found) == ["launchers are heard on station, at port 5550"]


def test_of_two_hosts_with_a_port_the_first_in_the_graph_listens(tmp_path: Path) -> None:
    found = over(tmp_path, f"{KEYED}, address: 10.0.0.6, port: 5550", f"{PLACED}, port: 5550")
    assert dialling(found) == [("station", "robot"), ("desk", "robot"), ("desk", "station")]


def test_without_a_port_there_is_no_link(tmp_path: Path) -> None:
    found = over(tmp_path, KEYED, PLACED)
    assert (dialling(found), network.listeners(found), network.unlinked(found)) == ([], [], [])


def test_hosts_without_a_key_have_no_part_in_the_link(tmp_path: Path) -> None:
    found = over(tmp_path, "", f"{PLACED}, port: 5550")
    assert dialling(found) == [("desk", "station")]
    assert network.unlinked(found) == ["robot"]
    assert network.linked(over(tmp_path, "", f"{PLACED}, port: 5550", "")) == []
    assert network.unlinked(over(tmp_path, "", f"{PLACED}, port: 5550", "")) == ["robot", "desk"]
