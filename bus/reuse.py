"""Memory that a picture leaves waits here for the next: a new page from the kernel costs more than to fill it."""

import ctypes

from PIL import _imaging

BLOCKS = 4  # of Pillow's, 16 MB at most each: two pictures of 1080p are two, and a chain of filters has no more at once
LARGEST = 32 << 20  # bytes of a block that comes from the heap: as much as glibc takes, and a raw frame of 4K
SPARE = 64 << 20  # bytes that may lie free at the heap's end
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # <malloc.h>


def keep_memory() -> None:
    """Let this process keep what pictures leave, within the bounds above, until it ends."""
    if not _imaging.get_blocks_max():  # nobody has set PILLOW_BLOCKS_MAX
        _imaging.set_blocks_max(BLOCKS)
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):  # musl has none
        mallopt(M_MMAP_THRESHOLD, LARGEST)
        mallopt(M_TRIM_THRESHOLD, SPARE)
