"""Who failed for good: the end marks by which the nodes downstream learn of it."""

from bus.steps import step
from host.child import Child
from host.runfolder import RunFolder


class Failures:
    """Writes a mark for each, as soon as the disk of the run folder takes it."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._waiting: dict[Child, int] = {}  # those that there was no room to mark, with their exit codes

    def mark(self, child: Child, code: int) -> None:
        """Write that it failed with `code`, now or at the next `again`."""
        try:
            with step("write that it failed"):
                self._run.write_failed(child.process.replica, code)
        except OSError as error:
            if child not in self._waiting:
                child.say(f"its end mark in {self._run.path} cannot be written: {error.strerror}; tries again")
            self._waiting[child] = code
        else:
            self._waiting.pop(child, None)

    def again(self) -> None:
        """Try those again that are not written yet."""
        for child, code in list(self._waiting.items()):
            self.mark(child, code)
