"""nodes/watcher.py where writers are at work behind a mount, of whom the kernel tells nothing."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from media.watched import arrivals, events
from nodes.watcher import watcher
from tests.mounting import bound, disk, overlay, passed_through
from tests.nodes.playing import Flow, finish, nothing, some

Mount = Callable[[Path], AbstractContextManager[Path]]
HIDING = "where some writers are not heard of: looks every second as well"
IN_DELETE_SELF = 0x400  # inotify(7): an event that no file in the folder causes


@pytest.fixture
def watch() -> Iterator[Callable[[Path], Flow]]:
    """Starts watchers, which watch when they are returned, and stops them."""
    with ExitStack() as flows:

        def start(folder: Path) -> Flow:
            flow: Any = watcher(folder=str(folder))
            flows.enter_context(closing(flow))
            assert next(flow) is None
            return flow  # type: ignore[no-any-return]

        yield start


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was said beyond that it watches."""
    return [line for line in capsys.readouterr().out.splitlines() if not line.startswith("watches ")]


def two_looks(flow: Flow) -> bool:
    """Whether nothing comes for so long that the watcher has looked into its folder twice."""
    return nothing(flow, 12)


@pytest.mark.parametrize(("mount", "kind"), [(overlay, "overlay"), (passed_through, "fuse")])
def test_what_is_written_behind_a_mount_comes_whole_and_once_and_that_is_said_once(
    tmp_path: Path, mount: Mount, kind: str, watch: Callable[[Path], Flow], capsys: pytest.CaptureFixture[str]
) -> None:
    spool = tmp_path / "spool"
    with mount(spool) as behind:
        flow = watch(spool)
        names = [f"{number:02}.jpg" for number in range(20)] + ["made/later/a.jpg", "made/later/b.jpg"]
        for name in names:
            (behind / name).parent.mkdir(parents=True, exist_ok=True)
            (behind / name).write_text(name)
        messages = some(flow, len(names))
        assert {message.name: message.bytes.decode() for message in messages} == {name: name for name in names}
        for message in messages:
            finish(message)
        assert two_looks(flow)
        [line] = said(capsys)
        assert line == f"{spool} is on {kind}, {HIDING}"


PIECES = """
import sys, time
with open(sys.argv[1], "wb") as file:
    for piece in range(6):
        file.write(b"piece")
        file.flush()
        time.sleep(0.3)  # a slow writer is what is tested
"""


@pytest.mark.parametrize("mount", [overlay, passed_through])
def test_a_slow_writer_behind_a_mount_is_waited_for(
    tmp_path: Path, mount: Mount, watch: Callable[[Path], Flow]
) -> None:
    spool = tmp_path / "spool"
    with mount(spool) as behind:
        flow = watch(spool)
        with subprocess.Popen([sys.executable, "-c", PIECES, str(behind / "a.jpg")]):
            [message] = some(flow, 1)
            assert message.bytes == b"piece" * 6  # read now: a writer behind the mount writes on in what was claimed
        finish(message)


def test_writers_that_are_heard_of_are_not_taken_for_hidden_ones(
    tmp_path: Path, watch: Callable[[Path], Flow], capsys: pytest.CaptureFixture[str]
) -> None:
    spool = tmp_path / "spool"
    with passed_through(spool):
        (spool / "before.jpg").write_text("whole")
        os.mkfifo(spool / "stays.jpg")
        flow = watch(spool)
        (spool / "sub").mkdir()
        (spool / "sub/a.jpg").write_text("whole")
        with open(spool / "slow.jpg", "w") as slow:
            assert {message.name for message in some(flow, 2)} == {"before.jpg", "sub/a.jpg"}
            assert two_looks(flow)
            slow.write("whole")
        assert [message.name for message in some(flow, 1)] == ["slow.jpg"]
        assert [line for line in said(capsys) if HIDING in line] == []


def test_a_bind_mount_tells_of_writers_at_its_other_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: Callable[[Path], Flow], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(arrivals, "LOOK", 60.0)  # who is told need not look
    with disk(tmp_path / "disk") as there, bound(there, tmp_path / "spool") as spool:
        flow = watch(spool)
        (there / "a.jpg").write_text("whole")
        assert [message.name for message in some(flow, 1)] == ["a.jpg"]
        assert said(capsys) == []


def test_a_folder_that_tells_of_nothing_is_found_out_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: Callable[[Path], Flow], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(events, "MASK", IN_DELETE_SELF)  # as silent as some mounts, none of which can be had here
    flow = watch(tmp_path)
    [line] = said(capsys)
    assert line.startswith(f"no events come from {tmp_path}, which is on ")
    assert line.endswith(": looks every second instead")
    (tmp_path / "sub").mkdir()
    for name in ("a.jpg", "sub/b.jpg"):
        (tmp_path / name).write_text("whole")
    assert [message.name for message in some(flow, 2)] == ["a.jpg", "sub/b.jpg"]
    assert said(capsys) == []
