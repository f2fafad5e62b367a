"""The pictures of the docs: taken from real runs, small, and fit for strangers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import need
from tests.launch import ROOT
from tests.screenshots import picture, terminal, web
from tests.screenshots.terminal import drawn
from tests.terminal import Terminal

MOST = 300_000  # bytes of a picture
TOKEN = "dGhlIHRva2VuIG9mIGEgcGFnZQ"


@pytest.mark.timeout(600)
def test_the_page_and_the_terminal_are_taken_from_real_runs(tmp_path: Path) -> None:
    need("chromium")
    options = [f"--into={tmp_path}", f"--robot={tmp_path / 'robot'}", "--frames=20"]

    done = subprocess.run(
        [sys.executable, "-m", "tests.screenshots", *options, "page", "terminal"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.png", "terminal.png"]
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            assert image.width > 1000
            assert len(image.getcolors() or ()) > 10


@pytest.mark.parametrize("name", [*web.VIEWS, terminal.NAME])
def test_the_pictures_of_the_docs_are_there_and_load_fast(name: str) -> None:
    path = ROOT / "docs" / "images" / f"{name}.png"
    assert path.stat().st_size < MOST
    with Image.open(path) as image:
        assert name not in web.VIEWS or image.width == picture.SHARP * web.VIEWS[name].width


@pytest.mark.parametrize(
    "text",
    [f"http://127.0.0.1:8080/?token={TOKEN}", "?token=", f"its end: {TOKEN[-9:]}", f"{ROOT}/nodes", "/run/user/0"],
)
def test_a_picture_that_tells_a_secret_is_not_written(tmp_path: Path, text: str) -> None:
    with pytest.raises(AssertionError, match="would show"):
        picture.save(b"", f"robot/graph.yaml\n{text}\nruns", TOKEN, tmp_path / "page.png")
    assert not [*tmp_path.iterdir()]


def test_a_screen_keeps_its_colours_and_its_text_stays_text() -> None:
    screen = Terminal(40, 10)
    for piece in ("\x1b[3", "2mruns\x1b[0m <b>&"):
        os.write(screen.inner, piece.encode())
        lines = screen.read()  # in the middle of a command, too
    screen.close()
    assert lines == ["runs <b>&"]
    red, green, blue = terminal.GREEN
    assert f'<span style="color: #{red:02x}{green:02x}{blue:02x}' in drawn([*screen.coloured(), ""])
    assert "&lt;b&gt;&amp;" in drawn([*screen.coloured(), ""])
