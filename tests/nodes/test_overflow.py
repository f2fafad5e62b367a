"""nodes/watcher.py when files come faster than the kernel keeps their events."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from media.watched.tree import Tree
from nodes.watcher import watcher
from tests.nodes.playing import finish

KEPT = Path("/proc/sys/fs/inotify/max_queued_events")  # read by the kernel when an inotify instance is made
FEW = 64
FILES = 8_000  # a scan at each look would be 80


@contextmanager
def few_events_kept() -> Iterator[None]:
    """Other programs that start meanwhile get few as well, so be short."""
    before = KEPT.read_text()
    try:
        KEPT.write_text(str(FEW))
    except OSError as error:
        pytest.skip(f"{KEPT} cannot be set: {error.strerror}")
    try:
        yield
    finally:
        KEPT.write_text(before)


def test_of_thousands_of_files_at_once_each_comes_once_and_scans_are_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    walked, real = [], Tree.walk

    def walk(self: Tree, below: str = "") -> Iterator[str]:
        if not below:
            walked.append(below)
        return real(self, below)

    monkeypatch.setattr(Tree, "walk", walk)
    flow: Any = watcher(folder=str(tmp_path))
    with closing(flow):
        with few_events_kept():
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
