"""The launcher's own screen, in a real terminal."""

import io
import re
from pathlib import Path

from playwright.sync_api import Browser
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.conftest import until
from tests.launch import Launch
from tests.screenshots import picture
from tests.terminal import Terminal

NAME = "terminal"
COLUMNS, ROWS = 100, 30
PATIENCE = 60.0  # seconds
VICTIM = "converter.1"
TAKEN = 480  # frames of 750, at most, after which the picture is taken; after a third of them it is killed
GROUND, INK, BLACK = (22, 25, 28), (214, 212, 206), (70, 76, 82)
RED, GREEN, YELLOW = (242, 119, 106), (140, 200, 130), (232, 181, 95)
BLUE, MAGENTA, CYAN = (112, 165, 230), (200, 150, 220), (110, 196, 200)
THEME = TerminalTheme(GROUND, INK, [BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, INK])
SHEET = """\
<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; width: max-content; background: {background}; color: {foreground} }}
pre {{ margin: 0; padding: 14px 18px; font: 13px/1.32 "DejaVu Sans Mono", monospace }}
</style><pre>{code}</pre>"""


def take(browser: Browser, into: Path, robot: Path, frames: int) -> None:
    """Write a picture of the default graph's run after so many frames, in which a converter is killed."""
    taken = min(frames, TAKEN)
    terminal = Terminal(COLUMNS, ROWS)
    words = ("--page=off",)  # whose address, with its token, would stand on the screen
    with (
        picture.folder(robot),
        Launch(robot, *words, env={"TERM": "xterm", "NO_COLOR": ""}, onto=terminal.inner) as graph,
    ):
        until(lambda: made(terminal) > taken // 3, PATIENCE, "frames before the kill")
        graph.kill(VICTIM)
        until(lambda: made(terminal) > taken, PATIENCE, "frames after it")
        lines = terminal.coloured()
    terminal.close()
    with browser.new_context(device_scale_factor=picture.SHARP) as context:
        sheet = context.new_page()
        sheet.set_content(drawn(lines))
        screen = sheet.locator("pre")
        picture.save(screen.screenshot(), screen.inner_text(), "", into / f"{NAME}.png")


def made(terminal: Terminal) -> int:
    """How many frames the splitter has made, as the screen says."""
    found = re.findall(r"^splitter .* (\d+) of \d+", "\n".join(terminal.read()), re.MULTILINE)
    return int(found[-1]) if found else 0


def drawn(lines: list[str]) -> str:
    """HTML of coloured lines."""
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), color_system="standard", force_terminal=True)
    for line in lines[:-1]:  # where the cursor is
        console.print(Text.from_ansi(line), no_wrap=True, crop=False, overflow="ignore")
    return console.export_html(theme=THEME, code_format=SHEET, inline_styles=True)
