"""A clock that is set while a graph runs, as by a GPS receiver or the first contact with a time server."""

import re
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import need, until
from tests.launch import Launch, files

FRAMES = 60
HOUR = 3600  # seconds
SHIM = Path(__file__).parent / "set_clock.c"


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


class Clock:
    """One that can be set, for programs that have `env` in their environment."""

    def __init__(self, folder: Path) -> None:
        need("cc")
        self._ahead, library = folder / "ahead", folder / "set_clock.so"
        self.set(0)
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, SHIM], check=True)
        self.env = {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(self._ahead)}

    def set(self, seconds: int) -> None:
        """Have it so far ahead of the true one, from one moment to the next."""
        with open(self._ahead, "r+b" if self._ahead.exists() else "wb") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))


def converted(folder: Path) -> list[str]:
    return [file for file in files(folder) if file.startswith("converted/")]


def has_converted(folder: Path, count: int) -> bool:
    return len(converted(folder)) >= count


def hours(graph: Launch) -> list[int]:
    """By the launcher's clock: one for each line that it said."""
    return [int(hour) for hour in re.findall(r"^(\d\d):\d\d:\d\d ", graph.output, re.MULTILINE)]


def test_a_clock_that_jumps_by_a_day_forth_and_back_changes_nothing(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clock = Clock(tmp_path_factory.mktemp("clock"))
    with Launch(tmp_path, f"splitter.limit={FRAMES}", env=clock.env) as graph:
        graph.says("ready after")
        began = hours(graph)[0]
        for part, ahead in ((1, 25 * HOUR), (2, -26 * HOUR), (3, 3 * HOUR)):
            until(partial(has_converted, tmp_path, part * FRAMES // 5), 60, "frames")
            clock.set(ahead)
        assert graph.ends() == 0
    assert (hours(graph)[-1] - began) % 24 in (3, 4)  # it was set, and a true hour may have passed
    assert converted(tmp_path) == [f"converted/test-{number:08d}.jpg" for number in range(FRAMES)]
    assert f"| all done: converted {FRAMES}, dead letters 0, dropped 0, lost 0, waiting 0; " in graph.output
    assert not re.search("restarts|gives up|aborted|failed|Traceback", graph.output)
