"""Whether files come that no event tells of: the work of writers that are hidden behind a mount."""

from collections.abc import Iterable


class Suspects:
    """Compares what scans find with what events told."""

    def __init__(self) -> None:
        self._told: set[str] = set()  # names that stand in the folder, and that an event told of or the first scan
        self._suspects: set[str] = set()  # names that a later scan found, and that nothing had told of

    def told(self, name: str) -> None:
        self._told.add(name)

    def found(self, names: Iterable[str]) -> None:
        """These stand in the folder; an event that is on its way may still clear those that none has told of."""
        self._told.intersection_update(names)
        self._suspects.update(names)
        self._suspects -= self._told

    def convicted(self) -> str | None:
        """One of those found before that no event has told of since, if there is one."""
        suspects, self._suspects = self._suspects - self._told, set()
        return min(suspects, default=None)
