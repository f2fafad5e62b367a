"""Tracebacks as the author of a node wants them: from their own file on, and each error once."""

import traceback
from collections import Counter
from pathlib import Path
from types import TracebackType

BUS = Path(__file__).parent


def trace(error: Exception) -> str:
    """The traceback of `error` without the calls of the bus that led to user code."""
    return "".join(traceback.format_exception(type(error), error, _own(error))).rstrip()


class Errors:
    """Those that user code has raised, told apart by their kind and the line of the user's that raised them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()  # "ZeroDivisionError in shrink.py, line 7" -> how often

    def note(self, error: Exception) -> str:
        """Which one it is."""
        step = _own(error)
        while step and step.tb_next and Path(step.tb_next.tb_frame.f_code.co_filename).parent == _home(step):
            step = step.tb_next  # to the last of the user's own
        where = f" in {Path(step.tb_frame.f_code.co_filename).name}, line {step.tb_lineno}" if step else ""
        which = f"{type(error).__name__}{where}"
        self.counts[which] += 1
        return which

    def words(self, error: Exception) -> str:
        """Note it. Its traceback if it is new, else how often it came."""
        often = self.counts[which := self.note(error)]
        return trace(error) if often == 1 else f"{which}, {often} times by now: {error}"


def _own(error: Exception) -> TracebackType | None:
    step = error.__traceback__
    while step and step.tb_next and _home(step) == BUS:
        step = step.tb_next
    return step


def _home(step: TracebackType) -> Path:
    return Path(step.tb_frame.f_code.co_filename).parent
