"""A terminal of a few lines, as far as the launcher commands one: what a person would see on it."""

import codecs
import fcntl
import os
import re
import struct
import termios
from collections.abc import Sequence

TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n])")
CUT = re.compile(r"\x1b(\[[0-9;?]*)?$")  # a command whose end has not come yet
RESET = "\x1b[0m"


class Terminal:
    """A pseudo-terminal. `inner` is the end that a program writes to; the other is read with `read`."""

    def __init__(self, columns: int, rows: int) -> None:
        self.outer, self.inner = os.openpty()
        os.set_blocking(self.outer, False)
        self.scrolled: list[str] = []  # what has left the screen at its top
        self._cells: list[list[tuple[str, str]]] = [[]]  # each letter, with the commands that colour it
        self._colour = ""
        self._row = self._column = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._rest = ""
        self.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        """To a size whose contents fit: nothing is wrapped anew."""
        self.columns, self.rows = columns, rows
        fcntl.ioctl(self.inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self) -> list[str]:
        """Show what has been written; the lines of the screen, without blanks at their ends."""
        while True:
            try:
                chunk = os.read(self.outer, 65536)
            except (BlockingIOError, OSError):  # OSError: the last program has closed the inner end
                break
            self._rest += self._decoder.decode(chunk)
        text, self._rest = self._rest, ""
        if cut := CUT.search(text):
            text, self._rest = text[: cut.start()], cut[0]
        for parameter, command, back, line, letter in TOKEN.findall(text):
            if letter:
                self._write(letter)
            elif back:
                self._column = 0
            elif line:
                self._feed()
            else:
                self._obey(parameter, command)
        return [_text(cells) for cells in self._cells]

    def coloured(self) -> list[str]:
        """The lines of the screen as they were read last, with the commands that colour them."""
        return ["".join(f"{RESET}{colour}{letter}" for letter, colour in cells) for cells in self._cells]

    def close(self) -> None:
        os.close(self.outer)
        os.close(self.inner)

    def _write(self, letter: str) -> None:
        if self._column == self.columns:
            self._column = 0
            self._feed()
        cells = self._cells[self._row]
        cells += [(" ", "")] * (self._column + 1 - len(cells))
        cells[self._column] = letter, self._colour
        self._column += 1

    def _feed(self) -> None:
        self._row += 1
        if self._row == len(self._cells):
            self._cells.append([])
        if len(self._cells) > self.rows:
            self.scrolled.append(_text(self._cells.pop(0)))
            self._row -= 1

    def _obey(self, parameter: str, command: str) -> None:
        if command == "A":
            assert int(parameter) <= self._row, "the table is higher than the screen"
            self._row -= int(parameter)
        elif command == "J":
            del self._cells[self._row + 1 :]
            del self._cells[self._row][self._column :]
        else:
            assert command == "m", f"an unknown command {parameter}{command}"
            self._colour = "" if parameter in ("", "0") else f"{self._colour}\x1b[{parameter}m"


def _text(cells: Sequence[tuple[str, str]]) -> str:
    return "".join(letter for letter, _ in cells).rstrip()


def texts(lines: Sequence[str]) -> list[str]:
    """Log lines without their times and names."""
    return [line.partition(" | ")[2] for line in lines if " | " in line]
