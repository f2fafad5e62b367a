"""A node tried by hand: on an image, a folder, a clip; what is left and said; again at each save."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bus import Message, Undecodable, batches
from bus.trial import attempt
from tests.conftest import make_clip, until
from tests.launch import ROOT
from tests.test_custom_node import FILTER


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.radial_gradient("L").save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve images and more in a folder, one of them in a folder of its own."""
    (tmp_path / "photos" / "more").mkdir(parents=True)
    for number in range(12):
        Image.new("RGB", (32, 24), (number, 0, 0)).save(tmp_path / "photos" / f"{number:02}.png")
    Image.new("RGB", (32, 24)).save(tmp_path / "photos" / "more" / "01.jpg")
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    return tmp_path / "photos"


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def flip(frames: Any, *, mode: str = "all") -> Iterator[Any]:
    for frame in frames:
        if mode == "drop" and frame.number % 2:
            continue
        yield frame.replace(frame.image.rotate(180))
        if mode == "twice":
            yield "other", frame


def test_the_result_lies_beside_the_image(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attempt(flip, 1, {}, photo) == 0

    assert re.fullmatch(rf"{photo} -> {photo.parent}/photo.flip.png in [\d.]+ ms\n", capsys.readouterr().out)
    with Image.open(photo) as given, Image.open(photo.with_name("photo.flip.png")) as made:
        assert made.tobytes() == given.rotate(180).tobytes()
    assert left(photo.parent) == ["photo.flip.png", "photo.png"]


def test_a_second_result_has_a_number_and_named_outputs_are_written_too(photo: Path) -> None:
    assert attempt(flip, 1, {"mode": "twice"}, photo) == 0

    assert left(photo.parent) == ["photo.flip.2.png", "photo.flip.png", "photo.png"]


def test_each_image_of_a_folder_is_tried(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attempt(flip, 1, {"mode": "twice"}, photos) == 0

    given = [name for name in left(photos) if name != "notes.txt"]
    assert len(given) == 13
    home = photos.with_name("photos.flip")
    assert left(home) == sorted(given + [name.replace(".", ".2.") for name in given])
    assert f"{photos}: 13 frames -> {home}, 26 results; " in capsys.readouterr().out


def test_the_first_frames_of_a_clip_are_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 40, "160x120")

    assert attempt(flip, 1, {}, clip) == 0

    assert left(tmp_path / "clip.flip") == [f"clip-{number:08d}.jpg" for number in range(25)]
    words = r"25 frames -> .*/clip.flip, 25 results; [\d.]+ ms a frame, at most [\d.]+ ms\n"
    assert re.search(words, capsys.readouterr().out)
    assert left(tmp_path) == [*(f"clip.flip/clip-{number:08d}.jpg" for number in range(25)), "clip.mp4"]


def test_an_error_is_said_once_from_the_users_file_on_with_a_count(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def spoil(frames: Any) -> Iterator[Any]:
        for frame in frames:
            if frame.number % 3:
                raise KeyError(frame.name)  # the words differ, the line does not
            if frame.number == 6:
                int("six")
            yield frame

    assert attempt(spoil, 1, {}, photos) == 1

    said = capsys.readouterr().out
    assert said.count("Traceback") == 2
    first = said.partition("Traceback (most recent call last):\n")[2].splitlines()[0]
    assert f'File "{__file__}"' in first
    number = spoil.__code__.co_firstlineno + 3
    assert f"KeyError in test_trial.py, line {number}: 9 times\n" in said
    assert f"ValueError in test_trial.py, line {number + 2}: once\n" in said
    assert len(left(photos.with_name("photos.spoil"))) == 3


def test_what_cannot_be_done_is_named(photos: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def choosy(frames: Any) -> Iterator[Any]:
        for batch in batches(frames, 4):
            for frame in batch:
                if frame.image.mode == "RGB" and frame.array[0, 0, 0] in (3, 5):
                    frame.reject("too dark")
                else:
                    yield frame.replace(frame.image, data={"shade": frame.image.size[0]})

    (photos / "broken.jpg").write_text("no image at all")
    assert attempt(choosy, 1, {}, photos) == 65

    said = capsys.readouterr().out
    assert "03.png, 05.png would be dead letters: too dark\n" in said
    assert "broken.jpg would be a dead letter: " in said
    assert '01.png: {"shade": 32}\n' in said
    assert "Traceback" not in said


def test_a_node_that_saves_is_not_asked_for_more(photos: Path) -> None:
    def keep(frames: Any, *, folder: str) -> Iterator[Any]:
        for frame in frames:
            place = Path(folder) / f"{frame.stream}-{frame.number}.txt"
            place.parent.mkdir(exist_ok=True)
            place.write_text(frame.name)
            yield frame

    assert attempt(keep, 1, {"folder": "never"}, photos) == 0

    assert left(photos.with_name("photos.keep")) == sorted(f"photos-{number}.txt" for number in range(1, 14))
    assert not Path("never").exists()


@pytest.mark.parametrize(
    ("function", "code", "words"),
    [
        (lambda frames: 7, 2, "it returned int: a node yields its messages, one by one"),
        (lambda frames: iter(()), 2, "it returned tuple_iterator: a node yields its messages, one by one"),
        (lambda frames: None, 2, "it returned without taking a frame"),
        (lambda frames: (7 for _ in frames), 2, "it yielded int: yield a message, such as frame.replace(…)"),
        (lambda frames: (None for _ in frames), 0, "photo.png -> nothing in"),
    ],
)
def test_what_no_node_may_do_is_said(
    photo: Path, capsys: pytest.CaptureFixture[str], function: Any, code: int, words: str
) -> None:
    assert attempt(function, 1, {}, photo) == code

    assert words in capsys.readouterr().out
    assert left(photo.parent) == ["photo.png"]


def test_an_error_before_the_first_frame_ends_it(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def unlucky(frames: Any) -> Iterator[Any]:
        raise Undecodable("no model there")
        yield from frames

    with pytest.raises(SystemExit) as ended:
        attempt(unlucky, 1, {}, photo)

    assert ended.value.code == 1
    assert "no model there" in capsys.readouterr().out
    assert left(photo.parent) == ["photo.png"]


def test_further_inputs_are_empty(photo: Path) -> None:
    def join(left: Any, right: Any) -> Iterator[Message]:
        assert list(right) == []
        yield from left

    assert attempt(join, 2, {}, photo) == 0


def test_what_is_no_image_folder_or_clip_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.txt").write_text("no video")

    assert [attempt(flip, 1, {}, tmp_path / name) for name in ("empty", "words.txt", "none")] == [2, 65, 2]

    said = capsys.readouterr().out
    assert f"there is no image in {tmp_path}/empty" in said
    assert f"cannot read {tmp_path}/words.txt" in said
    assert f"{tmp_path}/none is not a file" in said


# ---- again at each save


class Reloading:
    """`python … --reload` in a folder, and what it says."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def says(self, words: str, times: int = 1) -> None:
        until(lambda: len(re.findall(words, self.log.read_text())) >= times, 30, f"{words}: {self.log.read_text()}")

    def ends(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)  # as a terminal does
        return self.process.wait(10)


@contextmanager
def reloading(folder: Path, command: list[str]) -> Iterator[Reloading]:
    made = Reloading(folder, command)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            os.killpg(made.process.pid, signal.SIGKILL)
        made.process.wait()


def size(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        return (image.width, image.height)


@pytest.mark.parametrize(
    "command",
    [
        ["my_filter.py", "--try=photo.png", "--reload"],
        [str(ROOT / "launcher.py"), "graph.yaml", "try", "shrink", "photo.png", "--reload"],
    ],
    ids=["by hand", "by the launcher"],
)
def test_it_is_tried_again_at_each_save_until_ctrl_c(photo: Path, command: list[str]) -> None:
    folder, module = photo.parent, photo.with_name("my_filter.py")
    module.write_text(FILTER)
    source = "w: {run: nodes.watcher, push: f, args: {folder: in}}"
    (folder / "graph.yaml").write_text(f"nodes: {{{source}, shrink: {{run: my_filter, pull: f}}}}")
    with reloading(folder, command) as tried:
        tried.says("again at the next save")
        assert size(folder / "photo.shrink.png") == (128, 128)

        module.write_text(FILTER.replace("factor=2", "factor=4"))
        tried.says("---- my_filter.py saved")
        tried.says("again at the next save", 2)
        assert size(folder / "photo.shrink.png") == (64, 64)

        module.write_text("def (")
        tried.says("SyntaxError")
        tried.says("again at the next save", 3)

        (folder / "half.tmp").write_text(FILTER.replace("factor=2", "factor=8"))
        (folder / "half.tmp").rename(module)  # as most editors save
        tried.says("again at the next save", 4)
        assert size(folder / "photo.shrink.png") == (32, 32)
        assert tried.ends() == 0

    assert "Interrupt" not in tried.log.read_text()


def test_a_save_ends_a_trial_that_goes_on(photo: Path) -> None:
    folder, module = photo.parent, photo.with_name("my_filter.py")
    module.write_text(FILTER.replace("    for frame", "    print('waits'); import time; time.sleep(60)\n    for frame"))
    with reloading(folder, ["my_filter.py", "--try=photo.png", "--reload"]) as tried:
        tried.says("waits")
        module.write_text(FILTER)
        tried.says("again at the next save")
        assert tried.ends() == 0

    assert left(folder) == sorted(["log", "my_filter.py", "photo.png", "photo.shrink.png"])
    assert not [path for path in folder.iterdir() if path.name.startswith(".try-")]


def test_reload_goes_with_try(photo: Path) -> None:
    shutil.copy(ROOT / "nodes" / "saver.py", photo.parent / "own.py")
    done = subprocess.run(
        [sys.executable, "own.py", "--folder=x", "--reload"],
        cwd=photo.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--reload goes with --try" in done.stderr
