"""A folder with the graph of a model, its launcher, and the frames that flow through it."""

import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from host.command import processes
from host.graph import load
from host.view import overview
from tests.conftest import until
from tests.edits.flow import Flow
from tests.edits.model import Model
from tests.launch import Launch, processes_in

PATIENCE = 60.0  # seconds in which an edit must show in a result
LOOK = 0.05  # seconds between two looks at the processes
RECENT = 50  # results


class Stage:
    """Use it in a `with`: at its end nothing runs."""

    launch: Launch  # the launcher's last life

    def __init__(self, folder: Path, model: Model | None = None) -> None:
        self.folder, self.file, self.flow = folder, folder / "graph.yaml", Flow(folder)
        self.logs: list[Path] = []
        self._stack, self._launched = ExitStack(), ExitStack()
        for node in (Path(__file__).parent / "nodes").glob("*.py"):
            (folder / node.name).write_text(node.read_text())
        self.file.write_text((model or Model()).yaml())

    def __enter__(self) -> "Stage":
        self._stack.enter_context(self._launched)
        self._stack.enter_context(self.flow)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def start(self, *words: str) -> None:
        """Begin a life of the launcher; nothing is left of the one before."""
        self._launched.close()
        self.launch = self._launched.enter_context(Launch(self.folder, *words))
        self.logs.append(self.launch.log)

    def await_force(self, model: Model) -> None:
        """Wait until what runs is this model, and a frame that came after that has been through it."""
        until(self.is_in_force, PATIENCE, f"{self.file} to be in force: {self.launch.output[-3000:]}")
        began = time.monotonic()
        recent = self.flow.results

        def is_through() -> bool:
            assert self.launch.process.poll() is None, self.launch.output[-3000:]
            assert not self.flow.faults, self.flow.faults
            return any(result.dropped > began and result.shows == model.shows for result in recent[-RECENT:])

        until(is_through, PATIENCE, f"a result that shows {model.shows}: {recent[-1:]} {self.launch.output[-3000:]}")

    def is_in_force(self) -> bool:
        """Whether the processes that run are those of the file, whatever the launcher says."""
        time.sleep(LOOK)
        assert self.launch.process.poll() is None, self.launch.output[-3000:]
        run = overview.running(self.file)
        if run is None:
            return False
        wanted = sorted(sorted(process.argv) for process in processes(load(self.file), run))
        here = [words[:-1] for words in processes_in(self.folder).values() if f"--run={run}" in words]
        return sorted(map(sorted, here)) == wanted

    def finish(self) -> str:
        """Let all frames come through, stop, and return what the launcher has said last."""
        self.flow.stop()
        until(lambda: self.flow.is_drained, PATIENCE, "all frames to be through")
        self.launch.interrupt()
        assert self.launch.ends() == 0, self.launch.output[-3000:]
        return self.launch.output.splitlines()[-1]
