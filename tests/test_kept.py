"""Decoded pictures: a message keeps its own, until the newer ones of others need the room."""

import gc

import pytest
from PIL import Image

from bus import Message, encode, kept

SIDE = 512  # pixels: large enough to be counted
BODY = encode(Image.new("RGB", (SIDE, SIDE)), "png")


def test_a_message_decodes_its_image_once() -> None:
    message = Message(BODY)
    assert message.image is message.image


def test_one_that_is_very_large_is_decoded_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "LARGEST", SIDE * SIDE - 1)
    message = Message(BODY)
    assert message.image is not message.image
    assert message.array.shape == (SIDE, SIDE, 3)


def test_of_many_the_latest_are_kept_and_the_oldest_are_decoded_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "TOGETHER", 3 * SIDE * SIDE)
    messages = [Message(BODY) for _ in range(5)]
    first = [message.image for message in messages]
    again = [message.image for message in reversed(messages)]
    assert [one is other for one, other in zip(first, reversed(again), strict=True)] == [False, False, True, True, True]


def test_the_latest_is_kept_if_it_takes_more_than_the_room_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "TOGETHER", SIDE * SIDE - 1)
    one, other = Message(BODY), Message(BODY)
    assert one.image is one.image
    assert other.image is other.image
    assert one.image is not other.image


def test_messages_that_are_gone_take_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "TOGETHER", 3 * SIDE * SIDE)
    message = Message(BODY)
    image = message.image
    for _ in range(10):
        Message(BODY).image  # noqa: B018
        gc.collect()
    assert message.image is image
