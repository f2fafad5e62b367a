"""Sets of whole numbers that are mostly without gaps, such as those of a stream's frames."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

MOST = 1024  # ranges; with more the lowest gap is taken for filled


class Ranges:
    """Some numbers from 0 on, as ranges: those of a long stream take no more memory than those of a short one."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """From lowest to highest, each with its last number; none touches another."""
        return [*zip(self._firsts, self._lasts, strict=True)]

    def __contains__(self, number: int) -> bool:
        return self.after(number) != number

    def after(self, number: int) -> int:
        """The lowest number from `number` on that is not in here."""
        at = bisect_right(self._firsts, number) - 1
        return self._lasts[at] + 1 if at >= 0 and self._lasts[at] >= number else number

    def add(self, first: int, last: int) -> None:
        """All from `first` to `last`."""
        begin, end = bisect_left(self._lasts, first - 1), bisect_right(self._firsts, last + 1)
        if begin < end:
            first, last = min(first, self._firsts[begin]), max(last, self._lasts[end - 1])
        self._firsts[begin:end], self._lasts[begin:end] = [first], [last]
        if len(self._firsts) > MOST:
            del self._firsts[1], self._lasts[0]

    def remove(self, first: int, last: int) -> None:
        """All from `first` to `last`."""
        begin, end = bisect_left(self._lasts, first), bisect_right(self._firsts, last)
        touched = self.ranges[begin:end]
        del self._firsts[begin:end], self._lasts[begin:end]
        for low, high in touched:
            if low < first:
                self.add(low, first - 1)
            if high > last:
                self.add(last + 1, high)
