"""A file behind a message: read whole, but refused before it is read if it is too large, endless, or no file."""

import os
from pathlib import Path

import pytest
from PIL import Image

from bus import Message, Undecodable, encode
from bus.deadletters import set_aside
from bus.door import MAX_BYTES, MAX_PIXELS
from bus.encoding import RAW
from bus.header import Malformed
from bus.parcel import Parcel
from media.imaging import filters
from tests import memory
from tests.craft import picture

MIB = 1024 * 1024


def large(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    message = Message(file=large(tmp_path / "large.bmp", MAX_BYTES + 1))
    memory.begin()
    before = memory.peak()
    for ask in (lambda: message.bytes, lambda: message.image):
        with pytest.raises(Undecodable, match="the file has 268435457 bytes, more than 256 MiB") as caught:
            ask()
        assert caught.value.culprit is message
    with pytest.raises(Undecodable, match="the file has 268435457 bytes, more than 256 MiB"):
        Parcel(message).form(RAW).make()
    assert memory.peak() - before < 50 * 1024


def test_an_opened_file_over_the_limit_still_stands_for_itself(tmp_path: Path) -> None:
    message = Message(file=large(tmp_path / "log.bag", 2**40), name="log.bag")
    message.open([tmp_path])
    try:
        assert message.dump()[0]["file"] == str(tmp_path / "log.bag")
        with pytest.raises(Undecodable, match="the file has 1099511627776 bytes"):
            message.bytes  # noqa: B018
    finally:
        message.close()


def test_a_payload_over_the_limit_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    body = encode(Image.new("RGB", (64, 64)), "png")
    monkeypatch.setattr("bus.door.MAX_BYTES", len(body) - 1)
    with pytest.raises(Undecodable, match=f"the file has {len(body)} bytes"):
        Message(body).image  # noqa: B018


def test_raw_pixels_over_the_limit_are_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    meta, payload = Message(Image.new("L", (100, 10))).dump()
    monkeypatch.setattr("bus.door.MAX_PIXELS", 999)
    with pytest.raises(Undecodable, match="100x10 are 1000 pixels; at most 999 are read"):
        Message.load(meta, payload).image  # noqa: B018


def test_raw_pixels_over_the_limit_become_a_whole_dead_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(100, 10)
    meta, payload = Message(image, name="wide.jpg").dump()
    monkeypatch.setattr("bus.door.MAX_PIXELS", 999)
    place = set_aside(tmp_path, meta, payload, "too large")
    assert place == tmp_path / "wide.png"
    with Image.open(place) as kept:
        assert kept.tobytes() == image.tobytes()
    assert (tmp_path / "wide.png.txt").read_text() == "too large\n"


def grow_at_each_read(path: Path, by: int, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`path` has grown by `by` bytes whenever somebody reads from it."""
    real = os.pread
    left = [times]

    def pread(fd: int, size: int, at: int) -> bytes:
        if left[0]:
            left[0] -= 1
            with path.open("ab") as file:
                file.write(b"y" * by)
        return real(fd, size, at)

    monkeypatch.setattr(os, "pread", pread)


def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 100_000)
    grow_at_each_read(path, 100_000, 3, monkeypatch)
    assert Message(file=path).bytes == b"x" * 100_000 + b"y" * 300_000


def test_a_file_that_never_stops_growing_ends_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    monkeypatch.setattr("bus.door.MAX_BYTES", MIB)
    monkeypatch.setattr("bus.contents.MAX_BYTES", MIB)
    grow_at_each_read(path, 100_000, 1000, monkeypatch)
    with pytest.raises(Undecodable, match="the file has 1048577 bytes, more than 1 MiB"):
        Message(file=path).bytes  # noqa: B018


@pytest.mark.parametrize("place", ["fifo", "folder", "/dev/zero", "/dev/null"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    if place == "fifo":
        os.mkfifo(path)
    elif place == "folder":
        path.mkdir()
    message = Message(file=path)
    for ask in (lambda: message.bytes, lambda: message.image):
        with pytest.raises(Undecodable, match="cannot read: no regular file"):
            ask()
    with pytest.raises(Malformed, match=r"which is no file|lies below no granted folder"):
        message.open([tmp_path])


@pytest.mark.parametrize("name", ["/a\nb", "/caf\udce9", "/\N{SNOWMAN}\x85"])
def test_a_file_name_from_the_wire_makes_no_line_of_its_own_in_a_log(name: str) -> None:
    with pytest.raises(Malformed, match=r"^names the file /[!-~]+, which lies below no granted folder$"):
        Message(file=name).open([])


def test_an_empty_file_is_empty_and_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    message = Message(file=tmp_path / "a.jpg")
    assert message.bytes == b""
    with pytest.raises(Undecodable, match="cannot decode: the file is empty"):
        message.image  # noqa: B018


def test_the_limits_fit_each_other() -> None:
    assert MAX_BYTES >= 3 * MAX_PIXELS
    assert filters.MAX_PIXELS == MAX_PIXELS
