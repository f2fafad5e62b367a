"""What of the graph's folder travels to the machines of a pool, and what stays."""

from pathlib import Path

from host.environment import PROJECT
from host.pool import package
from tests.graphs import KEYS, loaded

HOSTS = f'hosts: {{station: {{key: "{KEYS[0]}", address: 10.0.0.7}}, pool: {{ray: auto, key: "{KEYS[1]}"}}}}'
WIRES = 'wires: {frames: {address: "tcp://station:5560"}, small: {address: "tcp://station:5570"}}'
NODES = (
    "watcher: {run: nodes.watcher, host: station, push: frames, args: {folder: in/spool}}",
    "converter: {run: nodes.converter, host: pool, pull: frames, push: small, args: {filter: emboss}}",
    "saver: {run: nodes.saver, host: station, pull: small, args: {folder: out}}",
)


def written(folder: Path, **files: int) -> None:
    for name, size in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))


def test_keys_caches_and_what_nodes_write_stay_here(tmp_path: Path) -> None:
    excluded = package.excludes(loaded(tmp_path, *NODES, more=f"{HOSTS}\n{WIRES}"), "pool")

    assert {"/keys", "**/keys/*.key", ".?*", "venv", "__pycache__", "/in/spool", "/out"} <= {*excluded}


def test_files_of_secrets_and_exports_stay_here(tmp_path: Path) -> None:
    written(tmp_path, code=10, deploy__compose=99, cameras__deploy=20)
    written(tmp_path, **dict.fromkeys(("secrets.env", ".env", "cameras__prod.env", "keys__a.key"), 99))

    excluded = package.excludes(loaded(tmp_path, *NODES, more=f"{HOSTS}\n{WIRES}"), "pool")

    assert package.weight(tmp_path, [*excluded, "*.py", "graph.yaml"]) == {"code": 10, "cameras": 20}


def test_what_only_nodes_elsewhere_are_told_of_stays_here(tmp_path: Path) -> None:
    splitter = "splitter: {run: nodes.splitter, host: station, push: streams, args: {source: clip.mp4, folder: spool}}"
    watcher = NODES[0].replace("push", "pull: streams, push")
    graph = loaded(tmp_path, splitter, watcher, *NODES[1:], more=f"{HOSTS}\n{WIRES}")

    assert "/clip.mp4" in package.excludes(graph, "pool")
    assert "/emboss" not in package.excludes(graph, "pool")


def test_how_much_travels_is_said_with_what_is_large(tmp_path: Path) -> None:
    written(tmp_path, model=3_000_000, code__a=10, keys__pool=5_000_000, out__x=9_000_000, code__venv__y=7_000_000)
    written(tmp_path, **{".git__objects": 8_000_000})

    excluded = ["/keys", "/out", "venv", ".?*"]
    assert package.weight(tmp_path, excluded) == {"model": 3_000_000, "code": 10}
    assert package.sizes(tmp_path, excluded) == "3.0 MB at most (model 3.0 MB, code 0.0 MB)"


def test_what_the_graph_says_goes_before_and_with_what_is_ours(tmp_path: Path) -> None:
    graph = loaded(tmp_path, *NODES, more=f"{HOSTS}\n{WIRES}")
    own = {"pip": ["torch"], "excludes": ["*.mp4"], "py_modules": ["mine"], "env_vars": {"A": "1"}}

    made = package.runtime_env(graph, "pool", own, None)

    assert made["working_dir"] == str(tmp_path)
    assert made["pip"] == ["torch"]
    assert made["excludes"][-1] == "*.mp4"
    assert made["py_modules"] == [*(str(PROJECT / part) for part in ("bus", "host", "media", "nodes")), "mine"]
    assert package.runtime_env(graph, "pool", {"working_dir": "s3://x.zip"}, None)["working_dir"] == "s3://x.zip"


def test_nothing_is_sent_where_the_folder_is_on_every_machine(tmp_path: Path) -> None:
    graph = loaded(tmp_path, *NODES, more=f"{HOSTS}\n{WIRES}")

    made = package.runtime_env(graph, "pool", {"env_vars": {"A": "1"}}, "/srv/graph")

    assert made == {"env_vars": {"PYTHONPATH": f"/srv/graph:{PROJECT}", "A": "1"}}
