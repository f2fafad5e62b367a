"""Tracebacks as the author of a node wants them: from their own file on."""

import traceback
from pathlib import Path

BUS = Path(__file__).parent


def trace(error: Exception) -> str:
    """The traceback of `error` without the calls of the bus that led to user code."""
    step = error.__traceback__
    while step and step.tb_next and Path(step.tb_frame.f_code.co_filename).parent == BUS:
        step = step.tb_next
    return "".join(traceback.format_exception(type(error), error, step)).rstrip()
