"""Frames that were dropped are counted, and said now and then."""

import time

import pytest

from media.sources.losses import REMIND, Losses
from media.sources.video import Dropped
from tests.jobs import job


def test_each_reason_is_said_at_most_every_half_minute_and_the_rest_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [50.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    losses = Losses(job("rtsp://host/1"))
    for _ in range(100):
        losses.note(Dropped(2, "too slow"))
        losses.note(None)
        losses.note(Dropped(1, "too old"))
        now[0] += REMIND / 50
    losses.close()
    losses.close()
    assert capsys.readouterr().out.splitlines() == [
        "dropped 2 frames of rtsp://host/1: too slow",
        "dropped 1 frame of rtsp://host/1: too old",
        "dropped 102 frames of rtsp://host/1, 104 so far: too slow",
        "dropped 51 frames of rtsp://host/1, 52 so far: too old",
        "dropped 96 frames of rtsp://host/1, 200 so far: too slow",
        "dropped 48 frames of rtsp://host/1, 100 so far: too old",
    ]
