"""Text at the end of a file: all of it, or none."""

import errno
import os
from pathlib import Path


def append(path: Path, text: str) -> int:
    """Append `text`, and return how large the file is then. Raises OSError; then nothing of it is there."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(file).st_size
        body = text.encode(errors="replace")
        if os.write(file, body) < len(body):
            os.ftruncate(file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return size + len(body)
    finally:
        os.close(file)
