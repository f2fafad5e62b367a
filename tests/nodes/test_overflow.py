"""nodes/watcher.py when files come faster than the kernel keeps their events."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from media.tree import Tree
from nodes.watcher import watcher
from tests.nodes.playing import finish

KEPT = Path("/proc/sys/fs/inotify/max_queued_events")  # read by the kernel when an inotify instance is made
FEW = 64
FILES = 20_000


@pytest.fixture
def few_events_kept() -> Iterator[None]:
    before = KEPT.read_text()
    try:
        KEPT.write_text(str(FEW))
    except OSError as error:
        pytest.skip(f"{KEPT} cannot be set: {error.strerror}")
    try:
        yield
    finally:
        KEPT.write_text(before)


def test_of_20000_files_at_once_each_comes_once_and_scans_are_few(
    tmp_path: Path, few_events_kept: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    walked, real = [0.0], Tree.walk

    def walk(self: Tree, below: str = "") -> Iterator[str]:
        began = time.monotonic()
        yield from real(self, below)
        if not below:
            walked.append(time.monotonic() - began)

    monkeypatch.setattr(Tree, "walk", walk)
    flow: Any = watcher(folder=str(tmp_path))
    with closing(flow):
        assert next(flow) is None
        names = []
        for number in range(FILES):  # each time the watcher looks up, there are more than its queue holds
            (tmp_path / f"{number % 10}").mkdir(exist_ok=True)
            (tmp_path / f"{number % 10}" / f"{number:05}.jpg").write_bytes(b"whole")
            if number % 100 == 0 and (message := next(flow)):
                names.append(message.name)
                finish(message)
        while len(names) < FILES:
            if message := next(flow):
                names.append(message.name)
                finish(message)
    assert len(set(names)) == FILES
    assert len(walked) < 40
    assert capsys.readouterr().out.count("scans the folder") == 1
