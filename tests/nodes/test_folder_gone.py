"""nodes/watcher.py when its folder is removed, moved away, replaced or mounted over while it is watched."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from bus import Message
from nodes import watcher as module
from nodes.watcher import watcher
from tests.mounting import disk
from tests.nodes.playing import Flow, finish, nothing, rest, some

GONE = "was removed, moved away or replaced: goes on as soon as it is there"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def watch(spool: Path) -> Iterator[Callable[..., Flow]]:
    """Starts watchers of the spool, which watch when they are returned, and stops them."""
    with ExitStack() as flows:

        def start(streams: Any = None, then: str = "delete") -> Flow:
            flow: Any = watcher(streams, folder=str(spool), then=then)
            flows.enter_context(closing(flow))
            assert next(flow) is None
            return flow  # type: ignore[no-any-return]

        yield start


def lines(capsys: pytest.CaptureFixture[str], spool: Path) -> list[str]:
    return [line.replace(str(spool), "spool") for line in capsys.readouterr().out.splitlines()]


def remove(spool: Path) -> None:
    subprocess.run(["rm", "-rf", str(spool)], check=True)


def move_away(spool: Path) -> None:
    subprocess.run(["mv", str(spool), f"{spool}.old"], check=True)


@pytest.mark.parametrize("take_away", [remove, move_away])
def test_a_folder_that_goes_is_waited_for_and_watched_afresh(
    spool: Path, watch: Callable[..., Flow], take_away: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    flow = watch()
    (spool / "sub").mkdir()
    (spool / "sub/before.jpg").write_text("whole")
    [before] = some(flow, 1)
    finish(before)
    take_away(spool)
    assert nothing(flow)
    assert not spool.exists()  # so that `rm -rf spool; mkdir spool` is no error
    subprocess.run(["mkdir", str(spool)], check=True)
    (spool / "sub").mkdir()
    (spool / "sub/after.jpg").write_text("whole")
    [after] = some(flow, 1)
    assert (after.name, after.bytes) == ("sub/after.jpg", b"whole")
    (spool / "told.jpg").write_text("whole")
    assert [message.name for message in some(flow, 1)] == ["told.jpg"]
    assert lines(capsys, spool) == ["watches spool: 0 waiting", f"spool {GONE}", "watches spool: 1 waiting"]


def test_a_folder_that_is_replaced_between_two_looks_is_noticed(
    spool: Path, watch: Callable[..., Flow], capsys: pytest.CaptureFixture[str]
) -> None:
    flow = watch()
    (spool / "a.jpg").write_text("old")
    remove(spool)
    spool.mkdir()
    (spool / "a.jpg").write_text("new")
    [message] = some(flow, 1)
    assert message.bytes == b"new"
    assert nothing(flow)
    finish(message)
    assert lines(capsys, spool).count(f"spool {GONE}") == 1
    assert list(spool.rglob("*.jpg")) == []


KEPT = {  # what is left of a file of the old folder, by what becomes of it
    ("delete", "done"): set(),
    ("delete", "rejected"): {"dead-letters/image.jpg", "dead-letters/image.jpg.txt"},
    ("keep", "done"): {".done/image.jpg"},
    ("keep", "rejected"): {"dead-letters/image.jpg", "dead-letters/image.jpg.txt"},
}


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("is_noticed", [True, False])
@pytest.mark.parametrize(("then", "verdict"), KEPT)
def test_what_was_on_its_way_from_the_old_folder_is_seen_off_there_and_leaves_the_new_one_alone(
    spool: Path, watch: Callable[..., Flow], then: str, verdict: str, is_noticed: bool
) -> None:
    flow = watch(then=then)
    (spool / "image.jpg").write_text("old")
    [old] = some(flow, 1)
    other = spool.with_name("other")
    (other / ".taken").mkdir(parents=True)
    (other / ".taken/image.jpg").write_text("new, and not finished yet")
    move_away(spool)
    other.rename(spool)
    messages = some(flow, 1) if is_noticed else []
    finish(old, verdict, "why")
    assert files(spool) == {".taken/image.jpg"}
    assert files(spool.with_name("spool.old")) == KEPT[then, verdict]
    [new] = messages or some(flow, 1)
    assert new.bytes == b"new, and not finished yet"
    finish(new)
    assert files(spool) == KEPT[then, "done"]


def test_what_an_earlier_run_left_in_the_new_folder_comes_first(spool: Path, watch: Callable[..., Flow]) -> None:
    flow = watch()
    other = spool.with_name("other")
    (other / ".taken").mkdir(parents=True)
    (other / ".taken/left.jpg").write_text("whole")
    (other / "a.jpg").write_text("whole")
    remove(spool)
    other.rename(spool)
    assert [message.name for message in some(flow, 2)] == ["left.jpg", "a.jpg"]


def test_a_disk_that_is_mounted_over_the_folder_and_unmounted_again_is_noticed(
    spool: Path, watch: Callable[..., Flow], capsys: pytest.CaptureFixture[str]
) -> None:
    flow = watch()
    with disk(spool):
        (spool / "a.jpg").write_text("on the disk")
        [message] = some(flow, 1)
        assert message.bytes == b"on the disk"
        finish(message)
    (spool / "b.jpg").write_text("below it")
    [message] = some(flow, 1)
    assert message.bytes == b"below it"
    assert lines(capsys, spool).count(f"spool {GONE}") == 2


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Whether the splitter has ended: a plain list has at once, other than a wire."""
    event = threading.Event()
    monkeypatch.setattr(module, "closed", lambda streams: event.is_set())
    return event


def test_without_its_folder_it_ends_with_its_input(
    spool: Path, watch: Callable[..., Flow], ended: threading.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = watch([])
    remove(spool)
    assert nothing(flow)
    ended.set()
    assert rest(flow) == []
    assert lines(capsys, spool)[1:] == [
        f"spool {GONE}",
        "spool is not there, so nothing waits in it, and its splitters have ended: ends too",
    ]
    assert not spool.exists()


def test_what_the_splitter_told_outlives_the_folder(
    spool: Path, watch: Callable[..., Flow], ended: threading.Event
) -> None:
    streams = [Message(stream="before", data={"rate": 25})]
    flow = watch(streams)
    assert nothing(flow)
    remove(spool)
    assert nothing(flow)
    streams[:] = [Message(stream="meanwhile", data={"rate": 50})]
    assert nothing(flow)
    streams.clear()
    spool.mkdir()  # as the splitter does
    for stream in ("before", "meanwhile"):
        (spool / f"{stream}-7.jpg").write_text("whole")
    messages = some(flow, 2)
    assert [(message.stream, message.number, message.data) for message in messages] == [
        ("before", 7, {"rate": 25}),
        ("meanwhile", 7, {"rate": 50}),
    ]
    assert set(json.loads((spool / ".streams").read_text())) == {"before", "meanwhile"}  # for the next start
