"""Results are saved as asked, in groups, and a disk that fails is waited for."""

import errno
import math
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from bus import Message, Undecodable, encode
from media.saving import atomic
from media.saving import results as module
from media.saving.results import Results
from tests.conftest import until

SAVER = """
import resource, sys
from bus import Message
from nodes.saver import saver

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
frames = [Message(b"small", name="small"), Message(b"x" * 1_000_000, name="large")]
saver(frames, folder=sys.argv[1], retain="1h")
print("finished", flush=True)
"""


def picture(color: str = "red") -> Image.Image:
    return Image.new("RGB", (60, 40), color)


def save(folder: Path, *frames: Message, **arguments: object) -> list[str]:
    """The paths of the results of `frames`."""
    results = Results(str(folder), **arguments)  # type: ignore[arg-type]
    for frame in frames:
        results.add(frame)
    results.commit()
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_encoded_images_are_saved_byte_by_byte_as_they_came(tmp_path: Path) -> None:
    body = encode(picture(), "png") + b"trailing bytes that no encoder would write"
    (tmp_path / "source.jpg").write_bytes(b"whatever it is")

    frames = [Message(body, name="cam/a.png"), Message(file=tmp_path / "source.jpg", name="b.jpg")]
    assert save(tmp_path / "out", *frames) == ["b.jpg", "cam/a.png"]

    assert (tmp_path / "out/cam/a.png").read_bytes() == body
    assert (tmp_path / "out/b.jpg").read_bytes() == b"whatever it is"


def test_raw_pixels_become_jpg(tmp_path: Path) -> None:
    frames = [
        Message(picture(), name="a.jpg"),
        Message(picture(), name="b.png"),
        Message(picture(), stream="s", number=1),
    ]

    assert save(tmp_path, *frames) == ["a.jpg", "b.png.jpg", "s-00000001.jpg"]
    assert (tmp_path / "a.jpg").read_bytes() == encode(picture(), "jpg", 90)


def test_another_format_is_encoded_and_the_same_is_not(tmp_path: Path) -> None:
    jpg, png = encode(picture("blue"), quality=40), encode(picture("red"), "png")

    assert save(tmp_path, Message(jpg, name="a.jpg"), Message(png, name="b.png"), format="png") == [
        "a.jpg.png",
        "b.png",
    ]
    assert (tmp_path / "b.png").read_bytes() == png
    with Image.open(tmp_path / "a.jpg.png") as changed:
        assert changed.format == "PNG"
        assert changed.tobytes() == Message(jpg).image.tobytes()


def test_what_the_bytes_are_counts_and_not_what_the_name_says(tmp_path: Path) -> None:
    jpg = encode(picture())

    assert save(tmp_path, Message(jpg, name="liar.png"), Message(jpg, stream="s", number=2)) == [
        "liar.png",
        "s-00000002.jpg",
    ]
    assert save(tmp_path / "as jpg", Message(jpg, name="liar.png"), format="jpg") == ["liar.png.jpg"]
    assert (tmp_path / "as jpg/liar.png.jpg").read_bytes() == jpg


@pytest.mark.parametrize("format", ["jpg", "png", "webp"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_can_be_saved_in_every_format(tmp_path: Path, mode: str, format: str) -> None:
    [result] = save(tmp_path, Message(Image.linear_gradient("L").convert(mode), name="a"), format=format)

    with Image.open(tmp_path / result) as saved:
        saved.load()
        assert saved.size == (256, 256)


def test_quality_is_that_of_the_encoder(tmp_path: Path) -> None:
    image = Image.effect_noise((200, 200), 50)
    save(tmp_path, Message(image, name="a.jpg"), quality=10)

    assert (tmp_path / "a.jpg").read_bytes() == encode(image, "jpg", 10)


def test_an_image_that_cannot_be_decoded_or_encoded_is_a_reason(tmp_path: Path) -> None:
    results = Results(str(tmp_path), format="webp")

    with pytest.raises(Undecodable, match=r"^cannot decode: "):
        results.add(Message(b"no image", name="a.jpg"))
    with pytest.raises(ValueError, match=r"^cannot encode 20000x1 RGB as webp: "):
        results.add(Message(b"", name="a.jpg"), Image.new("RGB", (20_000, 1)))
    results.commit()
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_the_file_system_refuses_is_rejected_and_the_rest_is_saved(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    bad, good = Message(b"1", name="taken"), Message(b"2", name="good")

    assert save(tmp_path, bad, good) == ["good"]
    assert (bad.reason, good.reason) == ("cannot save as 'taken': Is a directory", None)


def test_doing_a_frame_again_writes_the_same_file_once(tmp_path: Path) -> None:
    frames = [Message(picture(), name="cam/a.png", stream="s", captured=10**18) for _ in range(3)]

    assert save(tmp_path, *frames, by="stream/hour") == ["s/2001-09-09/01/cam/a.png.jpg"]
    assert save(tmp_path, *frames, by="stream/hour") == ["s/2001-09-09/01/cam/a.png.jpg"]


def test_retain_deletes_the_oldest_as_new_ones_come(tmp_path: Path) -> None:
    results = Results(str(tmp_path), retain="3")
    for number in range(10):
        results.add(Message(b"x", name=f"{number}"))
        results.commit()

    left = {path.name for path in tmp_path.iterdir()}
    assert {"7", "8", "9"} <= left < set("0123456789")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"format": "tiff"}, 'cannot write format "tiff". There are: jpg, png, webp'),
        ({"quality": 0}, "quality is 0, but goes from 1 to 100"),
        ({"quality": 101}, "quality is 101, but goes from 1 to 100"),
        ({"by": "day"}, 'cannot sort results by "day". There are: hour, stream, stream/hour'),
        ({"retain": "much"}, 'retain is "much": write a size like 20GB, an age like 7d, or how many, like 1000'),
    ],
)
def test_an_argument_that_cannot_be_right_is_told(tmp_path: Path, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError) as mistake:
        save(tmp_path, **arguments)

    assert str(mistake.value) == words


