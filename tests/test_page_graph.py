"""The page of a graph that changes while it runs."""

from typing import Any

from host.graph import Graph, load
from tests.pages import Served, graph, page, question, run, status, write_status
from tests.viewing import Viewer, jpeg, viewed, viewer, write_picture

__all__ = ["graph", "page", "run", "viewer"]


def test_a_graph_that_has_changed_is_shown_without_a_new_page(page: Served, graph: Graph) -> None:
    """The launcher keeps the text of the graph that runs in the run folder."""
    text = graph.text.replace("pull: frames", "pull: small") + "\n  shrink: {run: shrink, pull: frames, push: small}\n"
    changed = load(graph.path, text=text)

    def said(answer: dict[str, Any]) -> list[str]:
        return [line[3] for line in answer["own"].get("lines", {"lines": []})["lines"]]

    async def look(viewer: Viewer) -> None:
        await viewer.ask(question("shrink", "show", large=("show", "after")))
        write_picture(page.run / "shrink.1.after", jpeg(160, 120), name="small.jpg")
        (page.run / "graph.yaml").write_text(text)
        write_status(page.run, status(changed))
        names = ["camera", "show", "shrink"]
        await viewer.until(
            question(), lambda answer: [node["name"] for node in answer["shared"]["overview"]["nodes"]] == names
        )
        (page.run / "log.jsonl").write_text('{"at": 1.0, "who": "shrink", "text": "is here"}\n')
        asked = question("shrink", node="shrink")
        await viewer.until(asked, lambda answer: "is here" in said(answer))
        await viewer.until(asked, lambda _: [facts for facts, _ in viewer.pictures if facts["name"] == "small.jpg"])
        (page.run / "graph.yaml").write_text(graph.text)
        write_status(page.run, status(graph))
        await viewer.ask(question("shrink", large=("shrink", "after")))  # of one that has gone

    viewed(page, look)
    assert "Traceback" not in page.output
