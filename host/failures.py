"""Who failed for good: the end marks by which the nodes downstream learn of it."""

from collections.abc import Callable

from bus.steps import step
from host.runfolder import RunFolder

Say = Callable[[str], None]


class Failures:
    """Writes a mark for each, as soon as the disk of the run folder takes it."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._waiting: dict[str, tuple[int | None, Say]] = {}  # those that there was no room to mark

    def mark(self, replica: str, code: int | None, say: Say) -> None:
        """Write that it failed with `code`, where that is known, now or at the next `again`; `say` why not now."""
        try:
            with step("write that it failed"):
                self._run.write_failed(replica, code)
        except OSError as error:
            if replica not in self._waiting:
                say(f"its end mark in {self._run.path} cannot be written: {error.strerror}; tries again")
            self._waiting[replica] = code, say
        else:
            self._waiting.pop(replica, None)

    def again(self) -> None:
        """Try those again that are not written yet."""
        for replica, (code, say) in list(self._waiting.items()):
            self.mark(replica, code, say)
