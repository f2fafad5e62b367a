"""What a node notes for a trace, on a disk that fills up."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bus.timeline import Timeline


@contextmanager
def little_room(size: int) -> Iterator[None]:
    """No file of this process becomes larger than `size` bytes, as if its disk were full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def whole(text: str) -> Iterator[int]:
    """The numbers of the lines that can be read."""
    for line in text.splitlines():
        try:
            yield json.loads(line)[1]
        except ValueError:
            continue


def test_lines_that_find_no_room_are_said_once_and_cost_none_of_those_that_follow(tmp_path: Path) -> None:
    said: list[str] = []
    timeline = Timeline(tmp_path / "a.trace", said.append)

    def note(number: int) -> None:
        timeline.note("s", number, "s", arrived=1, begun=1, ended=2, captured=1)
        timeline.beat()

    note(1)
    with little_room((tmp_path / "a.trace").stat().st_size + 5):
        note(2)
        note(3)
    note(4)
    assert [*whole((tmp_path / "a.trace").read_text())] == [1, 4]
    assert len(said) == 1
