"""Show puts the newest frame into a window, and says what it would show where there is none."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bus import Message, encode
from nodes.show import show
from tests.conftest import need, until
from tests.launch import Launch
from tests.nodes.between import write_graph

FRAMES = 60


@pytest.fixture
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)


@pytest.fixture
def screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A screen that nobody sees."""
    need("Xvfb")
    number, told = os.pipe()
    with subprocess.Popen(["Xvfb", "-displayfd", str(told), "-screen", "0", "800x600x24"], pass_fds=[told]) as server:
        os.close(told)
        monkeypatch.setenv("DISPLAY", f":{os.read(number, 9).decode().strip()}")
        yield
        server.terminate()
    os.close(number)


def frames(count: int) -> list[Message]:
    return [Message(encode(Image.new("RGB", (64, 48), (n, 0, 0))), name=f"cam-{n}.jpg") for n in range(count)]


@pytest.mark.usefixtures("no_screen")
def test_without_a_screen_a_line_says_what_it_would_show(capsys: pytest.CaptureFixture[str]) -> None:
    show(frames(3))

    why, what = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"there is no window \(.*\): says once a second what it would show", why)
    assert re.fullmatch(r"would show cam-2\.jpg of 64x48, [0-9.]+ frames/s", what)


@pytest.mark.usefixtures("no_screen")
def test_a_line_comes_once_a_second_and_what_is_no_image_is_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    def slowly() -> Iterator[Message]:
        for frame in frames(5):
            yield frame
            time.sleep(0.3)

    from nodes import show as module

    broken = Message(b"no image", name="broken.jpg")
    module.MOST, before = 1, module.MOST
    try:
        show(slowly())  # 1.5 s
        show([broken])
    finally:
        module.MOST = before

    assert capsys.readouterr().out.count("would show ") == 2
    assert broken.reason is not None and broken.reason.startswith("cannot decode")


@pytest.mark.parametrize("args", [{"width": 0}, {"height": -1}])
def test_a_wrong_argument_is_one_line_and_exit_code_2(args: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        show([], **args)

    assert exit.value.code == 2
    assert capsys.readouterr().out.startswith("a window of ")


@pytest.mark.usefixtures("screen")
def test_the_window_shows_frames_and_closing_it_ends_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    show(frames(200))

    assert capfd.readouterr() == ("shows the newest frame in a window\n", "")


@pytest.mark.usefixtures("no_screen")
def test_in_a_graph_it_takes_every_frame_beside_another_branch(tmp_path: Path) -> None:
    run_beside(tmp_path)


@pytest.mark.usefixtures("screen")
def test_in_a_graph_a_window_that_is_closed_ends_nothing(tmp_path: Path) -> None:
    run_beside(tmp_path, close=True)


def run_beside(folder: Path, close: bool = False) -> None:
    """A graph that shows what it saves."""
    write_graph(
        folder,
        splitter={"run": "nodes.splitter", "push": ["all", "preview"], "args": {"source": "test", "limit": FRAMES}},
        saver={"run": "nodes.saver", "pull": "all", "args": {"folder": "saved"}},
        show={"run": "nodes.show", "pull": "preview"},
    )
    with Launch(folder) as launch:
        if close:
            launch.says("shows the newest frame in a window")
            pid = until(lambda: window_of(folder), 20, "a window")
            os.kill(pid, 15)
            launch.says("the window was closed: goes on without one")
        assert launch.ends() == 0, launch.output
    assert len([*(folder / "saved").iterdir()]) == FRAMES
    assert close or "would show test-" in launch.output


def window_of(folder: Path) -> int:
    """The process of the window of a graph in `folder`."""
    from tests.launch import processes_in

    return next(
        (pid for pid, words in processes_in(folder).items() if any(word.endswith("window.py") for word in words)), 0
    )
