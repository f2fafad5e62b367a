"""--try: one image through a node function, the result beside it, and the time it took."""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bus.message import Message
from bus.picture import WRITES, Undecodable, encode

BAD_ARGUMENTS, BAD_DATA = 2, 65  # exit codes, as those of bus/program.py


def attempt(function: Callable[..., Any], count: int, arguments: dict[str, Any], photo: Path) -> int:
    """Run `function` on `photo`, given as its first of `count` inputs; the exit code."""
    if not photo.is_file():
        print(f"{photo.absolute()} is not a file")
        return BAD_ARGUMENTS
    message = Message(file=photo.absolute(), stream=photo.stem, number=1, name=photo.name)
    folder = Path(tempfile.mkdtemp(prefix=".try-", dir=photo.absolute().parent))
    try:
        if "folder" in arguments:
            arguments = {**arguments, "folder": str(folder)}
        started = time.perf_counter()
        try:
            yielded = list(function([message], *[[]] * (count - 1), **arguments) or ())
        except Undecodable as error:
            message.reject(str(error))
            yielded = []
        took = time.perf_counter() - started
        if message.reason is not None:
            print(f"{photo} would be a dead letter: {message.reason}")
            return BAD_DATA
        saved = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        outs = [out[1] if isinstance(out, tuple) else out for out in yielded if out is not None]
        if strange := [out for out in outs if not isinstance(out, Message)]:
            print(f"it yielded {type(strange[0]).__name__}: yield a message, such as frame.replace(…)")
            return BAD_ARGUMENTS
        results = [(file.suffix, file.read_bytes()) for file in saved] or [_encoded(out, photo) for out in outs]
        written = []
        for count, (suffix, body) in enumerate(results, 1):
            number = f".{count}" if count > 1 else ""
            written.append(photo.with_name(f"{photo.stem}.{function.__name__}{number}{suffix}"))
            written[-1].write_bytes(body)
        print(f"{photo} -> {', '.join(map(str, written)) or 'nothing'} in {took * 1000:.1f} ms")
        return 0
    finally:
        shutil.rmtree(folder)


def _encoded(message: Message, photo: Path) -> tuple[str, bytes]:
    if message.encoded:
        return photo.suffix, message.bytes
    suffix = photo.suffix.lower() if photo.suffix.lower()[1:] in WRITES else ".png"
    return suffix, encode(message.image, suffix[1:])
