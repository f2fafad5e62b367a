"""Contenders take turns: all of them once, then all again in another order, so that what slows the machine hits all."""

import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.contender import Contender, Job
from bench.family import Broken

CHANCES = 3  # failures after which a contender is left out


def contest(job: Job, pairs: int, cache: Path) -> dict[str, Any]:
    """Hold it, saying how it goes; all that was measured, for the JSON file."""
    here = [contender for contender in job.contenders if not contender.missing]
    runs: list[dict[str, Any]] = []
    failures: Counter[str] = Counter()
    for pair in range(pairs):
        turn = pair % len(here)
        for contender in here[turn:] + here[:turn]:
            if pair % contender.every == 0 and failures[contender.name] < CHANCES:
                print(f"  {job.name} {pair + 1}/{pairs} {contender.name:20}", end="", flush=True)
                run = {"pair": pair, "contender": contender.name, **_run(contender, cache)}
                failures[contender.name] += "failed" in run
                print(run.get("failed", f"{run['seconds']:5.1f} s"), flush=True)
                runs.append(run)
    return {
        "words": job.words,
        "pairs": pairs,
        "measures": [measure._asdict() for measure in job.measures],
        "contenders": {contender.name: contender.words for contender in here},
        "beside": {contender.name: contender.beside for contender in here if contender.beside != contender.name},
        "missing": {contender.name: contender.missing for contender in job.contenders if contender.missing},
        "runs": runs,
    }


def _run(contender: Contender, cache: Path) -> dict[str, Any]:
    cache.mkdir(parents=True, exist_ok=True)
    folder, began = Path(tempfile.mkdtemp(prefix="run-", dir=cache)), time.monotonic()
    try:
        figures = contender.run(folder)
    except Broken as why:
        return {"seconds": time.monotonic() - began, "failed": str(why)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"seconds": round(time.monotonic() - began, 2), "figures": figures}
