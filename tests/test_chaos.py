"""The short form of the fault campaign: `python -m tests.chaos` is the long one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos import pictures
from tests.launch import ROOT

FRAMES, KILLS = 1000, 16  # with one stop and one restart for eight kills: 20 faults


@pytest.mark.timeout(240)
def test_no_frame_is_lost_or_wrong_or_there_twice_when_everybody_is_killed_stopped_and_restarted(
    tmp_path: Path,
) -> None:
    report = tmp_path / "report.json"

    command = [sys.executable, "-m", "tests.chaos", f"--frames={FRAMES}", f"--kills={KILLS}", "--seconds=40"]
    campaign = subprocess.run([*command, f"--report={report}"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert campaign.returncode == 0, campaign.stdout[-5000:] + campaign.stderr
    figures = json.loads(report.read_text())
    assert figures["planned"] == KILLS + KILLS // 8 * 2
    assert sum(figures["faults"].values()) >= KILLS  # a graph that ends first escapes the last ones
    assert figures["results"]["found"] + figures["results"]["dead"] == FRAMES
    assert campaign.stdout.splitlines()[-1].startswith("PASSED: ")


def test_a_picture_says_which_frame_it_is_and_a_damaged_one_says_nothing() -> None:
    picture = pictures.draw(2, 123_456)

    assert pictures.read(picture) == (2, 123_456)
    assert pictures.read(pictures.converted(pictures.converted(picture))) == (2, 123_456)
    assert pictures.read(pictures.converted(picture)) is None
    picture.paste("gray", (8, 8, 16, 16))
    assert pictures.read(picture) is None
