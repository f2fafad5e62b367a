"""The pictures that messages keep decoded, so that `.image` decodes once: the latest, and others as far as they fit."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bus.message import Message

LARGEST = 2**25  # pixels of a picture that is kept at all
TOGETHER = 2**24  # pixels that are kept in all, unless the latest has more alone: eight frames of 1080p, 50 MB
SMALL = 2**16  # pixels of a picture that need not be counted

_lock = threading.Lock()
_kept: deque[tuple[weakref.ref[Message], int]] = deque()  # who keeps how many pixels, the latest last


def keep(message: Message, pixels: int) -> bool:
    """Whether `message` may keep a picture of so many pixels, decoded now: the oldest make room for it."""
    if pixels > LARGEST:
        return False
    if pixels > SMALL:
        with _lock:
            for one, count in [*_kept]:
                if one() is None:
                    _kept.remove((one, count))
            while _kept and pixels + sum(count for _, count in _kept) > TOGETHER:
                oldest = _kept.popleft()[0]()
                if oldest is not None:
                    oldest.forget_image()
            _kept.append((weakref.ref(message), pixels))
    return True
