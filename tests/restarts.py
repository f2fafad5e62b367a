"""What a restart costs: a node is killed again and again, and its launcher brings it back each time.

`python -m tests.restarts --restarts 1000` says how soon each death was seen and the next life was ready, and what so
many lives have left: zombies, helpers, descriptors, threads and memory of the launcher. Exit 1 if a promise is broken.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bus import books
from host import proc, runfolder
from tests.conftest import until
from tests.launch import Launch, open_descriptors, processes_in

SEEN = 0.1  # seconds from a death to its line in the log
READY = 2.0  # seconds from a death to the line that says that the next life is ready, less what that took to start
GROWTH = 4.0  # MiB by which the launcher may grow

NODES = {
    "source": """
def source():
    while True:
        yield Message(b"x", stream="s")
""",
    "victim": """
def victim(frames):
    helper = subprocess.Popen(["sleep", "600"], start_new_session=True)  # as a node has that starts ffmpeg
    yield from frames
""",
    "sink": """
def sink(frames):
    for frame in frames:
        time.sleep(0.002)
""",
}
GRAPH = """
nodes:
  source: {run: source, push: whole}
  victim: {run: victim, pull: whole, push: passed}
  sink: {run: sink, pull: passed}
"""


@dataclass
class Footprint:
    """What the launcher holds."""

    descriptors: int
    threads: int
    memory: float  # MiB
    zombies: int
    helpers: int

    @classmethod
    def of(cls, launch: Launch) -> "Footprint":
        pid = launch.process.pid
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        return cls(
            open_descriptors(pid),
            int(status["Threads"]),
            int(status["VmRSS"].split()[0]) / 1024,
            sum(facts[proc.STATE] == b"Z" for facts in map(proc.facts, proc.children(pid)) if facts),
            sum(line[0] == "sleep" for line in processes_in(launch.folder).values()),
        )

    def __str__(self) -> str:
        return (
            f"{self.descriptors} descriptors, {self.threads} threads, {self.memory:.1f} MiB, "
            f"{self.zombies} zombies, {self.helpers} helpers"
        )


@dataclass
class Measured:
    """Seconds from each death to its line, and to the line of the next life; and the footprints around all of them."""

    seen: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)  # the part of `ready` that the node itself took, to 0.1 s
    before: Footprint | None = None
    after: Footprint | None = None
    last_line: str = ""

    def broken(self, seen: float = SEEN, ready: float = READY) -> list[str]:
        """The promises that were not kept."""
        before, after = self.before, self.after
        assert before and after
        waited = [ready - start for ready, start in zip(self.ready, self.start, strict=True)]
        promises = {
            f"a death is seen within {seen} s": _quantile(self.seen, 0.99) <= seen,
            f"the next life is ready within {ready} s, plus its own start": _quantile(waited, 0.99) <= ready,
            "no zombie is left": after.zombies == 0,
            "no helper of a dead life is left": after.helpers == 1,
            "no descriptor is left": after.descriptors <= before.descriptors,
            "no thread is left": after.threads <= before.threads,
            f"the launcher grows by {GROWTH} MiB at most": after.memory - before.memory <= GROWTH,
            "nothing is lost": ", dead letters 0, dropped 0, lost 0, " in self.last_line,
        }
        return [words for words, kept in promises.items() if not kept]


def restart(folder: Path, count: int) -> Measured:
    """Kill the node `count` times, each time after it has made progress. No other graph may run in this run folder."""
    for name, code in NODES.items():
        head = "import subprocess\nimport time\n\nfrom bus import Message, run\n"
        (folder / f"{name}.py").write_text(f'{head}{code}\nif __name__ == "__main__":\n    run({name})\n')
    (folder / "graph.yaml").write_text(GRAPH)
    measured = Measured()
    with Launch(folder) as launch:
        said = _lines(launch)
        ready = [next(line for _, line in said if "ready after" in line) for _ in NODES]
        assert len(ready) == len(NODES)
        (path,) = runfolder.base().glob("*/victim.1.books")
        for _ in range(count):
            _progress(path)
            measured.before = measured.before or Footprint.of(launch)
            pid = launch.pid("victim.1")
            died = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            at = next(at for at, line in said if "| was killed by SIGKILL, restarts at once" in line)
            measured.seen.append(at - died)
            at, line = next((at, line) for at, line in said if "ready after" in line)
            measured.ready.append(at - died)
            measured.start.append(float(line.split()[-2]))
        _progress(path)
        until(lambda: Footprint.of(launch).zombies == 0, what="the last zombie to be reaped")
        measured.after = Footprint.of(launch)
        launch.interrupt()
        assert launch.ends() == 0, launch.output
        measured.last_line = launch.output.splitlines()[-1]
    return measured


def _progress(path: Path) -> None:
    before = books.read(path)["received"]
    until(lambda: books.read(path)["received"] > before, 30, "progress")


def _lines(launch: Launch) -> Iterator[tuple[float, str]]:
    """The lines that the launcher says, and when they were there."""
    with open(launch.log) as log:
        rest = ""
        while launch.process.poll() is None:
            rest += log.read()
            *lines, rest = rest.split("\n")
            yield from ((time.monotonic(), line) for line in lines)
            time.sleep(0.001)
    raise AssertionError(launch.output)


def _quantile(values: list[float], q: float) -> float:
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--restarts", type=int, default=1000, metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zg-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        measured = restart(Path(folder), options.restarts)
    for words, values in (
        ("death -> seen", measured.seen),
        ("death -> ready", measured.ready),
        ("of that the node's own start", measured.start),
    ):
        median, p99, worst = statistics.median(values), _quantile(values, 0.99), max(values)
        print(f"{words:28} median {median * 1e3:5.0f} ms, p99 {p99 * 1e3:5.0f} ms, worst {worst * 1e3:5.0f} ms")
    print(f"before: {measured.before}\nafter:  {measured.after}\n{measured.last_line}")
    broken = measured.broken()
    print(*(f"BROKEN: {words}" for words in broken), sep="\n", end="\n" if broken else "")
    print(f"{options.restarts} restarts: {'broken' if broken else 'all promises kept'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
