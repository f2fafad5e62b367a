"""Which slices of a trace can stand on one line: those that follow each other, or lie whole within one another."""

MOST_LANES = 16
SLACK = 1_000_000  # nanoseconds by which the ends of a batch may differ


class Lanes:
    """The lines of one replica; a slice goes to the first that has room for it. Times are in nanoseconds."""

    def __init__(self) -> None:
        self._lanes: list[list[tuple[int, int]]] = []  # of each the slices that are not over: (begun, ended)

    def place(self, begun: int, ended: int) -> tuple[int, int, bool]:
        """The lane of a slice, when it ends there, and whether this is the first one in it.

        It may end a little earlier than given, where it is one of a batch; on the last lane whatever there was.
        """
        for number, lane in enumerate(self._lanes):
            while lane and lane[-1][1] <= begun:
                lane.pop()
            if not lane or (lane[-1][0] <= begun and ended <= lane[-1][1] + SLACK) or number == MOST_LANES - 1:
                ended = min(ended, lane[-1][1]) if lane else ended
                lane.append((begun, ended))
                return number, ended, False
        self._lanes.append([(begun, ended)])
        return len(self._lanes) - 1, ended, True
