"""Take the pictures of docs/images anew, from real runs of the default graph: `python -m tests.screenshots`.

Needs a quarter of an hour of a machine that has nothing else to do, chromium, and what requirements-dev.txt names.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browsing import ARGUMENTS
from tests.launch import ROOT
from tests.screenshots import terminal, web

LOOKED_BACK = 15_000  # frames: ten minutes of the camera, which is what the page's time line shows


def take(names: Sequence[str], into: Path, robot: Path, frames: int) -> None:
    """Write NAME.png of each name. The graphs run in `robot`, which must not be there and is taken away again.

    Raises AssertionError if anything does not come in time, or a picture would tell what is nobody's business.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        views = {name: view for name, view in web.VIEWS.items() if name in names}
        if views:
            web.take(browser, views, into, robot, frames)
        if terminal.NAME in names:
            terminal.take(browser, into, robot, frames)
        browser.close()


def main() -> int:
    known = [*web.VIEWS, terminal.NAME]
    words = argparse.ArgumentParser("python -m tests.screenshots", description=__doc__.partition("\n")[0])
    words.add_argument("--into", type=Path, default=ROOT / "docs" / "images", help="where they are written")
    words.add_argument("--robot", type=Path, default=Path("/tmp/robot"), help="a new folder for the graphs")
    words.add_argument("--frames", type=int, default=LOOKED_BACK, help="made before a picture is taken")
    words.add_argument("names", nargs="*", choices=[[], *known], metavar="NAME", help=", ".join(known))
    wanted = words.parse_args()
    take(wanted.names or known, wanted.into, wanted.robot, wanted.frames)
    return 0


if __name__ == "__main__":
    sys.exit(main())
