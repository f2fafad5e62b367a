"""Results are named after their frames, each differently, and never outside the folder."""

import os

import pytest

from bus import Message
from media.saving.names import named_as, place, source_name


def placed(name: str, by: str = "", stream: str = "cam", captured: int = 1) -> str:
    return "/".join(place(Message(b"", name=name, stream=stream, captured=captured), name, by))


@pytest.mark.parametrize(
    ("name", "format", "result"),
    [
        ("clip-000001.jpg", "jpg", "clip-000001.jpg"),
        ("cam/a.JPEG", "jpg", "cam/a.JPEG"),
        ("a.png", "jpg", "a.png.jpg"),
        ("a.jpg", "png", "a.jpg.png"),
        ("cam.1/a", "webp", "cam.1/a.webp"),
        ("image.2.jpg", "jpg", "image.2.jpg"),
        ("a.png.jpg", "jpg", "a.png.jpg.jpg"),
        ("anything.bin", "", "anything.bin"),
    ],
)
def test_a_result_has_its_sources_name_and_the_suffix_of_its_format(name: str, format: str, result: str) -> None:
    assert named_as(name, format) == result


@pytest.mark.parametrize("format", ["jpg", "png", "webp"])
def test_sources_that_differ_in_suffix_only_get_results_that_differ(format: str) -> None:
    suffixes = [".jpg", ".jpeg", ".JPG", ".png", ".webp", ".bmp"]
    names = ["a" + first + second + third for first in suffixes for second in ["", *suffixes] for third in ["", ".jpg"]]

    assert len({named_as(name, format) for name in names}) == len(set(names))


def test_a_frame_without_a_name_is_called_after_its_stream_and_number_or_time() -> None:
    assert source_name(Message(b"", stream="cam", number=7)) == "cam-00000007"
    assert source_name(Message(b"", captured=123)) == "frame-123"
    assert source_name(Message(b"", stream="cam", number=7, name="own.jpg")) == "own.jpg"


def test_folders_by_hour_are_utc_and_by_stream_come_first() -> None:
    moment = 1_767_225_599_999_999_999  # 2025-12-31 23:59:59.999999999 UTC

    assert placed("cam/a.jpg", "hour", captured=moment) == "2025-12-31/23/cam/a.jpg"
    assert placed("a.jpg", "hour", captured=moment + 1) == "2026-01-01/00/a.jpg"
    assert placed("a.jpg", "stream") == "cam/a.jpg"
    assert placed("a.jpg", "stream", stream="") == "unnamed/a.jpg"
    assert placed("a.jpg", "stream/hour", captured=moment) == "cam/2025-12-31/23/a.jpg"


def test_names_that_are_odd_but_harmless_are_kept() -> None:
    for name in ["a b.jpg", "new\nline.jpg", "-rf.jpg", "…/ä.jpg", os.fsdecode(b"\xff\xfe.jpg"), "n" * 255, "a\\b.jpg"]:
        assert placed(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../a.jpg",
        "cam/../../a.jpg",
        "cam/..",
        "cam//a.jpg",
        "cam/",
        "./a.jpg",
        ".",
        ".hidden.jpg",
        ".git/a.jpg",
        "a\0.jpg",
        "\ud800.jpg",
        "n" * 256,
        "ä" * 128,
        "/".join("abcdefgh" * 5),
    ],
)
def test_a_name_that_must_not_become_a_path_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^cannot save as '"):
        placed(name)


def test_a_stream_from_the_wire_is_no_way_out_either() -> None:
    for stream in ["../..", "/etc", ".ssh"]:
        with pytest.raises(ValueError, match="not a path below the folder"):
            placed("a.jpg", "stream", stream=stream)


def test_a_time_that_is_no_date_is_refused() -> None:
    with pytest.raises(ValueError, match="is no date"):
        placed("a.jpg", "hour", captured=10**40)
