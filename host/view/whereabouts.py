"""Where the page is, said as soon as it is there: on a terminal with its token, else with the file that holds it."""

from pathlib import Path

from host.beside import PAGE
from host.view.facts import Facts
from host.view.report import Report

FILE = "page.url"  # in the run folder, for its owner's eyes alone


class Whereabouts:
    """Looks once a second, as the page's process may move."""

    def __init__(self, run: Path, report: Report) -> None:
        self._file, self._report = run / FILE, report
        self._said = ""

    def look(self, facts: Facts) -> None:
        """`facts`: this host's status.json, which does not have it."""
        try:
            address = self._file.read_text().strip()
        except OSError:  # it is not there yet, or moves just now
            return
        if address != self._said and self._report.is_terminal:
            self._report.whisper(PAGE, address)
        elif address != self._said:
            self._report.line(PAGE, f"{address.partition('?')[0]}; its token is in {self._file}")
        self._said = address
