"""A real graph whose disks fail while it runs, and what must hold of it whatever they do."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from tests.conftest import need, until
from tests.launch import Launch, files, processes_in
from tests.observer import Observer

FRAMES, SIZE = 180, "640x480"  # large enough for the converters to be the slowest, so that frames wait for them
EIGHTH = 8  # of its sides is what is compared of a frame: they differ in much more, and it costs half
LOSS = 8.0  # mean grey levels that two rounds of JPEG may differ from the frame in the clip
RESUME = 5.0  # seconds from the cure to the next result
# Root may write everywhere, whatever the mode of a folder says, unless it gives that up for itself and its children.
WITHOUT_POWER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
GRAPH = """\
nodes:
  splitter: {run: nodes.splitter, push: streams, args: {source: clip.mp4, folder: spool, budget: "100"}}
  watcher: {run: nodes.watcher, pull: streams, push: frames, args: {folder: spool, then: keep}}
  converter:
    run: nodes.converter
    pull: frames
    push: converted
    args: {filter: invert, folder: results/converted}
    replicas: 2
  saver: {run: nodes.saver, pull: converted, args: {folder: results/saved}}
wires:
  converted: {prefetch: 64}  # that the converters, too, meet what the saver waits for
"""


def injecting(*faults: str, trace: str, paths: Sequence[Path] = ()) -> list[str]:
    """The command of strace that makes calls fail in the whole graph, for the test that needs it."""
    need("strace")
    words = [*(f"--trace-path={path}" for path in paths), *(f"--inject={fault}" for fault in faults)]
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", f"--trace={trace}", *words]


def fill(folder: Path) -> Path:
    """Take all that is left of a small disk."""
    ballast = folder / ".ballast"
    with open(ballast, "wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(4096))
    return ballast


class Ordeal:
    """Use it in a `with`, in which something fails and is mended; at its end nothing may be lost."""

    def __init__(
        self, folder: Path, clip: Path, *words: str, under: Sequence[str] = (), runs: Path | None = None
    ) -> None:
        """`under`: a program that runs the launcher, such as strace, with its arguments; `runs`: for run folders."""
        self.folder, self.clip = folder, clip
        self.spool, self.results = folder / "spool", folder / "results"
        self.places = [self.results / "converted", self.results / "saved"]
        self.slowest = 0.0  # seconds from a cure to the next result
        self.removed: set[str] = set()  # frames that went with a folder: only these may be missing
        self.sends_twice = False  # the spool was away: what is gone at its second time counts as dropped
        self._runs = runs
        self._faults, self._read = 0, 0  # how often something was broken, and what of the log was read before
        self._words, self._under = [f"splitter.source={clip}", *words], under
        (folder / "graph.yaml").write_text(GRAPH)

    def __enter__(self) -> "Ordeal":
        with ExitStack() as stack:
            self.observer = stack.enter_context(Observer(self.places))
            env = {"XDG_RUNTIME_DIR": str(self._runs)} if self._runs else {}
            self.graph = stack.enter_context(Launch(self.folder, *self._words, env=env, under=self._under))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        with self._stack:
            if kind is None:
                self._assert_nothing_lost()

    @contextmanager
    def fault(self, to_save: bool = False) -> Iterator[None]:
        """Once ten more results are saved, a block in which something is broken, while the nodes stand still.

        `to_save`: the saver has something in hand then, which it has not saved.
        """
        self._faults += 1
        until(lambda: len(files(self.places[1])) >= 10 * self._faults, 60, "ten results")
        if to_save:
            self._send(signal.SIGSTOP, "saver")
            until(lambda: set(files(self.places[0])) - set(files(self.places[1])), 10, "something to save")
        self._send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._send(signal.SIGCONT)

    def _send(self, number: int, node: str = "") -> None:
        """To the processes of the node, or of all nodes."""
        processes = processes_in(self.folder).items()
        pids = [pid for pid, words in processes if any(word.startswith(f"--name={node}") for word in words)]
        assert pids
        for pid in pids:
            os.kill(pid, number)

    def says(self, *lines: str) -> None:
        """Each of these (regular expressions) is in the log since the fault before."""
        for line in lines:
            seen = partial(re.search, line)
            until(lambda: seen(self.graph.output[self._read :]), 20, f"{line}, but:\n{self.graph.output}")  # noqa: B023

    @contextmanager
    def cured(self) -> Iterator[None]:
        """A block that mends what was broken: results come again, by themselves and soon."""
        yield
        mended, self._read = time.monotonic(), len(self.graph.output)
        for place in self.places:
            until(partial(self.observer.came_after, place, mended), 30, f"results in {place}")
            self.slowest = max(self.slowest, self.observer.came_after(place, mended) - mended)
        assert self.slowest < RESUME, self.graph.output

    def _assert_nothing_lost(self) -> None:
        assert self.graph.ends() == 0, self.graph.output
        assert self.observer.faults == [], self.observer.faults
        names = {f"{self.clip.stem}-{number:08d}.jpg" for number in range(FRAMES)}
        for place in self.places:
            there = set(files(place))
            assert there <= names
            assert names - there <= self.removed
        assert_inverted(self.clip, self.places)
        if not self.removed:
            dropped = r"\d+" if self.sends_twice else "0"
            assert re.search(f"dead letters 0, dropped {dropped}, lost 0, waiting 0", self.graph.output)
        assert not re.search("Traceback|restarts|aborted", self.graph.output)
        assert [path for path in self.folder.rglob("dead-letters/**/*") if path.is_file()] == []
        troubles = Counter(re.findall(r"\d\d:\d\d:\d\d (.* (?:cannot|waits while) .*)", self.graph.output))
        assert max(troubles.values(), default=0) <= max(1, self._faults), troubles  # each is said once


def assert_inverted(clip: Path, folders: Sequence[Path]) -> None:
    """Each result in these folders is the frame of its number, inverted, within JPEG's loss; seen small."""
    with av.open(str(clip)) as video:
        for number, frame in enumerate(video.decode(video=0)):
            expected = ImageChops.invert(frame.to_image().reduce(EIGHTH))
            for file in (folder / f"{clip.stem}-{number:08d}.jpg" for folder in folders):
                if file.exists():
                    with Image.open(file) as result:
                        assert result.size == (frame.width, frame.height)
                        result.draft("RGB", expected.size)
                        difference = ImageChops.difference(expected, result)
                    assert max(ImageStat.Stat(difference).mean) < LOSS, file
