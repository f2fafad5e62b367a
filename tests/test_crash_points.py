"""Nothing is lost and nothing comes twice, whoever dies at whichever step; and how a process is told where to die."""

from pathlib import Path

import pytest

from tests.crash_points import in_the_suite
from tests.crashed import survives

CASES = in_the_suite()


@pytest.mark.parametrize("sentence", CASES, ids=CASES)
def test_every_result_is_there_once_although(sentence: str, tmp_path: Path) -> None:
    survives(CASES[sentence], tmp_path)
