"""The short form of the campaign of edits: `python -m tests.edits` is the long one."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.edits import model as models
from tests.edits.campaign import BROKEN, Campaign, Epoch
from tests.edits.model import Model, Stamp
from tests.launch import ROOT

EDITS = 8


@pytest.mark.timeout(240)
def test_each_frame_has_one_result_made_by_a_filter_that_was_current_whatever_is_edited() -> None:
    command = [sys.executable, "-m", "tests.edits", f"--edits={EDITS}", "--seed=3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert done.stdout.splitlines()[-1].startswith("PASSED: ")
    assert f"{EDITS} edits" in done.stdout.splitlines()[-1]


def test_every_edit_makes_a_graph_that_can_be_read_and_differs(tmp_path: Path) -> None:
    model, rng = Model(), random.Random(1)
    for count in range(1, 300):
        _, made = models.edit(model, count, rng)
        assert made.yaml() != model.yaml()
        nodes = yaml.safe_load(made.yaml())["nodes"]
        assert {"watcher", "keeper"} <= nodes.keys()
        assert all(text.replace(*bad) != text for text in [made.yaml()] for bad in BROKEN)
        model = made


def test_the_verdict_sees_what_is_missing_foreign_or_made_by_what_was_not_current(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, 0, 1, print)
    campaign.epochs = [Epoch(Model(), 0.0, 10.0), Epoch(Model(b=Stamp("x", 7)), 9.0)]
    assert not campaign.strange({"filter": "invert", "a": None, "b": None}, 5.0, 6.0)
    assert campaign.strange({"filter": "none", "a": None, "b": None}, 5.0, 6.0)
    assert campaign.strange({"filter": "invert", "a": None, "b": 7}, 5.0, 6.0)
    assert not campaign.strange({"filter": "invert", "a": None, "b": 7}, 8.0, 9.5)
    assert not campaign.strange({"filter": "invert", "a": None, "b": None}, 9.5, 12.0)
    assert campaign.strange({"filter": "invert", "a": None, "b": None}, 11.0, 12.0)
    campaign.flow.dropped.update({0: 1.0, 1: 1.0})
    (campaign.flow.folder / "frame-00000001.png.json").write_text('{"number": 2, "filter": "invert"}')
    (campaign.flow.folder / "frame-00000009.png.json").write_text("{}")
    assert [*campaign.wrongs()] == [
        "frame-00000000.png.json is missing",
        "frame-00000009.png.json is of no frame",
        "frame-00000001.png.json shows 2",
    ]
