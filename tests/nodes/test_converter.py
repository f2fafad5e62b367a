"""The converter, tested with plain lists: results equal Pillow's, and no image stops it."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageFilter, ImageOps

from bus import Message, encode
from nodes.converter import converter


def picture(number: int = 0) -> Image.Image:
    return Image.merge("RGB", [Image.effect_noise((64, 48), 50 + number) for _ in range(3)])


def saved(path: Path) -> Image.Image:
    image = Image.open(path)
    image.load()  # closes the file
    return image


def test_every_frame_is_changed_saved_and_pushed_on(tmp_path: Path) -> None:
    images = [picture(number) for number in range(20)]
    frames = [
        Message(encode(image, "png"), name=f"cam/{n}.png", stream="cam", number=n) for n, image in enumerate(images)
    ]

    pushed = list(converter(frames, filter="emboss", folder=str(tmp_path), format="png"))

    for number, image in enumerate(images):
        embossed = image.filter(ImageFilter.EMBOSS).tobytes()
        assert saved(tmp_path / f"cam/{number}.png").tobytes() == embossed
        assert pushed[number].image.tobytes() == embossed
        assert (pushed[number].name, pushed[number].stream, pushed[number].number) == (
            f"cam/{number}.png",
            "cam",
            number,
        )
    assert len(list(tmp_path.rglob("*.*"))) == 20


def test_a_chain_applies_in_order() -> None:
    image = picture()
    [changed] = converter([Message(image)], filter=["grayscale", {"resize": "32x24"}, "emboss"])

    assert changed.image.tobytes() == ImageOps.grayscale(image).resize((32, 24)).filter(ImageFilter.EMBOSS).tobytes()


def test_results_are_jpg_unless_told_otherwise(tmp_path: Path) -> None:
    frames = [Message(picture(), name="clip-000001.jpg"), Message(picture(), name="a.png")]
    list(converter(frames, filter="blur", folder=str(tmp_path), quality=70))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png.jpg", "clip-000001.jpg"]
    assert saved(tmp_path / "clip-000001.jpg").format == "JPEG"


def test_what_cannot_be_converted_is_rejected_with_a_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = encode(picture())
    frames = [
        Message(good, name="1.jpg"),
        Message(b"no image", name="2.jpg"),
        Message(good[: len(good) // 2], name="3.jpg"),
        Message(good, name="../4.jpg"),
        Message(encode(Image.new("L", (9, 9))), name="5.jpg"),
        Message(good, name="6.jpg"),
    ]

    pushed = list(converter(frames, filter={"crop": "20x20+0+0"}, folder=str(tmp_path)))

    assert [frame.name for frame in pushed] == ["1.jpg", "6.jpg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.jpg", "6.jpg"]
    reasons = [frame.reason or "" for frame in frames]
    assert reasons[1] == "cannot decode: not a whole JPEG, PNG, WEBP or BMP image"
    assert reasons[2].startswith("cannot decode: ")
    assert reasons[3] == "cannot save as '../4.jpg': not a path below the folder, or a hidden one"
    assert reasons[4] == "cannot crop 20x20+0+0 from an image of 9x9"
    assert (reasons[0], reasons[5]) == ("", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"filter": "embos"}, 'unknown filter "embos". Did you mean "emboss"? There are: blur, contour, '),
        (
            {"filter": "emboss", "folder": "results", "format": "gif"},
            'cannot write format "gif". There are: jpg, png, webp\n',
        ),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(
    arguments: dict[str, str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit:
        list(converter([], **arguments))  # type: ignore[arg-type]

    assert exit.value.code == 2
    line = capsys.readouterr().out
    assert line.startswith(words)
    assert line.count("\n") == 1


def test_without_a_folder_and_a_wire_it_refuses_to_work_for_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nodes.converter", f"--pull=@ipc://{tmp_path}/frames", "--filter=emboss"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)

    assert done.stdout == "the converter would keep nothing: give it a folder to save in, or a wire to push\n"
    assert (done.returncode, done.stderr) == (2, "")


def test_help_explains_every_argument() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nodes.converter", "--help"], capture_output=True, text=True, timeout=30
    )

    for words in ["a name, or a chain like", "crop: 640x360+10+20", "where results are saved", "20GB, 7d, 1000"]:
        assert words in " ".join(done.stdout.split())
