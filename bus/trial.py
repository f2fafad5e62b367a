"""--try: images through a node function, the results beside them, the time it took, and what went wrong."""

import inspect
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

from bus.given import Frames
from bus.message import Message
from bus.picture import WRITES, Undecodable, encode
from bus.samples import NoSample, samples
from bus.traces import Errors, trace

FAILED, BAD_ARGUMENTS, BAD_DATA, INTERRUPTED = 1, 2, 65, 130  # exit codes, as those of bus/program.py and shells
SLOW = 0.05  # seconds of set-up that are worth a word


class Misused(Exception):
    """The function did what no node may."""


def attempt(function: Callable[..., Any], inputs: int, arguments: dict[str, Any], place: Path) -> int:
    """Run `function` on the images that `place` stands for, as its first of `inputs`; the exit code."""
    import numpy  # noqa: F401 (which takes its time, and not that of the first frame)

    place = place if place.name else place.resolve()  # "."
    try:
        with samples(place) as images:
            folder = Path(tempfile.mkdtemp(prefix=".try-", dir=place.absolute().parent))
            try:
                return Trial(function, place, images, folder).run(inputs, arguments)
            finally:
                shutil.rmtree(folder)
    except (NoSample, Misused) as problem:
        print(problem)
        return problem.code if isinstance(problem, NoSample) else BAD_ARGUMENTS
    except KeyboardInterrupt:
        return INTERRUPTED


class Trial:
    """One go at a node function."""

    def __init__(self, function: Callable[..., Any], place: Path, images: list[Path], folder: Path) -> None:
        """`folder`: what lies there at the end is the result."""
        self._function, self._place, self._images, self._folder = function, place, images, folder
        self._is_one = images == [place]
        self._frames = Frames(self._messages())
        self._clock = self._frames.clock
        self._errors = Errors()

    def run(self, inputs: int, arguments: dict[str, Any]) -> int:
        """All of it; the exit code. Raises Misused, and what user code raises before it is given a frame."""
        if "folder" in arguments:
            arguments = {**arguments, "folder": str(self._folder / "saved")}
        while not self._frames.over:
            taken = self._frames.taken
            try:
                self._call(inputs, arguments)
            except Undecodable as error:
                if culprit := self._frames.in_hand(error.culprit):
                    culprit.reject(str(error))
                else:
                    self._failed(error, taken)
            except Exception as error:
                self._failed(error, taken)
            if self._frames.taken == taken and not self._frames.over:
                raise Misused("it returned without taking a frame")
        self._frames.judge()
        return self._report()

    def _call(self, inputs: int, arguments: dict[str, Any]) -> None:
        """Let the function have its frames, until it returns or raises something."""
        self._clock.go()
        try:
            flow = self._function(self._frames, *[[]] * (inputs - 1), **arguments)
            if not inspect.isgenerator(flow):
                if flow is not None:
                    raise Misused(f"it returned {type(flow).__name__}: a node yields its messages, one by one")
                return
            with closing(flow):
                for out in flow:
                    self._clock.halt()
                    if out is not None:
                        self._keep(out[1] if isinstance(out, tuple) else out)
                    self._clock.go()
        finally:
            self._clock.halt()

    def _failed(self, error: Exception, taken: int) -> None:
        if isinstance(error, Misused):
            raise error
        is_new, is_early = self._errors.counts[self._errors.note(error)] == 1, self._frames.taken == taken
        if is_new:
            print(f"failed on {self._frames.last.name}\n{trace(error)}" if not is_early else trace(error))
        if is_early:
            raise SystemExit(FAILED)  # it would do so again

    def _keep(self, message: object) -> None:
        """What was yielded becomes a file."""
        if not isinstance(message, Message):
            raise Misused(f"it yielded {type(message).__name__}: yield a message, such as frame.replace(…)")
        if facts := {key: value for key, value in message.data.items() if key not in self._frames.last.data}:
            print(f"{message.name}: {json.dumps(facts, ensure_ascii=False)}")
        if message.empty:
            return
        suffix, body = _encoded(message)
        name = Path(os.path.normpath(f"/{message.name or self._frames.last.name}")).relative_to("/")
        target = self._folder / "yielded" / name.with_suffix(suffix)
        for number in count(2):  # the second result of one frame, and so on
            if not target.exists():
                break
            target = target.with_name(f"{name.stem}.{number}{suffix}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)

    def _report(self) -> int:
        """Put the results where they stay, and say what there is to say; the exit code."""
        frames, clock = self._frames, self._clock
        for reason, names in frames.rejected.items():
            which = str(self._place) if self._is_one else _some(names)
            print(f"{which} would be {'a dead letter' if len(names) == 1 else 'dead letters'}: {reason}")
        if not self._is_one:
            for which, often in self._errors.counts.items():
                print(f"{which}: {'once' if often == 1 else f'{often} times'}")
        if self._is_one and (frames.rejected or self._errors.counts):
            return BAD_DATA if frames.rejected else FAILED
        written = self._placed()
        setup = f", {clock.first:.1f} s to set up" if clock.first > SLOW else ""
        if self._is_one:
            took = (clock.spent - clock.first) * 1000
            print(f"{self._place} -> {', '.join(map(str, written)) or 'nothing'} in {took:.1f} ms{setup}")
        else:
            mean, most = 1000 * (clock.spent - clock.first) / frames.taken, 1000 * clock.most
            where = f"{self._home()}, {_number(len(written), 'result')}" if written else "nothing"
            times = f"{mean:.1f} ms a frame, at most {most:.1f} ms{setup}"
            print(f"{self._place}: {_number(frames.taken, 'frame')} -> {where}; {times}")
        return FAILED if self._errors.counts else BAD_DATA if frames.rejected else 0

    def _home(self) -> Path:
        """The folder of many results, or the name of one without its suffix."""
        stem = self._place.name if self._place.is_dir() else self._place.stem
        return self._place.with_name(f"{stem}.{self._function.__name__}")

    def _placed(self) -> list[Path]:
        """The results, moved to where they stay: those that the function saved, else those that it yielded."""
        made: list[Path] = []
        for root in (self._folder / "saved", self._folder / "yielded"):
            made = made or [file for file in sorted(root.rglob("*")) if file.is_file()]
        places = [self._place_of(file, number) for number, file in enumerate(made, 1)]
        return [file.replace(place) for file, place in zip(made, places, strict=True)]

    def _place_of(self, file: Path, number: int) -> Path:
        """Of one image's results the first is `photo.shrink.jpg`, the second `photo.shrink.2.jpg`."""
        if self._is_one:
            counted = f".{number}" if number > 1 else ""
            return self._place.with_name(f"{self._home().name}{counted}{file.suffix}")
        place = self._home().joinpath(*file.relative_to(self._folder).parts[1:])
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _messages(self) -> Iterator[Message]:
        root = self._place if self._place.is_dir() else self._images[0].parent
        for number, file in enumerate(self._images, 1):
            file, name, written = file.absolute(), str(file.relative_to(root)), file.stat().st_mtime_ns
            yield Message(file=file, stream=self._place.stem, number=number, name=name, captured=written)


def _encoded(message: Message) -> tuple[str, bytes]:
    """A file's suffix and content."""
    suffix = Path(message.name).suffix
    if message.encoded:
        return suffix, message.bytes
    suffix = suffix.lower() if suffix.lower()[1:] in WRITES else ".png"
    return suffix, encode(message.image, suffix[1:])


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
