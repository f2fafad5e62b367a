"""python -m bench: every job runs, its counts balance, and what it says can be read and shown."""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy
import pytest

from bench import emboss, machine, report
from bench.contender import Contender, Job, Measure
from bench.contest import contest
from bench.family import Broken
from bench.jobs import JOBS
from bench.quantiles import median
from bench.tables import ratios, tables
from tests.launch import ROOT

SPENT = 0.3  # seconds of CPU of each busy process
TICK = 0.02  # seconds: the kernel tells of the dead in hundredths of a second, user and system
BUSY = f"""
import sys, time
while time.process_time() < {SPENT}:
    pass
print("done", flush=True)
time.sleep(60 if sys.argv[1:] else 0)
"""
COUNTS = """
import json, sys
from pathlib import Path
from bench.family import Family
busy = f"{sys.executable} busy.py"
command = ["sh", "-c", f"{busy}; {busy} stays & (setsid {busy} stays &); {busy} & wait"]  # one of each kind
with Family(command, Path(sys.argv[1])) as family:
    family.until(lambda: family.said.count("done") == 4 and len(family.pids) == 3, 60, "all are done, two stay")
    alive, pids = family.cpu, family.pids
print(json.dumps([alive, family.cpu, pids]))
"""
EXACT = {"ours", "pyzmq", "pool", "original", "ffmpeg"}  # who lose nothing and need no environment of their own


def bench(*words: str | Path) -> str:
    """What it prints; it must succeed."""
    command = [sys.executable, "-m", "bench", *map(str, words)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("name", JOBS)
def test_a_job_runs_and_its_counts_balance(name: str, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"

    printed = bench(name, "--quick", f"--json={file}", f"--cache={tmp_path / 'cache'}")

    job = json.loads(file.read_text())["jobs"][name]
    assert {run["contender"] for run in job["runs"]} == {*job["contenders"]}
    assert f"### {name}" in printed and all(f"**{contender}**" in printed for contender in job["contenders"])
    for run in job["runs"]:
        for case, figures in run["figures"].items():
            balances(run["contender"], case, figures)


def balances(contender: str, case: str, figures: dict[str, Any]) -> None:
    """Whether what went in came out, once, in this case of a contender's."""
    where = contender, case
    assert all(math.isfinite(value) for value in figures.values() if isinstance(value, float)), where
    if "results" in figures:
        assert figures["frames"] == figures["results"] + figures["lost"], where
        assert contender.partition(",")[0] not in EXACT or figures["lost"] == 0, where
    if "paced_sent" in figures and contender in EXACT:
        assert figures["paced_sent"] == figures["paced_received"] == len(figures["latencies"]), where
        assert figures["twice"] == figures["disordered"] == 0, where
    if "sent" in figures and contender in EXACT:
        assert figures["sent"] == figures["received"] > 0, where


def test_a_page_is_made_of_figures_and_made_anew(tmp_path: Path) -> None:
    file, page = figures_of("recipe", "hop", folder=tmp_path), tmp_path / "page.md"
    page.write_text(f"Before.\n{report.BEGIN}\nwhat was there\n{report.END}\nAfter.\n")

    bench("report", file, f"--into={page}")

    once = page.read_text()
    assert once.startswith("Before.\n") and once.endswith("After.\n") and "what was there" not in once
    assert "### recipe" in once and "### hop" in once and "| hop, throughput, 120 KB" in once
    bench("report", file, f"--into={page}")
    assert page.read_text() == once


def test_plots_are_made_of_figures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    file = figures_of("recipe", "hop", "scale", folder=tmp_path)

    bench("report", file, f"--plots={tmp_path / 'images'}")

    images = sorted((tmp_path / "images").iterdir())
    assert [image.name for image in images] == ["bench-hop.png", "bench-recipe.png", "bench-scale.png"]
    assert all(image.read_bytes().startswith(b"\x89PNG") for image in images)


def figures_of(*names: str, folder: Path) -> Path:
    file = folder / "figures.json"
    file.write_text(json.dumps({"jobs": {name: made(name) for name in names}}))
    return file


def made(name: str) -> dict[str, Any]:
    """A job's figures, as a contest would have them."""
    figures = {"" if name == "recipe" else "120 KB": {"rate": 10.0, "cpu": 2.0, "p50": 300.0, "growth": 1.0}}
    ours = Contender("ours", "this", lambda folder: figures, 1.0)
    other = Contender("imagezmq", "that", lambda folder: figures, 1.0)
    job = Job(name, "", (ours, other), (Measure("rate", "throughput", "/s"),), 1)
    with tempfile.TemporaryDirectory() as cache:
        return {"machine": machine.facts(Path(cache)), "peers": {}, **contest(job, 1, Path(cache))}


def test_contenders_take_turns_in_an_order_that_rotates_and_one_that_fails_is_left_out(tmp_path: Path) -> None:
    order: list[str] = []

    def run(name: str, value: float) -> Any:
        def once(folder: Path) -> Any:
            order.append(name)
            if name == "broken":
                raise Broken("it does not work")
            return {"": {"rate": value}}

        return once

    names = {"ours": 6.0, "other": 3.0, "broken": 0.0}
    contenders = tuple(Contender(name, "", run(name, value), 1.0) for name, value in names.items())
    rare = Contender("rare", "", run("rare", 1.0), 1.0, every=2)
    absent = Contender("absent", "", run("absent", 1.0), 1.0, missing="it is not here")
    job = Job("job", "Words.", (*contenders, rare, absent), (Measure("rate", "throughput", "/s"),), 4)

    found = contest(job, 4, tmp_path)

    rounds = "ours other broken rare", "other broken ours", "broken rare ours other", "ours other"
    assert order == " ".join(rounds).split()
    assert ratios(found, "other", "", "rate") == [2.0] * 4
    assert not [*tmp_path.iterdir()]
    text = "\n".join(tables("job", found))
    assert "3; 2.00" in text and "failed" in text and "absent is missing: it is not here" in text


def test_the_interval_of_a_median_comes_from_the_order_of_the_samples() -> None:
    assert median([*range(10)]) == (4.5, 1, 8)  # 97.9 %
    assert median([*range(20)]) == (9.5, 5, 14)  # 95.9 %
    assert median([*range(6)]) == (2.5, 0, 5)  # 96.9 %
    assert median([3, 1, 2]) == (2, None, None)


def test_both_engines_of_the_bare_pool_emboss_to_the_same_pixels() -> None:
    pytest.importorskip("cv2", reason="there is no OpenCV here")
    noise = numpy.random.default_rng(7).integers(0, 256, (48, 64, 3), numpy.uint8)

    pillow, opencv = emboss.engine("pillow"), emboss.engine("opencv")

    by_pillow, by_opencv = (engine.embossed(engine.taken(noise)) for engine in (pillow, opencv))

    assert numpy.array_equal(numpy.asarray(by_pillow), by_opencv[..., ::-1])


def test_the_cpu_time_of_all_processes_counts_however_they_end_and_none_is_left(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(BUSY)
    script = tmp_path / "counts.py"  # a process of its own, for whoever has a family takes all orphans in
    script.write_text(COUNTS)

    ran = subprocess.run(
        [sys.executable, script, tmp_path],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stderr
    alive, dead, pids = json.loads(ran.stdout)
    assert alive >= 4 * SPENT - TICK
    assert dead >= alive - TICK * len(pids)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
