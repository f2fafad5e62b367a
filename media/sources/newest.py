"""A live source is read on while nobody takes its frames: the newest few wait, the others are dropped and counted.

Not at once: who sends faster than he shows, such as a file behind an address, can be held (see media.sources.pace.Lag).
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from bus import idle
from media.sources.pace import LATE, Lag
from media.sources.video import BEAT, SLOW, Dropped, Frame, Opened, Step, Steps

DEPTH = 5  # frames that wait: a hiccup of 0.2 s costs none, and no frame is much older than that


def newest(steps: Steps, shown: Callable[[], float], held: Callable[[], AbstractContextManager[None]]) -> Steps:
    """What `steps` gives, which is read on in a thread meanwhile, and closed there. What it raises is raised here.

    `shown()` is when the last frame of `steps` is shown, in seconds; nothing new comes within a with-block of `held()`.
    """
    waiting = _Waiting(held)
    with _filling(waiting, steps, shown):
        while not waiting.over:
            yield waiting.take()
        if waiting.problem:
            yield None  # what broke it may have been meant for us too: a stop that is wanted comes first
            raise waiting.problem


@contextmanager
def _filling(waiting: "_Waiting", steps: Steps, shown: Callable[[], float]) -> Iterator[None]:
    """A thread that puts all `steps` into `waiting`, until nobody wants them any more."""
    unwanted = threading.Event()

    def work() -> None:
        problem: Exception | None = None
        try:
            with closing(steps):
                for step in steps:
                    if unwanted.is_set():
                        return
                    if step is not None:
                        waiting.put(step, shown(), unwanted)
        except Exception as error:
            problem = error
        finally:
            waiting.end(problem)

    thread = threading.Thread(target=work, name="newest")
    thread.start()
    try:
        yield
    finally:
        unwanted.set()
        thread.join()  # within a BEAT: `steps` gives None that often


class _Waiting:
    """What has come and is not taken yet: at most DEPTH frames."""

    def __init__(self, held: Callable[[], AbstractContextManager[None]]) -> None:
        self._held = held
        self._lag = Lag()
        self._steps: deque[Step] = deque()
        self._dropped: Counter[str] = Counter()  # reason -> frames
        self._ended = False
        self.problem: Exception | None = None  # what made it end
        self._changed = threading.Condition()

    def put(self, step: Step, seconds: float, unwanted: threading.Event) -> None:
        with self._changed:
            if isinstance(step, Dropped):
                count, why = step
                self._dropped[why] += count
            else:
                if isinstance(step, Frame):
                    self._make_room(seconds, unwanted)
                self._steps.append(step)
            self._changed.notify()

    def end(self, problem: Exception | None) -> None:
        """There comes no more, because of `problem` if it is one."""
        with self._changed:
            self._ended, self.problem = True, problem
            self._changed.notify()

    def take(self) -> Step:
        """The next step, or None if there is none within a BEAT."""
        with self._changed:
            with idle():
                self._changed.wait_for(lambda: self._dropped or self._steps or self._ended, BEAT)
            opened = bool(self._steps) and isinstance(self._steps[0], Opened)
            if self._dropped and not opened:  # what is opened is told before what was dropped of it
                why, count = self._dropped.popitem()
                return Dropped(count, why)
            if self._steps:
                self._changed.notify()
                return self._steps.popleft()
            return None

    @property
    def over(self) -> bool:
        """Whether all was taken, and no more comes."""
        with self._changed:
            return self._ended and not (self._dropped or self._steps)

    def _make_room(self, seconds: float, unwanted: threading.Event) -> None:
        self._lag.note(seconds, waiting=self._frames > 0)
        if self._frames < DEPTH:
            return
        with self._held():
            while self._frames >= DEPTH and not unwanted.is_set():
                if self._lag.late:
                    self._let_go()
                else:
                    self._changed.wait(LATE / 10)
                    self._lag.note(seconds, waiting=True)

    @property
    def _frames(self) -> int:
        return sum(isinstance(step, Frame) for step in self._steps)

    def _let_go(self) -> None:
        """Drop the oldest frame."""
        at = next(index for index, step in enumerate(self._steps) if isinstance(step, Frame))
        frame = self._steps[at]
        del self._steps[at]
        assert isinstance(frame, Frame)
        if isinstance(frame.picture, Path):
            frame.picture.unlink(missing_ok=True)
        self._dropped[SLOW] += 1