def test_a_folder_that_cannot_be_right_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for folder, words in [
        (tmp_path / "file", f"{tmp_path}/file is not a folder"),
        (tmp_path / "file/below", f"{tmp_path}/file is not a folder"),
        (tmp_path / ("n" * 256), "File name too long"),
        (Path("/proc/results"), "No such file or directory"),
    ]:
        with pytest.raises(ValueError) as mistake:
            Results(str(folder))
        assert str(mistake.value) == f"cannot save below {folder}: {words}; give another folder"


def test_a_folder_that_cannot_be_had_at_the_start_is_said_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(way: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as now:
        now.setattr(atomic, "sync_way", fails)
        results = Results(str(tmp_path / "out"))
    words = f"cannot save below {tmp_path}/out yet: Input/output error; tries again with the first result\n"
    assert words in capsys.readouterr().out
    ways: list[Path] = []
    monkeypatch.setattr(atomic, "sync_way", ways.append)
    results.add(Message(b"x", name="a"))
    results.commit()
    assert ways == [tmp_path / "out"]


def test_without_sync_the_log_says_what_that_costs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Results(str(tmp_path), sync=False)
    assert capsys.readouterr().out == f"saves below {tmp_path}, not fsynced: a power cut may take the latest results\n"


def test_a_disk_that_refuses_is_waited_for_and_nothing_half_written_stays(tmp_path: Path) -> None:
    save(tmp_path, Message(b"x", name="old"))
    os.utime(tmp_path / "old", (0, 0))

    with subprocess.Popen(
        [sys.executable, "-u", "-c", SAVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as saver:
        assert saver.stdout
        assert saver.stdout.readline() == f"saves below {tmp_path}\n"
        assert saver.stdout.readline() == f"cannot save below {tmp_path}: File too large; waiting until it works\n"
        until(lambda: not (tmp_path / "old").exists(), 30, what="the end of what is too old, which may help")
        until(lambda: not list(tmp_path.iterdir()), what="an empty folder")

        resource.prlimit(saver.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

        assert saver.stdout.read() == f"saves below {tmp_path} again\nfinished\n"
    assert (tmp_path / "large").stat().st_size == 1_000_000
    assert (tmp_path / "small").read_bytes() == b"small"


def test_a_folder_that_is_removed_meanwhile_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER", math.inf)
    results = Results(str(tmp_path / "out"))
    for name in ("a", "b"):
        results.add(Message(b"x", name=f"cam/{name}"))
        shutil.rmtree(tmp_path / "out")
        results.commit()

    assert [path.name for path in (tmp_path / "out/cam").iterdir()] == ["b"]


def test_a_result_that_comes_late_does_not_wait_for_the_rest_of_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Results(str(tmp_path))
    monkeypatch.setattr(module, "TOGETHER", math.inf)
    results.add(Message(b"x", name="1"))
    assert list(tmp_path.iterdir()) == []

    monkeypatch.setattr(module, "TOGETHER", 0.0)
    results.add(Message(b"x", name="2"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


def test_pixels_that_were_encoded_for_a_wire_are_saved_as_they_came_under_a_name_that_says_so(tmp_path: Path) -> None:
    body = encode(Image.new("RGB", (8, 8)), "webp")
    meta, _ = Message(b"", name="a.png", number=1).dump()
    results = Results(str(tmp_path))
    results.add(Message.load({**meta, "encoded": "webp"}, body))
    results.commit()

    assert (tmp_path / "a.png.webp").read_bytes() == body


def test_bytes_are_saved_as_they_are_under_the_name_of_their_format(tmp_path: Path) -> None:
    body = encode(picture(), "jpg", 50)
    results = Results(str(tmp_path), format="jpg")
    results.add(Message(encode(picture(), "png"), name="cam/a.png"), body)
    results.commit()

    assert (tmp_path / "cam" / "a.png.jpg").read_bytes() == body
