"""Pixels that a node changed are encoded for a wire: once, when they are about to be sent; nothing else ever is."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

import bus.parcel
from bus import Message, encode
from bus.encoding import Encoding
from bus.outputs import Outputs
from bus.picture import decode
from bus.push import Push
from tests.craft import picture, saved
from tests.peers import Bench, FarPuller, bench

JPEG, PNG, WEBP = Encoding("jpeg", 90), Encoding("png"), Encoding("webp", 80)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The formats and qualities of all that is encoded."""
    asked: list[tuple[str, int]] = []

    def counted(image: Image.Image, format: str, quality: int) -> bytes:
        asked.append((format, quality))
        return encode(image, format, quality)

    monkeypatch.setattr(bus.parcel, "encode", counted)
    return asked


@pytest.fixture
def b() -> Iterator[Bench]:
    with bench() as made:
        yield made


def yields(b: Bench, message: Message, *pushes: Push) -> dict[str, Any]:
    """Have a node that owns `message` send it; where its verdict will be."""
    heard: dict[str, Any] = {}
    message.finish = lambda verdict, reason: heard.update(verdict=verdict, reason=reason)
    outputs = Outputs("node.1", b.measures, b.said.append)
    outputs._passed_on.add(message.stream)  # it did not begin here: no skip for the numbers before
    outputs.send(message, pushes, [])
    return heard


def arrives(b: Bench, far: FarPuller, count: int = 1) -> Message:
    """The last of `count` messages, as the puller has it."""
    b.until(lambda: len(far.hear()) >= count)
    header, payload = far.got[count - 1]
    return Message.load(header["meta"], payload)


def test_an_untouched_jpeg_crosses_byte_for_byte(b: Bench, encoded: list[tuple[str, int]]) -> None:
    push, [far] = b.push("far.1", encode=PNG)
    far.say(open=[])
    body = saved("JPEG", quality=31)
    yields(b, Message(body, name="a.jpg").replace(name="b.jpg"), push)
    assert arrives(b, far).bytes == body
    assert "encoded" not in far.got[0][0]["meta"]
    assert encoded == []


def test_changed_pixels_are_encoded_once_though_the_first_replica_dies_with_them(
    b: Bench, encoded: list[tuple[str, int]]
) -> None:
    push, [first, other] = b.push("first.1", "other.1", encode=JPEG)
    first.say(open=[], incarnation="first")
    yields(b, Message(picture(), number=1), push)
    got = arrives(b, first)
    assert (got.encoding, got.bytes[:3], got.image.size) == ("jpeg", b"\xff\xd8\xff", (48, 32))
    first.data.close(linger=0)
    other.say(open=[], incarnation="other")
    assert arrives(b, other).bytes == got.bytes
    assert encoded == [("jpeg", 90)]


def test_wires_that_want_the_same_share_it_and_each_other_gets_its_own(
    b: Bench, encoded: list[tuple[str, int]]
) -> None:
    wishes = {"a.1": JPEG, "b.1": JPEG, "c.1": PNG, "d.1": Encoding("jpeg", 40), "e.1": Encoding()}
    wires = {peer: b.push(peer, wire=peer[0], encode=wish) for peer, wish in wishes.items()}
    for _, [far] in wires.values():
        far.say(open=[])
    yields(b, Message(picture(), number=1), *(push for push, _ in wires.values()))
    got = {peer: arrives(b, far) for peer, (_, [far]) in wires.items()}
    assert sorted(encoded) == [("jpeg", 40), ("jpeg", 90), ("png", 0)]
    assert got["a.1"].bytes == got["b.1"].bytes != got["d.1"].bytes
    assert got["c.1"].image.tobytes() == got["e.1"].image.tobytes() == picture().tobytes()
    assert [message.encoding for message in got.values()] == ["jpeg", "jpeg", "png", "jpeg", ""]


def test_frames_that_keep_latest_drops_are_never_encoded(b: Bench, encoded: list[tuple[str, int]]) -> None:
    push, [far] = b.push("far.1", keep="latest", encode=JPEG)
    heard = [yields(b, Message(picture(), number=number), push) for number in range(20)]
    assert encoded == []
    assert [one.get("verdict") for one in heard] == ["dropped"] * 19 + [None]
    far.say(open=[], credit=2)  # for the skip, too
    b.until(lambda: far.hear() and far.got[-1][0]["kind"] == "message")
    assert encoded == [("jpeg", 90)]
    assert b.books["passed_over"] == b.books["dropped"] == 19


def test_what_waits_for_credit_is_not_encoded_before_there_is_some(b: Bench, encoded: list[tuple[str, int]]) -> None:
    push, [far] = b.push("far.1", encode=JPEG)
    far.say(open=[], credit=1)
    for number in (1, 2):
        yields(b, Message(picture(), number=number), push)
    b.until(lambda: far.hear() == [1])
    assert (len(encoded), push.room()) == (1, False)
    far.say(released=[1], credit=1)
    b.until(lambda: far.hear() == [1, 2])
    assert len(encoded) == 2


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_what_user_code_draws_after_its_yield_is_not_sent(b: Bench, mode: str) -> None:
    push, [far] = b.push("far.1", encode=PNG)
    canvas = picture(mode=mode)
    before = canvas.tobytes()
    yields(b, Message(canvas, number=1), push)
    canvas.paste(0, (0, 0, 48, 32))
    far.say(open=[])
    assert arrives(b, far).image.tobytes() == before


