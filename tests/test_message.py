"""Messages: what they carry, what becomes of it on the way, and what cannot travel."""

import io
import json
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

from bus import Message, Undecodable
from bus.encoding import RAW_MODES
from bus.header import Malformed
from bus.meta import MAX_DATA, MAX_META, facts, packed

PIXELS: dict[str, Any] = {"L": 100, "RGB": (10, 20, 30), "RGBA": (10, 20, 30, 40), "CMYK": (1, 2, 3, 4)}


def travel(message: Message) -> Message:
    """`message` as the next node gets it."""
    meta, payload = message.dump()
    return Message.load(json.loads(json.dumps(meta)), payload)


def jpeg(**options: Any) -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (16, 8), (200, 10, 10)).save(body, "JPEG", **options)
    return body.getvalue()


def test_who_and_when_arrive_as_they_were_sent() -> None:
    sent = Message(b"x", stream="cam 1", number=7, name="a/b.jpg", captured=123, time="written", data={"k": [1, None]})
    sent.hops = [("source.1", 5)]
    got = travel(sent)
    assert (got.stream, got.number, got.name, got.captured, got.time) == ("cam 1", 7, "a/b.jpg", 123, "written")
    assert (got.data, got.hops, got.bytes) == ({"k": [1, None]}, [("source.1", 5)], b"x")
    assert got.encoded
    assert not got.empty


@pytest.mark.parametrize("name", ["caf\udce9.jpg", "100%.jpg", "snow \N{SNOWMAN}.jpg", "line\nbreak", "%41.jpg", ""])
def test_names_of_any_bytes_arrive_as_they_were(name: str) -> None:
    meta, _ = Message(name=name).dump()
    assert meta["name"].isascii()
    assert travel(Message(name=name)).name == name


@pytest.mark.parametrize("mode", sorted(RAW_MODES))
def test_raw_pixels_of_every_mode_arrive_as_they_were(mode: str) -> None:
    image = Image.new(mode, (5, 3), PIXELS[mode])
    image.putpixel((4, 0), PIXELS[mode])
    got = travel(Message(image))
    assert (got.image.mode, got.image.size, got.image.tobytes()) == (mode, (5, 3), image.tobytes())
    assert not got.encoded
    again = travel(got)
    assert again.image.tobytes() == image.tobytes()


@pytest.mark.parametrize(
    ("mode", "becomes"), [("1", "RGB"), ("P", "RGB"), ("LA", "RGBA"), ("PA", "RGBA"), ("HSV", "RGB")]
)
def test_other_modes_are_converted_to_one_that_holds_them(mode: str, becomes: str) -> None:
    assert travel(Message(Image.new(mode, (5, 3)))).image.mode == becomes


@pytest.mark.parametrize("mode", ["I", "F", "I;16"])
def test_pixels_of_more_than_8_bits_are_never_cut_in_silence(mode: str) -> None:
    with pytest.raises(ValueError, match=rf'mode {mode} have over 8 bits: send encode\(image, "png"\) instead'):
        Message(Image.new(mode, (5, 3))).dump()


def test_an_array_is_rgb_height_by_width_and_refuses_changes_that_would_go_nowhere() -> None:
    array = numpy.arange(2 * 4 * 3, dtype=numpy.uint8).reshape(2, 4, 3)
    got = travel(Message(array))
    assert got.image.size == (4, 2)
    assert (got.array == array).all()
    with pytest.raises(ValueError, match="read-only"):
        got.array[:] = 0
    assert travel(Message(Image.new("L", (4, 2), 7))).array.shape == (2, 4, 3)
    assert travel(Message(array[::2, ::2])).array.shape == (1, 2, 3)


def test_an_image_is_decoded_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn right
    assert travel(Message(jpeg(exif=exif.tobytes()))).image.size == (8, 16)


@pytest.mark.parametrize("body", [b"", b"no image", jpeg()[:200]])
def test_what_is_no_whole_image_is_undecodable_and_says_which_message_it_is(body: bytes) -> None:
    message = travel(Message(body))
    with pytest.raises(Undecodable, match="cannot decode: ") as caught:
        message.image  # noqa: B018
    assert caught.value.culprit is message


def test_news_without_a_payload_has_no_image_and_is_empty() -> None:
    got = travel(Message(stream="cam", data={"rate": 25}))
    assert got.empty
    assert got.bytes == b""
    assert not travel(Message(b"")).empty
    with pytest.raises(Undecodable, match="carries no image"):
        got.image  # noqa: B018


def test_replace_keeps_who_and_when_and_adds_data() -> None:
    message = Message(jpeg(), stream="s", number=3, name="a.jpg", captured=5, time="written", data={"a": 1, "b": 1})
    message.hops = [("source.1", 5)]
    new = message.replace(b"other", name="b.jpg", data={"b": 2})
    assert (new.stream, new.number, new.captured, new.time, new.hops) == ("s", 3, 5, "written", [("source.1", 5)])
    assert (new.bytes, new.name, new.data) == (b"other", "b.jpg", {"a": 1, "b": 2})
    assert (message.name, message.data) == ("a.jpg", {"a": 1, "b": 1})
    same = message.replace()
    assert same.bytes == message.bytes
    assert same.encoded
    assert message.replace(Image.new("L", (1, 1))).dump()[0]["raw"] == ("L", 1, 1)


def test_a_file_travels_as_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg())
    message = Message(file=tmp_path / "a.jpg", name="a.jpg")
    assert message.bytes == jpeg()
    assert message.image.size == (16, 8)
    meta, payload = message.dump()
    assert (meta["file"], payload) == (str(tmp_path / "a.jpg"), b"")
    assert message.replace(name="b.jpg").dump()[0]["file"] == meta["file"]
    assert "file" not in message.replace(b"x").dump()[0]


def test_numbers_of_numpy_travel_as_numbers() -> None:
    seven: Any = numpy.int64(7)
    nine: Any = numpy.int64(9)
    got = travel(Message(b"x", number=seven, captured=nine))
    assert (got.number, got.captured) == (7, 9)


def test_too_many_facts_are_refused_before_they_travel() -> None:
    with pytest.raises(ValueError, match=f"at most {MAX_DATA} travel with a message: use its payload"):
        packed(facts(Message(data={"key": "x" * MAX_DATA})))
    with pytest.raises(ValueError, match=f"at most {MAX_META} travel with a message: use its payload"):
        packed(facts(Message(name="x" * MAX_META)))
    with pytest.raises(ValueError, match="not JSON compliant"):
        packed(facts(Message(data={"far": float("inf")})))


@pytest.mark.parametrize("size", [(0, 3), (3, 0)])
def test_an_image_without_pixels_is_malformed(size: tuple[int, int]) -> None:
    with pytest.raises(Malformed, match="0 bytes are not"):
        travel(Message(Image.new("RGB", size)))


@pytest.mark.parametrize("part", [numpy.s_[..., 0], numpy.s_[::2, :, :3], numpy.s_[:, ::-1], numpy.s_[:1, :1, 1]])
def test_part_of_an_array_travels_as_well(part: Any) -> None:
    whole = numpy.arange(6 * 8 * 4, dtype=numpy.uint8).reshape(6, 8, 4)
    got = travel(Message(whole[part]))
    assert numpy.asarray(got.image).tolist() == whole[part].tolist()
