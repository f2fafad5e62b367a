"""Every graph in bad_graphs/ is refused in exactly the words that its first lines say, with either YAML parser."""

from pathlib import Path

import pytest
import yaml

from host.graph import GraphError, load
from host.reading import document
from host.reading.program import PROJECT

FOLDER = Path(__file__).resolve().parent / "bad_graphs"
HEAD = "# expected: "


@pytest.mark.parametrize("loader", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
@pytest.mark.parametrize("graph", sorted(FOLDER.glob("*.yaml")), ids=lambda graph: str(graph.stem))
def test_a_bad_graph_is_refused_in_its_own_words(
    graph: Path, loader: type[yaml.SafeLoader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "Loader", loader)
    monkeypatch.chdir(FOLDER)

    with pytest.raises(GraphError) as refused:
        load(Path(graph.name))

    assert refused.value.problems == expected(graph)


def test_there_are_bad_graphs_of_every_kind() -> None:
    graphs = list(FOLDER.glob("*.yaml"))

    assert len(graphs) >= 90
    assert all(expected(graph) for graph in graphs)
    assert sum(len(expected(graph)) > 1 for graph in graphs) >= 4


def expected(graph: Path) -> list[str]:
    lines = graph.read_text(errors="replace").splitlines()
    words = [line.removeprefix(HEAD) for line in lines if line.startswith(HEAD)]
    return [line.replace("{folder}", str(FOLDER)).replace("{project}", str(PROJECT)) for line in words]
