"""The saver, tested with plain lists: every frame ends in the folder, or is rejected with a reason."""

from pathlib import Path

import pytest
from PIL import Image

from bus import Message, encode
from nodes.saver import saver


def test_every_frame_is_saved_under_its_own_name(tmp_path: Path) -> None:
    bodies = {f"cam/{number}.jpg": encode(Image.new("L", (20, 20), number)) for number in range(30)}
    saver([Message(body, name=name) for name, body in bodies.items()], folder=str(tmp_path))

    assert {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.jpg")} == bodies


def test_frames_of_several_streams_get_a_folder_each(tmp_path: Path) -> None:
    frames = [Message(stream.encode(), stream=stream, name="image.jpg") for stream in ("left", "right")]
    saver(frames, folder=str(tmp_path), by="stream")

    assert (tmp_path / "left/image.jpg").read_bytes() == b"left"
    assert (tmp_path / "right/image.jpg").read_bytes() == b"right"


def test_a_frame_that_cannot_be_saved_is_rejected_and_the_rest_is_saved(tmp_path: Path) -> None:
    frames = [Message(b"1", name="1"), Message(b"2", name="/etc/2"), Message(name="3"), Message(b"4", name="4")]
    saver(frames, folder=str(tmp_path))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "4"]
    assert [frame.reason for frame in frames] == [
        None,
        "cannot save as '/etc/2': not a path below the folder, or a hidden one",
        "cannot decode: <message 3> carries no image",
        None,
    ]


def test_a_wrong_argument_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        saver([], folder=str(tmp_path), by="day")

    assert exit.value.code == 2
    assert capsys.readouterr().out == 'cannot sort results by "day". There are: hour, stream, stream/hour\n'