@pytest.mark.parametrize(
    ("mode", "wish", "becomes"),
    [
        ("RGB", JPEG, ("jpeg", "RGB")), ("L", JPEG, ("jpeg", "L")), ("CMYK", JPEG, ("jpeg", "CMYK")),
        ("1", JPEG, ("jpeg", "RGB")), ("P", JPEG, ("jpeg", "RGB")), ("RGBA", JPEG, ("png", "RGBA")),
        ("LA", JPEG, ("png", "RGBA")), ("I;16", JPEG, ("png", "I;16")), ("RGBA", WEBP, ("webp", "RGBA")),
        ("I;16", WEBP, ("png", "I;16")), ("RGBA", PNG, ("png", "RGBA")), ("CMYK", PNG, ("", "CMYK")),
        ("CMYK", WEBP, ("", "CMYK")),
    ],
)  # fmt: skip
def test_what_a_format_cannot_hold_goes_as_png_or_else_raw(
    b: Bench, mode: str, wish: Encoding, becomes: tuple[str, str]
) -> None:
    push, [far] = b.push("far.1", encode=wish)
    far.say(open=[])
    image = Image.new(mode, (20, 10), (9, 9, 9, 0) if mode == "RGBA" else 0)
    yields(b, Message(image, number=1), push)
    got = arrives(b, far)
    assert (got.encoding, got.image.mode) == becomes


@pytest.mark.parametrize(("size", "wish"), [((16_384, 1), WEBP), ((1, 65_501), JPEG)])
def test_a_side_that_a_format_cannot_have_goes_as_png(b: Bench, size: tuple[int, int], wish: Encoding) -> None:
    push, [far] = b.push("far.1", encode=wish)
    far.say(open=[])
    yields(b, Message(Image.new("L", size), number=1), push)
    assert (arrives(b, far).encoding, arrives(b, far).image.size) == ("png", size)


@pytest.mark.parametrize("mode", ["I", "F", "I;16B"])
def test_pixels_that_no_format_holds_are_refused_at_the_yield(b: Bench, mode: str) -> None:
    push, _ = b.push("far.1", encode=PNG)
    with pytest.raises(ValueError, match="have over 8 bits"):
        yields(b, Message(Image.new(mode, (4, 4)), number=1), push)
    assert push.idle


def test_raw_pixels_of_a_wire_on_this_host_are_encoded_for_the_next(b: Bench, encoded: list[tuple[str, int]]) -> None:
    push, [far] = b.push("far.1", encode=JPEG)
    far.say(open=[])
    yields(b, Message.load(*Message(picture(), number=1).dump()), push)
    got = arrives(b, far)
    assert (got.encoding, got.image.size, encoded) == ("jpeg", (48, 32), [("jpeg", 90)])


def test_what_was_encoded_for_one_wire_is_not_encoded_again_for_the_next(
    b: Bench, encoded: list[tuple[str, int]]
) -> None:
    body = encode(picture(), "jpeg", 90)
    meta, _ = Message(b"", number=1).dump()
    push, [far] = b.push("far.1", encode=PNG)
    far.say(open=[])
    yields(b, Message.load({**meta, "encoded": "jpeg"}, body).replace(name="b"), push)
    got = arrives(b, far)
    assert (got.bytes, got.encoding, encoded) == (body, "jpeg", [])


def test_a_window_counts_the_bytes_that_are_sent(b: Bench) -> None:
    push, [far] = b.push("far.1", encode=JPEG)
    far.say(open=[], credit=1000)
    large = Image.new("RGB", (4000, 4000))  # 48 MB as pixels
    for number in range(1, 5):
        yields(b, Message(large, number=number), push)
    b.until(lambda: far.hear() == [1, 2, 3, 4])


def test_pixels_are_let_go_of_as_soon_as_all_wires_have_encoded_or_dropped_them(b: Bench) -> None:
    push, [far] = b.push("far.1", wire="all", encode=JPEG)
    preview, _ = b.push("eye.1", wire="preview", keep="latest", encode=WEBP)
    far.say(open=[], credit=8)
    image = picture()
    seen = weakref.ref(image)
    yields(b, Message(image, number=1), push, preview)
    del image
    b.until(lambda: far.hear() == [1])
    yields(b, Message(b"x", number=2), preview)
    gc.collect()
    assert seen() is None
    assert not push.idle


def test_a_dead_letter_without_a_file_is_what_was_sent_and_is_named_so(
    b: Bench, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    push, [far] = b.push("far.1", encode=JPEG)
    far.say(open=[])
    outputs = Outputs("node.1", b.measures, b.said.append)
    outputs.send(Message(picture(), number=0, name="a.png"), [push], [])
    got = arrives(b, far)
    far.say(done=[(1, "rejected", "no face in it")])
    b.until(lambda: push.idle)
    assert (tmp_path / "dead-letters/node/a.jpeg").read_bytes() == got.bytes
    assert decode(got.bytes).size == (48, 32)
