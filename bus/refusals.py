"""What comes over a wire and is refused: counted in the books, and said at most once a minute per peer and kind."""

from collections.abc import Callable

from bus.link import Pipe, Sockets
from bus.seldom import Seldom


class Refusals:
    """Those of one end of a wire, from the other end or from strangers at its ports."""

    def __init__(self, sockets: Sockets, say: Callable[[str], None]) -> None:
        self._count, self._seldom = sockets.refused, Seldom(say)

    def malformed(self, pipe: Pipe, verb: str, error: object) -> None:
        """`verb`: how the peer has sent what is wrong in the way that `error` says."""
        self._count(1)
        self._seldom(f'ignores what {pipe.peer} {verb} on "{pipe.wire}": {error}')

    def stranger(self, pipe: Pipe, words: str, count: int) -> None:
        """`words`: what is refused, and of whom; it has come `count` times."""
        self._count(count)
        self._seldom(f'{words} on "{pipe.wire}", where {pipe.peer} is let in', count)

    def differs(self, pipe: Pipe, difference: str) -> None:
        """The peer has read another graph; that is no refusal, and the words are partly the peer's own."""
        self._seldom(difference, topic=f"differs {pipe.wire} {pipe.peer}")

    def trouble(self, words: str) -> None:
        """Something of our own."""
        self._seldom(words)
