"""Every step at which a process can die, before and after it, in each role that takes it; each as a sentence.

    python -m tests.crash_points [--at-once 3] [words …]

runs those whose sentence has all the words, and says how each ended. The suite runs a good half of them, every step
at least once, in one graph as many as fit: one of each role dies there, or the launcher in two of its lives.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.crashed import Crash, survives


class Row(NamedTuple):
    """A step, and what one who takes it is about to do, or has done."""

    roles: str  # in the suite; behind a bar those that only the command runs
    step: str  # with its count, where it is not the first that matters
    does: str
    has_done: str
    kind: str = ""


ROWS = (
    # The splitter writes a group of frames whole, notes their numbers, and moves each into place.
    Row("splitter", "send", "tells the watcher what it opened", "told the watcher what it opened"),
    Row("splitter", "write 5", "writes a frame", "written a frame whole"),
    Row("splitter", "draft 2", "drafts a mark", "drafted a mark"),
    Row("splitter", "note 2", "notes that it will place frames", "noted that it will place frames"),
    Row("splitter", "place 5", "moves a frame into place", "moved a frame into place"),
    Row("| splitter", "draft the end", "drafts that the clip has ended", "drafted that the clip has ended"),
    Row("splitter", "note the end", "notes that the clip has ended", "noted that the clip has ended"),
    Row("splitter", "leave", "clears its workspace away", "cleared its workspace away"),
    # The watcher claims files, hands them over, and sees them off.
    Row("| watcher", "receive", "takes in what was opened", "taken in what was opened"),
    Row("watcher", "remember", "keeps what it was told", "kept what it was told"),
    Row("watcher", "claim 3", "claims a file", "claimed a file"),
    Row("watcher", "give back", "gives a file back to its writer", "given a file back to its writer", "raced"),
    Row("watcher", "send 5", "hands a frame over", "handed a frame over"),
    Row("watcher", "delete 3", "deletes a finished file", "deleted a finished file"),
    Row("watcher", "move 3", "keeps a finished file", "kept a finished file", "keep"),
    Row("watcher", "say why", "says why a letter is dead", "said why a letter is dead", "rejected"),
    Row("watcher", "move", "sets a dead letter aside", "set a dead letter aside", "rejected"),
    Row("watcher", "scan", "scans for the last time", "scanned for the last time"),
    # Whoever works on frames.
    Row("filter | converter saver", "receive 3", "takes a frame in", "taken a frame in"),
    Row("filter", "hold 5", "writes down what it will hold", "written down what it will hold"),
    Row("| watcher converter saver", "hold", "writes down what it will hold", "written down what it will hold"),
    Row("filter", "hand out 5", "lets user code see a frame", "let user code see a frame"),
    Row("| watcher converter saver", "hand out", "lets its code see what came", "let its code see what came"),
    Row("converter | filter", "process 3", "processes a frame", "processed a frame"),
    Row("filter", "give back", "gives a frame back that it fails on", "given a frame back that it fails on", "failing"),
    Row("filter | converter", "send 3", "passes a frame on", "passed a frame on"),
    Row("saver | converter filter", "let go 3", "lets go of a frame", "let go of a frame"),
    Row("| watcher", "let go", "lets go of what it was told", "let go of what it was told"),
    Row("converter | filter saver", "acknowledge", "acknowledges a frame", "acknowledged a frame"),
    Row("| watcher", "acknowledge", "acknowledges what it was told", "acknowledged what it was told"),
    # Whoever saves.
    Row("converter | saver", "write 3", "writes a result", "written a result"),
    Row("converter | saver", "sync", "brings results to the disk", "brought results to the disk"),
    Row("converter | saver", "place 3", "puts a result into place", "put a result into place"),
    Row("converter | saver", "sync the folders", "brings names to the disk", "brought names to the disk"),
    Row("converter | saver", "commit", "commits a group of results", "committed a group of results"),
    # The end.
    Row("watcher | splitter converter filter saver", "drain", "waits for a last verdict", "heard its last verdict"),
    Row("converter | splitter watcher filter saver", "write the end mark", "drafts its mark", "drafted its mark"),
    Row("splitter | watcher converter filter saver", "leave the end mark", "leaves its mark", "left its mark"),
    Row("watcher | splitter converter filter saver", "end", "ends", "told everyone that it has ended"),
    Row("saver | splitter watcher converter filter", "close", "closes its wires", "closed its wires"),
    # The launcher, which is then started again.
    Row("launcher", "make the run folder", "makes the run folder", "made the run folder"),
    Row("launcher", "start the janitor", "starts the janitor", "started the janitor"),
    Row("launcher", "start 2", "starts a process", "started a process"),
    Row("launcher", "bury", "buries a process", "buried a process"),
    Row("launcher", "write that it failed", "writes that a node failed", "written that a node failed", "broken"),
    Row("| launcher", "send off the janitor", "sends off the janitor", "sent off the janitor"),
    Row("launcher", "remove", "removes the run folder", "removed the run folder"),
    Row("| launcher", "remove 2", "removes the graph's lock", "removed the graph's lock"),
)

# Those of whom more than one dies: in the next life as well, or beside each other.
MORE = {
    "the splitter dies while it places a frame, and before it places it again": Crash(
        "splitter", "after note 2, then before resume"
    ),
    "the splitter dies while it places a frame, and after it has placed it": Crash(
        "splitter", "after note 2, then after resume"
    ),
    "the watcher dies of four claimed files, and while it sends them": Crash(
        "watcher", "after claim 4, then after send"
    ),
    "the converter dies after its first results, and before its end": Crash(
        "converter", "after commit, then before end"
    ),
    "the filter dies twice of one frame": Crash("filter", "after hand out 5, then after hand out"),
    "the filter dies of its third frame, when two that it passed on have died with the saver": Crash(
        "filter", "before process 3", "orphaned"
    ),
    "the saver dies of a result, and before it puts it into place again": Crash(
        "saver", "after place 5, then before place"
    ),
    "the launcher dies of its second child, and so does the next one": Crash(
        "launcher", "after start 2, then after start 2"
    ),
}


def all_of_them() -> dict[str, Crash]:
    """Each case under its sentence."""
    return dict(_cases(behind_the_bar=True)) | MORE


def in_the_suite() -> dict[str, list[Crash]]:
    """Each step, before and after, in one or two of the roles that take it; in one graph those that fit."""
    graphs: list[dict[str, Crash]] = []
    launchers: list[tuple[str, Crash]] = []
    for sentence, crash in _cases(behind_the_bar=False):
        if crash.role == "launcher":
            launchers.append((sentence, crash))
            continue
        fitting = [graph for graph in graphs if all(crash.fits(other) for other in graph.values())]
        if not fitting:
            graphs.append({})
        (fitting or graphs[-1:])[0][sentence] = crash
    for (before, crash), (after, next_life) in zip(launchers[::2], launchers[1::2], strict=True):
        lives = crash._replace(points=f"{crash.points}, then {next_life.points}")
        graphs.append({f"{before}, and {after}": lives})
    graphs += [{sentence: crash} for sentence, crash in MORE.items()]
    return {" + ".join(words.removeprefix("the ") for words in graph): [*graph.values()] for graph in graphs}


def _cases(behind_the_bar: bool) -> Iterator[tuple[str, Crash]]:
    for row in ROWS:
        roles = row.roles.replace("|", "") if behind_the_bar else row.roles.partition("|")[0]
        for role in roles.split():
            yield f"the {role} dies before it {row.does}", Crash(role, f"before {row.step}", row.kind)
            yield f"the {role} dies after it has {row.has_done}", Crash(role, f"after {row.step}", row.kind)


def run(sentence: str, crash: Crash) -> str:
    """What is wrong after this case; nothing if all is well."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="zg-crash-") as folder:
        try:
            survives([crash], Path(folder))
        except AssertionError as error:
            wrong = str(error) or repr(error)
        else:
            wrong = ""
    print(f"{'FAILED' if wrong else 'fine':6} {time.monotonic() - began:4.1f} s  {sentence}", flush=True)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="of the sentences that are wanted")
    parser.add_argument("--at-once", type=int, default=3, help="so many graphs run at a time")
    options = parser.parse_args()
    wanted = {
        sentence: crash for sentence, crash in all_of_them().items() if all(word in sentence for word in options.words)
    }
    with ThreadPoolExecutor(options.at_once) as pool:
        outcomes = dict(zip(wanted, pool.map(run, wanted.keys(), wanted.values()), strict=True))
    failed = {sentence: wrong for sentence, wrong in outcomes.items() if wrong}
    for sentence, wrong in failed.items():
        print(f"\n{sentence}:\n{wrong}")
    print(f"\n{len(outcomes)} crash points, {len(failed)} of them with a loss, a repetition or something left over")
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
