"""What was said already: the same thing is said once, and of one kind of things only the first few."""

MOST = 10  # lines about things of one kind


class Said:
    """Prints lines for the log."""

    def __init__(self) -> None:
        self._said: dict[str, set[str]] = {}  # kind -> what it was said about

    def once(self, kind: str, about: str, words: str) -> None:
        said = self._said.setdefault(kind, set())
        if about in said or len(said) > MOST:
            return
        said.add(about)
        print(words if len(said) <= MOST else f"and more of them: only the first {MOST} are named")

    def over(self, kind: str, words: str) -> None:
        """Say that things of this kind are over, if there were any: the next are said again."""
        if self._said.pop(kind, None):
            print(words)
