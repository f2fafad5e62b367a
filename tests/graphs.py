"""What tests of the loader share: small node modules, and graphs written line by line."""

from pathlib import Path

from host.graph import Graph, GraphError, load

MAIN = 'if __name__ == "__main__":\n    run({})\n'
MODULES = {
    "camera": 'def camera(*, source: str, rate: float = 25.0, folder: str = ""):\n    yield None\n',
    "shrink": "def shrink(frames, *, factor=2, loop=False, sides: list | None = None):\n    yield from frames\n",
    "show": "def show(frames):\n    list(frames)\n",
    "stereo": "def stereo(left, right=None):\n    yield from left\n",
}

CAMERA = "camera: {run: camera, push: frames, args: {source: test}}"
SHOW = "show: {run: show, pull: frames}"
KEYS = ("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID")


def write_modules(folder: Path) -> None:
    """Write MODULES into `folder`."""
    for name, function in MODULES.items():
        (folder / f"{name}.py").write_text("from bus import run\n\n\n" + function + "\n\n" + MAIN.format(name))


def write_graph(folder: Path, *nodes: str, more: str = "") -> Path:
    """Write a graph of one line for each node, and MODULES beside it."""
    write_modules(folder)
    graph = folder / "graph.yaml"
    graph.write_text("\n".join(["nodes:", *(f"  {node}" for node in nodes), more]))
    return graph


def loaded(folder: Path, *nodes: str, more: str = "", overrides: tuple[str, ...] = ()) -> Graph:
    """The graph that `write_graph` writes."""
    return load(write_graph(folder, *nodes, more=more), overrides)


def mistakes(folder: Path, *nodes: str, more: str = "", overrides: tuple[str, ...] = ()) -> list[str]:
    """What is wrong with that graph, the file's name left out; empty if nothing is."""
    path = write_graph(folder, *nodes, more=more)
    try:
        load(path, overrides)
    except GraphError as error:
        return [problem.removeprefix(f"{path}:").strip() for problem in error.problems]
    return []
