"""The short form of the fault campaign: `python -m tests.chaos` is the long one."""

import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import dead, pictures, report
from tests.chaos.__main__ import UNABLE
from tests.chaos.audit import Audit
from tests.chaos.campaign import Campaign, Strike
from tests.chaos.network import planned
from tests.chaos.outages import OUTAGES
from tests.chaos.scene import Scene
from tests.launch import ROOT

FAR_FRAMES = 200  # between two hosts
FLOW = 20.0  # seconds from the end of an outage to the next result: an address that has changed takes up to 8 alone
FRAMES, KILLS = 400, 8  # with one stop and one restart for eight kills: 10 faults


@pytest.mark.timeout(240)
def test_no_frame_is_lost_or_wrong_or_there_twice_when_everybody_is_killed_stopped_and_restarted(
    tmp_path: Path,
) -> None:
    report = tmp_path / "report.json"

    command = [sys.executable, "-m", "tests.chaos", f"--frames={FRAMES}", f"--kills={KILLS}", "--seconds=20"]
    campaign = subprocess.run([*command, f"--report={report}"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert campaign.returncode == 0, campaign.stdout[-5000:] + campaign.stderr
    figures = json.loads(report.read_text())
    assert figures["planned"] == KILLS + KILLS // 8 * 2
    assert sum(figures["faults"].values()) >= KILLS  # a graph that ends first escapes the last ones
    assert figures["results"]["found"] + figures["results"]["dead"] == FRAMES
    assert figures["dead letters"]["unexplained"] == {}
    assert campaign.stdout.splitlines()[-1].startswith("PASSED: ")


@pytest.mark.timeout(240)
def test_no_frame_is_lost_or_wrong_or_there_twice_between_hosts_that_are_struck_and_reboot_on_a_network_that_fails(
    tmp_path: Path,
) -> None:
    report = tmp_path / "report.json"
    size = [f"--frames={FAR_FRAMES}", "--kills=4", f"--outages={len(OUTAGES)}", "--longest=1", "--seconds=20"]

    command = [sys.executable, "-m", "tests.chaos", "--hosts=2", *size, f"--report={report}"]
    campaign = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    if campaign.returncode == UNABLE:
        pytest.skip(campaign.stdout)
    assert campaign.returncode == 0, campaign.stdout[-5000:] + campaign.stderr
    figures = json.loads(report.read_text())
    network = figures["network"]
    assert sum(network["outages"].values()) + len(network["impossible here"]) >= len(OUTAGES) - 2  # as above
    assert network["flow after healing"]["all"]["worst"] < FLOW
    assert figures["results"]["found"] + figures["results"]["dead"] == FAR_FRAMES
    assert re.search(r"; flow after healing: median [\d.]+ s, worst [\d.]+ s", campaign.stdout.splitlines()[-1])


def test_outages_are_planned_by_the_seed_alone_and_each_kind_comes_before_any_comes_twice() -> None:
    plans = [planned(2 * len(OUTAGES), 300, 1000, random.Random(seed)) for seed in (7, 7, 8)]

    assert plans[0] == plans[1] != plans[2]
    for plan in plans:
        assert Counter(due.outage.name for due in plan) == {one.name: 2 for one in OUTAGES}
        assert max(due.seconds for due in plan) == 300
        assert max(due.at for due in plan) >= 900
        assert [due.at for due in plan] == sorted((due.at for due in plan), reverse=True)


def test_a_picture_says_which_frame_it_is_and_a_damaged_one_says_nothing() -> None:
    picture = pictures.draw(2, 123_456)

    assert pictures.read(picture) == (2, 123_456)
    assert pictures.read(pictures.converted(pictures.converted(picture))) == (2, 123_456)
    assert pictures.read(pictures.converted(picture)) is None
    picture.paste("gray", (8, 8, 16, 16))
    assert pictures.read(picture) is None


REASONS = {
    "stamp on robot: was killed by SIGKILL (3 times)": True,
    "stamp on robot: was killed by SIGTERM (3 times)": True,
    "stamp on robot: died (3 times)": True,  # with the launcher, which did not see how
    "killed stamp.1 (3 times)": True,
    'stamp: was killed by SIGKILL (3 times)\nits own name: "drop-00000000.jpg"': True,
    "stamp: was killed by SIGKILL (2 times)": False,
    "stamp: was killed by SIGSEGV (3 times)": False,
    "stamp: ValueError: no (3 times)": False,
    "stamp: ValueError: it was killed by SIGKILL (3 times) and died": False,
    "converter: cannot identify image file": False,
    "": False,
    dead.NO_NOTE: False,
}


@pytest.mark.parametrize(("reason", "is_innocent"), REASONS.items())
def test_only_three_deaths_that_a_campaign_brings_about_explain_a_dead_letter(reason: str, is_innocent: bool) -> None:
    assert dead.is_innocent(reason) == is_innocent


def test_dead_letters_are_found_with_their_reasons_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "a" / "sub").mkdir(parents=True)
    for name, content in {"a/1.jpg": "", "a/1.jpg.txt": "why\n", "a/sub/2.jpg": "", "a/3.jpg.txt": "not moved"}.items():
        (tmp_path / name).write_text(content)
    found = dead.letters(tmp_path / "a", tmp_path / "that is not there")
    assert found == {f"{tmp_path}/a/1.jpg": "why", f"{tmp_path}/a/sub/2.jpg": dead.NO_NOTE}


def ended(folder: Path, notes: Sequence[str], kills: int, also_saved: bool = False) -> dict[str, Any]:
    """The figures of a campaign of 4 frames, of which the first ones became dead letters with these notes."""
    scene = Scene(folder, 4, seconds=1)
    for spool in scene.spools:
        (spool / "dead-letters").mkdir(parents=True)
    (folder / "dropped.dropped").write_text("2")
    (folder / "split" / ".clip.mark").write_text('{"next": 2}')
    for (name, shown), note in zip(scene.expected.items(), [*notes, "", "", "", ""], strict=False):
        letter = scene.spools[name.startswith("clip")] / "dead-letters" / name.removesuffix(".png")
        if note:
            letter.write_bytes(b"")
            letter.with_name(f"{letter.name}.txt").write_text(f"{note}\n")
        if not note or also_saved:
            pictures.converted(pictures.draw(*shown)).save(scene.results / name)
    audit = Audit(scene)
    campaign = Campaign(scene, audit, kills, 7, [], print)
    campaign.strikes = [Strike(1.0, "kill", "stamp.1", "mid-stream", audit.stand()) for _ in range(kills)]
    return report.figures(scene, audit, campaign, "")


KILLED, RAISED = "stamp: was killed by SIGKILL (3 times)", "stamp: ValueError: no (3 times)"


def test_a_campaign_without_dead_letters_or_with_those_of_three_kills_passes_and_says_how_many(tmp_path: Path) -> None:
    for count in (0, 2):
        folder = tmp_path / f"{count}"
        folder.mkdir()
        figures = ended(folder, [KILLED] * count, kills=5)
        words = (
            f"PASSED: {4 - count} of 4 results, 0 lost, 0 corrupt, 0 twice, dead letters: {count} after three deaths"
        )
        assert report.verdict(figures).startswith(f"{words}, 0 unexplained; ")


@pytest.mark.parametrize("also_saved", [False, True])
def test_any_other_dead_letter_breaks_a_campaign_which_says_its_reason(tmp_path: Path, also_saved: bool) -> None:
    figures = ended(tmp_path, [KILLED, RAISED], 3, also_saved)
    found = 4 if also_saved else 2
    first, second = report.verdict(figures).splitlines()
    words = f"BROKEN: {found} of 4 results, 0 lost, 0 corrupt, 0 twice, dead letters: 1 after three deaths"
    assert first.startswith(f"{words}, 1 unexplained; ")
    assert second == f"{tmp_path}/dropped/dead-letters/drop-00000001.jpg: {RAISED}"
    assert not figures["passed"]


@pytest.mark.parametrize(("letters", "kills"), [(1, 2), (2, 4)])
def test_more_dead_letters_than_the_kills_explain_break_a_campaign(tmp_path: Path, letters: int, kills: int) -> None:
    figures = ended(tmp_path, [KILLED] * letters, kills)
    assert report.verdict(figures).splitlines()[0].startswith("BROKEN: ")
    assert len(figures["dead letters"]["unexplained"]) == letters
