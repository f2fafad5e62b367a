"""Cases that mostly wait, several at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")


def together(case: Callable[[Path, Value], None], values: Sequence[Value], folder: Path, at_once: int = 2) -> None:
    """Run `case` for each of `values`, in a folder of its own; raises what the first that failed has raised."""
    with ThreadPoolExecutor(at_once) as pool:
        runs = {}
        for number, value in enumerate(values):
            place = folder / str(number)
            place.mkdir()
            runs[pool.submit(case, place, value)] = value
    for run, value in runs.items():
        try:
            run.result()
        except AssertionError as error:
            raise AssertionError(f"with {value}: {error}") from error
