"""A filter of the user's own, beside a graph of the user's own, in a folder of its own."""

import importlib.util
from pathlib import Path

from PIL import Image

from bus import Message
from tests.conftest import make_clip
from tests.launch import Launch, files

FILTER = '''\
"""Shrink every frame: keep one pixel in `factor`."""

from bus import run


def shrink(frames, *, factor=2):
    for frame in frames:
        yield frame.replace(frame.array[::factor, ::factor])


if __name__ == "__main__":
    run(shrink)
'''
GRAPH = """\
nodes:
  splitter:
    run: nodes.splitter
    push: streams
    args: {source: clip.mp4, folder: spool}
  watcher:
    run: nodes.watcher
    pull: streams
    push: frames
    args: {folder: spool}
  shrink:
    run: my_filter
    pull: frames
    push: small
    args: {factor: 4}
    replicas: 2
  saver:
    run: nodes.saver
    pull: small
    args: {folder: small}
"""


def test_a_filter_in_six_lines_runs_beside_its_own_graph(tmp_path: Path) -> None:
    (tmp_path / "my_filter.py").write_text(FILTER)
    (tmp_path / "graph.yaml").write_text(GRAPH)
    make_clip(tmp_path / "clip.mp4", 60, "320x180")

    with Launch(tmp_path) as graph:
        assert graph.ends() == 0

    results = files(tmp_path / "small")
    assert len(results) == 60
    for name in results:
        with Image.open(tmp_path / "small" / name) as image:
            assert image.size == (80, 45)


def test_a_filter_is_tested_with_a_list(tmp_path: Path) -> None:
    (tmp_path / "my_filter.py").write_text(FILTER)
    spec = importlib.util.spec_from_file_location("my_filter", tmp_path / "my_filter.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    [small] = module.shrink([Message(Image.new("RGB", (64, 48)))], factor=2)

    assert small.image.size == (32, 24)
