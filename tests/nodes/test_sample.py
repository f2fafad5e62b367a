"""Sample passes every Nth frame of each stream, or so many a second by the time of capture."""

import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bus import Message
from nodes.sample import sample
from tests.nodes.between import passed_on

START = 1_700_000_000  # seconds since the epoch


def shot(seconds: float, stream: str = "") -> Message:
    return Message(b"", stream=stream, captured=int((START + seconds) * 1e9))


def times(frames: list[Message], **args: Any) -> list[float]:
    return [round(frame.captured / 1e9 - START, 2) for frame in sample(frames, **args)]


def test_every_nth_frame_of_each_stream_is_passed_on() -> None:
    frames = [Message(b"", stream=stream, number=n) for n in range(10) for stream in ("left", "right")]

    passed = [(frame.stream, frame.number) for frame in sample(frames, every=4)]

    assert passed == [(stream, n) for n in (0, 4, 8) for stream in ("left", "right")]
    assert list(sample(frames, every=1)) == frames


def test_so_many_a_second_are_passed_on_by_the_time_of_capture() -> None:
    assert times([shot(n / 25) for n in range(100)], rate=2) == [0, 0.52, 1, 1.52, 2, 2.52, 3, 3.52]
    assert times([shot(n) for n in range(20)], rate=0.1) == [0, 10]
    assert times([shot(n / 2) for n in range(6)], rate=25) == [n / 2 for n in range(6)]  # there are no more


def test_each_stream_has_its_own_time() -> None:
    frames = [shot(n / 10, stream) for n in range(20) for stream in ("left", "right")]

    assert [frame.stream for frame in sample(frames, rate=1)] == ["left", "right"] * 2


def test_frames_in_disorder_are_no_more_and_a_clock_that_is_set_back_stops_nothing() -> None:
    frames = [shot(n / 25) for n in range(250)]
    shuffled = sorted(frames, key=lambda frame: frame.captured + random.uniform(-0.3, 0.3) * 1e9)

    assert len(times(shuffled, rate=1)) <= 11
    assert times([*frames[:25], *(shot(n / 25 - 3600) for n in range(25))], rate=1) == [0, -3600]


@pytest.mark.parametrize("args", [{}, {"every": 2, "rate": 1.0}, {"every": -1}, {"rate": -1.0}, {"rate": 1e9}])
def test_a_wrong_argument_is_one_line_and_exit_code_2(args: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        list(sample([], **args))

    assert exit.value.code == 2
    assert capsys.readouterr().out.startswith("every is ")


def test_in_a_graph_every_third_frame_comes_through(tmp_path: Path) -> None:
    images = [Image.new("L", (8, 8), number) for number in range(20)]

    assert passed_on(tmp_path, images, "nodes.sample", every=3) == [str(number) for number in range(0, 20, 3)]
