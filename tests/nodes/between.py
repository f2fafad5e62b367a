"""A node at work in a graph: images go in on a wire, and what it passes on is saved."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.launch import Launch, files


def passed_on(folder: Path, images: Iterable[Image.Image], run: str, **args: Any) -> list[str]:
    """The numbers of those `images` that the node `run` passes on, in their order; the launcher ends well."""
    (folder / "images").mkdir()
    for number, image in enumerate(images):
        image.save(folder / "images" / f"{number}.png")
    write_graph(
        folder,
        splitter={"run": "nodes.splitter", "push": "frames", "args": {"source": "images/*.png"}},
        node={"run": run, "pull": "frames", "push": "kept", "args": args},
        saver={"run": "nodes.saver", "pull": "kept", "args": {"folder": "saved"}},
    )
    with Launch(folder) as launch:
        assert launch.ends() == 0, launch.output
    return [str(int(name.removeprefix("images-").removesuffix(".jpg"))) for name in files(folder / "saved")]


def write_graph(folder: Path, **nodes: Any) -> None:
    (folder / "graph.yaml").write_text(json.dumps({"nodes": nodes}))
