"""One shape under one load: the real launcher runs it, everything is watched, and what does not hold is said."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from bus import books
from bus.link import PREFETCH
from bus.puller import WINDOW
from media.sources import camera
from tests.launch import PATIENCE, Launch, files, processes_in, waiting
from tests.overload.memory import Samples, Verdict
from tests.overload.painted import number_in
from tests.overload.shapes import BUDGET, RATE, Load, Shape
from tests.overload.slow import SEEN

PERIOD = 0.2  # seconds between two samples
SUMMARY = re.compile(r"converted (\d+), dead letters 0, dropped (\d+), lost 0, waiting 0;")
PASSED_OVER = re.compile(r'(\d+) passed over by keep: latest on "frames"')


class Outcome(NamedTuple):
    memory: dict[str, Verdict]  # of each replica
    ages: list[float]  # seconds, sorted: of each frame that the slow node saw, when its code got it
    most_waiting: int  # files in the folder, or frames made and not yet seen, at any moment
    summary: str  # the launcher's last line
    broken: list[str]  # what does not hold, in words

    @property
    def p95(self) -> float:
        return self.ages[int(0.95 * len(self.ages))] if self.ages else 0.0


def run(shape: Shape, load: Load, folder: Path) -> Outcome:
    """Run `shape` in `folder`, which is empty, to its end."""
    shape.prepare(folder, load)
    (folder / "graph.yaml").write_text(json.dumps(shape.graph(load)))
    samples, most = Samples(folder), 0
    deadline = time.monotonic() + load.count * load.seconds + PATIENCE
    with Launch(folder) as graph:
        while graph.process.poll() is None and time.monotonic() < deadline:
            samples.take()
            most = max(most, waiting(folder / "spool"), 0 if shape.live else _ahead(folder))
            time.sleep(PERIOD)
        code = graph.ends(0.0)
        said = graph.output
    memory = samples.judge(shape.credit(load))
    seen = [line.split() for line in (folder / SEEN).read_text().splitlines()]
    outcome = Outcome(memory, sorted(float(age) for _, age in seen), most, said.splitlines()[-1], [])
    outcome.broken.extend([f"the launcher exited with {code}"] if code else [])
    outcome.broken.extend(_memory(memory))
    outcome.broken.extend((_latest if shape.live else _all)(folder, load, [int(number) for number, _ in seen], outcome))
    return outcome


def _memory(memory: dict[str, Verdict]) -> Iterator[str]:
    for name, verdict in memory.items():
        if not verdict.holds:
            yield f"{name} holds too much, or ever more"


def _all(folder: Path, load: Load, seen: list[int], outcome: Outcome) -> Iterator[str]:
    """Nothing is lost, and the source was held."""
    if seen != [*range(load.count)]:
        yield f"the slow node saw {len(seen)} frames, not {load.count} in their order"
    if not (counts := SUMMARY.search(outcome.summary)) or [int(count) for count in counts.groups()] != [load.count, 0]:
        yield "the books do not say that all is converted and nothing dropped"
    yield from _results(folder, [*range(load.count)])
    bound = BUDGET if (folder / "spool").exists() else WINDOW + PREFETCH
    if outcome.most_waiting > bound:
        yield f"{outcome.most_waiting} frames waited; at most {bound} may"


def _latest(folder: Path, load: Load, seen: list[int], outcome: Outcome) -> Iterator[str]:
    """What was not seen is counted, to the frame, and what was seen was fresh."""
    counts, passed = SUMMARY.search(outcome.summary), PASSED_OVER.search(outcome.summary)
    over = int(passed[1]) if passed else 0
    if seen != sorted(set(seen)):
        yield "frames came twice, or in another order"
    if len(seen) + over != load.count:
        yield f"{len(seen)} seen + {over} passed over are not {load.count} made"
    shown = len(files(folder / "saved"))
    if not counts or [int(count) for count in counts.groups()] != [shown, load.count - shown]:
        yield f"the books do not say that {shown} are converted and all others dropped"
    through_folder = (folder / "spool").exists()
    if not through_folder:
        yield from _results(folder, [*range(load.count)] if shown == load.count else seen)
    bound = 2 / (camera.RATE if through_folder else RATE) + load.seconds
    if outcome.p95 > bound:
        yield f"the p95 of the ages is {outcome.p95:.3f} s; at most {bound:.3f} s may be"


def _results(folder: Path, expected: list[int]) -> Iterator[str]:
    """Each of these has one result, under its own name, which shows what was painted."""
    results = {int(name[-12:-4]): folder / "saved" / name for name in files(folder / "saved")}
    if sorted(results) != expected or len(files(folder / "saved")) != len(expected):
        yield f"there are {len(results)} results of {len(expected)}"
    for number, path in results.items():
        with Image.open(path) as image:
            if number_in(image) != number:
                yield f"{path.name} shows {number_in(image)}"


def _ahead(folder: Path) -> int:
    """How many frames a source without a folder has made and the slow node has not seen."""
    runs = {word for line in processes_in(folder).values() for word in line if word.startswith("--run=")}
    made = 0
    for path in (path for run in runs for path in Path(run.removeprefix("--run=")).glob("*.books")):
        try:
            made += books.read(path)["made"]
        except (FileNotFoundError, ValueError):  # it is being made, or its run is over
            return 0
    seen = (folder / SEEN).read_text().count("\n") if (folder / SEEN).exists() else 0
    return 0 if (folder / "spool").exists() else made - seen
