"""Names that are no more, as many as may still be heard of."""

MOST = 1024  # a process that restarts has this many lives before anybody could mistake its first one for a new one


class Lately:
    """The last names that were added."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, name: str) -> None:
        self._names[name] = None
        if len(self._names) > MOST:
            del self._names[next(iter(self._names))]

    def __contains__(self, name: str) -> bool:
        return name in self._names
