"""Motion passes what differs from the last frame that it passed on, stream by stream."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bus import Message, encode
from nodes.motion import motion
from tests.nodes.between import passed_on


def scene(at: int | None = None, light: int = 90, size: tuple[int, int] = (640, 360)) -> Image.Image:
    """A grey wall, and a white square at `at` pixels from the left."""
    image = Image.merge("RGB", [Image.effect_noise(size, 20).point([min(255, light + n // 8) for n in range(256)])] * 3)
    if at is not None:
        image.paste("white", (at, 100, at + 80, 180))
    return image


def scores(images: list[Image.Image], **args: Any) -> list[tuple[int | None, float]]:
    frames = [Message(encode(image), number=number) for number, image in enumerate(images)]
    return [(frame.number, frame.data["motion"]) for frame in motion(frames, **args)]


def test_what_moves_is_passed_on_with_its_score_and_noise_is_not() -> None:
    images = [scene(), scene(), scene(200), scene(200), scene(300), scene()]

    passed = scores(images)

    assert [number for number, _ in passed] == [0, 2, 4, 5]
    part = 80 * 80 / (640 * 360)
    assert [score for _, score in passed] == pytest.approx([1, part, 2 * part, part], abs=0.005)
    assert scores(images, threshold=1.5 * part) == [passed[0]]


def test_what_changes_slowly_is_compared_with_what_was_passed_on() -> None:
    slowly = [scene(light=90 + 3 * step) for step in range(20)]

    assert [number for number, _ in scores(slowly, noise=20)] == [0, 7, 14]


def test_each_stream_is_compared_with_itself_and_frames_are_left_as_they_came() -> None:
    left, right = encode(scene(200)), encode(scene(300), "png")
    frames = [Message(body, stream=name) for _ in range(3) for name, body in (("left", left), ("right", right))]

    passed = list(motion(frames))

    assert [(frame.stream, frame.bytes) for frame in passed] == [("left", left), ("right", right)]


def test_a_new_shape_and_every_kind_of_pixels_are_looked_at() -> None:
    images = [Image.new("L", (640, 360)), Image.new("L", (640, 480)), Image.new("RGBA", (640, 480), "red")]
    deep = [Image.new("I;16", (320, 180), level) for level in (19_456, 20_000, 60_000)]

    assert [frame.data["motion"] for frame in motion([Message(encode(image, "png")) for image in images])] == [1, 1, 1]
    assert len(list(motion([Message(encode(image, "png")) for image in deep]))) == 2


@pytest.mark.parametrize("args", [{"threshold": 0.0}, {"threshold": 2.0}, {"noise": 255}])
def test_a_wrong_argument_is_one_line_and_exit_code_2(args: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        scores([], **args)

    assert exit.value.code == 2
    assert capsys.readouterr().out.startswith("threshold is ")


def test_in_a_graph_only_what_moves_comes_through(tmp_path: Path) -> None:
    moves = (0, 5, 6, 11)
    images = [scene(40 * sum(move <= number for move in moves)) for number in range(16)]

    assert passed_on(tmp_path, images, "nodes.motion", threshold=0.01) == [str(number) for number in moves]
