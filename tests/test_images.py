"""Image files as a source."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from media.sources import images
from media.sources.job import BadData
from media.sources.video import Frame, Opened
from tests.jobs import job


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve images, 1.png to 12.png, each as bright as its name says."""
    for number in range(1, 13):
        Image.new("RGB", (32, 24), (number, 0, 0)).save(tmp_path / f"{number}.png")
    return tmp_path


def read(folder: Path, first: int = 0, **wish: Any) -> tuple[list[Opened], dict[int, int]]:
    """What was opened; and the number of each frame -> how bright it is."""
    steps = list(images.frames(job(str(folder / "*.png"), **wish), first))
    frames = {step.number: step.picture for step in steps if isinstance(step, Frame)}
    brightness = {}
    for number, picture in frames.items():
        assert isinstance(picture, Image.Image)
        pixel = picture.getpixel((0, 0))
        assert isinstance(pixel, tuple)
        brightness[number] = int(pixel[0])
    return [step for step in steps if isinstance(step, Opened)], brightness


def test_images_come_in_the_order_in_which_people_count(folder: Path) -> None:
    opened, brightness = read(folder)
    assert opened == [Opened((32, 24), 25.0, 12, True)]
    assert brightness == {number: number + 1 for number in range(12)}


def test_rate_limit_size_and_first_mean_what_they_mean_for_a_clip(folder: Path) -> None:
    opened, brightness = read(folder, first=1, rate=12.5, limit=4, size="16x12")
    assert opened == [Opened((16, 12), 25.0, 4, True)]
    assert brightness == {1: 3, 2: 5, 3: 7}


def test_images_that_were_all_read_by_an_earlier_life_end_in_order(folder: Path) -> None:
    assert read(folder, first=12) == ([Opened((32, 24), 25.0, 12, True)], {})


def test_images_of_several_sizes_say_so(folder: Path) -> None:
    Image.new("RGB", (64, 48)).save(folder / "5.png")
    assert [found.size for found in read(folder)[0]] == [(32, 24), (64, 48), (32, 24)]


def test_an_image_that_cannot_be_read_is_named_after_the_others_were_given(folder: Path) -> None:
    (folder / "3.png").write_bytes(b"no image")
    (folder / "7.png").write_bytes((folder / "6.png").read_bytes()[:40])
    frames: list[Frame] = []
    with pytest.raises(BadData, match=r"2 of 12 images of .*\*\.png could not be read, the first .*/3\.png: cannot"):
        frames.extend(step for step in images.frames(job(str(folder / "*.png")), 0) if isinstance(step, Frame))
    assert [frame.number for frame in frames] == [0, 1, 3, 4, 5, 7, 8, 9, 10, 11]


def test_folders_are_searched_where_the_pattern_says_so(tmp_path: Path) -> None:
    for name in ("cam 10/1.png", "cam 2/10.png", "cam 2/9.png", "x.png/1.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name, "PNG")
    found = images.matching(job(str(tmp_path / "**/*.png")))
    assert [str(path.relative_to(tmp_path)) for path in found] == ["cam 2/9.png", "cam 2/10.png", "cam 10/1.png"]
