"""A source ten times faster than its graph, in short; `python -m tests.overload --seconds 600` is the long form."""

from pathlib import Path

import pytest

from tests.overload.painted import SIZES
from tests.overload.shapes import SHAPES, Load
from tests.overload.trial import Outcome, run


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


def overload(folder: Path, name: str, count: int, seconds: float, size: tuple[int, int]) -> Outcome:
    return run(SHAPES[name], Load(count, *size, seconds), folder)


def test_a_clip_waits_in_its_folder_and_all_of_it_arrives_while_no_node_holds_more_than_its_credit(
    tmp_path: Path,
) -> None:
    assert overload(tmp_path, "folder", 60, 0.05, (640, 360)).broken == []


def test_raw_frames_wait_at_their_source_and_all_of_them_arrive(tmp_path: Path) -> None:
    outcome = overload(tmp_path, "filter", 40, 0.05, SIZES["1080p"])
    assert outcome.broken == []
    assert outcome.most_waiting > 5, "the source was held"


def test_what_keep_latest_shows_is_fresh_and_what_it_passes_over_is_counted(tmp_path: Path) -> None:
    outcome = overload(tmp_path, "preview", 90, 0.3, (320, 180))
    assert outcome.broken == []
    assert len(outcome.ages) < 45, "it was overloaded"
