"""The main job with the real launcher: a clip becomes converted frames, and no death of anything costs one."""

import json
import os
import signal
from functools import partial
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat

from tests.conftest import make_clip, until
from tests.launch import Launch, files, processes_in

FRAMES = 528
LARGE = 120  # frames of 720p
LOSS = 4.0  # mean grey levels that JPEG at quality 90 may differ from what was encoded


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """528 frames, small enough that the tests that kill can afford several."""
    return make_clip(tmp_path_factory.mktemp("clip") / "small.mp4", FRAMES, "320x180")


def assert_all_converted(folder: Path, stream: str = "small", frames: int = FRAMES) -> None:
    """Every frame of the clip has exactly one result under its own name, and each is a whole image."""
    results = [name for name in files(folder / "converted") if name.startswith(stream)]
    assert len(results) == frames
    assert len({Path(name).stem for name in results}) == frames
    for name in results:
        with Image.open(folder / "converted" / name) as image:
            image.load()


def assert_nothing_left(folder: Path) -> None:
    """The spool is empty: no frame waits and none is taken."""
    assert files(folder / "spool") == []
    assert [path for path in (folder / "spool" / ".taken").rglob("*") if path.is_file()] == []


def assert_embossed(folder: Path, names: list[str]) -> None:
    """Each result is Pillow's EMBOSS of the source that was kept, within JPEG's loss."""
    for name in names:
        with (
            Image.open(folder / "spool" / ".done" / name) as source,
            Image.open(folder / "converted" / name) as result,
        ):
            difference = ImageChops.difference(source.filter(ImageFilter.EMBOSS), result)
            assert max(ImageStat.Stat(difference).mean) < LOSS, name


def test_every_frame_of_a_720p_clip_is_embossed_as_pillow_does_it(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", LARGE)

    with Launch(tmp_path, "splitter.source=clip.mp4", "watcher.then=keep") as graph:
        assert graph.ends() == 0

    assert_all_converted(tmp_path, "clip", LARGE)
    assert_nothing_left(tmp_path)
    assert f"converted {LARGE}, dead letters 0, dropped 0, lost 0" in graph.output
    assert_embossed(tmp_path, files(tmp_path / "converted")[::4])


def test_four_replicas_share_the_work(tmp_path: Path, clip: Path) -> None:
    with Launch(tmp_path, f"splitter.source={clip}", "converter.replicas=4", "watcher.then=keep") as graph:
        assert graph.ends() == 0

    assert_embossed(tmp_path, files(tmp_path / "converted")[::4])
    assert_all_converted(tmp_path)
    assert_nothing_left(tmp_path)


def test_frames_that_wait_at_a_stop_are_converted_at_the_next_start(tmp_path: Path, clip: Path) -> None:
    slowly = f"converter.filter={json.dumps(['emboss'] * 100)}"  # so that it is not through before it is stopped
    with Launch(tmp_path, f"splitter.source={clip}", slowly, "converter.replicas=1") as graph:
        until(lambda: len(files(tmp_path / "converted")) > 10, 30, "ten results")
        graph.interrupt()
        assert graph.ends(10) == 0
    assert len(files(tmp_path / "converted")) < FRAMES
    spool = tmp_path / "spool"
    in_hand, waiting = (len([*folder.glob("*.jpg")]) for folder in (spool / ".taken", spool))
    assert in_hand + waiting > 0

    with Launch(tmp_path, f"splitter.source={clip}") as graph:
        assert graph.ends() == 0

    assert (f"{in_hand} frames that were taken before" in graph.output) == (in_hand > 0)
    assert f": {waiting} waiting" in graph.output
    assert_all_converted(tmp_path)
    assert_nothing_left(tmp_path)


def test_a_second_clip_goes_through_the_same_folders(tmp_path: Path, clip: Path) -> None:
    make_clip(tmp_path / "second.mp4", 100, "320x180")

    for source in (str(clip), "second.mp4"):
        with Launch(tmp_path, f"splitter.source={source}") as graph:
            assert graph.ends() == 0

    assert_all_converted(tmp_path)
    assert_all_converted(tmp_path, "second", 100)
    assert_nothing_left(tmp_path)


@pytest.mark.parametrize("victim", ["splitter.1", "watcher.1", "converter.1"])
def test_kill_9_in_mid_clip_costs_no_frame(tmp_path: Path, clip: Path, victim: str) -> None:
    def is_done(share: int) -> bool:
        return len(files(tmp_path / "converted")) > share

    # With a budget the splitter is not through long before the others.
    with Launch(tmp_path, f"splitter.source={clip}", "splitter.budget=100") as graph:
        for share in (10, 60, 110):
            until(partial(is_done, share), 60, f"{share} frames")
            graph.kill(victim)
        assert graph.ends() == 0

    assert graph.output.count("was killed by SIGKILL") == 3
    assert_all_converted(tmp_path)
    assert_nothing_left(tmp_path)


def test_kill_9_of_the_launcher_leaves_nothing_alive_and_the_next_start_finishes(tmp_path: Path, clip: Path) -> None:
    with Launch(tmp_path, f"splitter.source={clip}") as graph:
        until(lambda: len(files(tmp_path / "converted")) > 50, 30, "fifty results")
        os.kill(graph.process.pid, signal.SIGKILL)
        graph.process.wait()
        until(lambda: not processes_in(tmp_path), 6, "all processes of the graph gone")

    with Launch(tmp_path, f"splitter.source={clip}") as graph:
        assert graph.ends() == 0

    assert_all_converted(tmp_path)
    assert_nothing_left(tmp_path)


def test_the_test_camera_runs_until_ctrl_c(tmp_path: Path) -> None:
    with Launch(tmp_path, "splitter.source=test:forever") as graph:
        until(lambda: len(files(tmp_path / "converted")) > 30, 30, "thirty results")
        graph.interrupt()
        assert graph.ends(10) == 0

    assert "Traceback" not in graph.output
    assert "lost 0" in graph.output
