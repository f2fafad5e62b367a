"""A browser for tests of the page: the window, what is read in it, and a graph that costs next to nothing."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from host.view import overview
from tests.conftest import need, until
from tests.launch import Launch

ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE = 60_000  # ms, for what takes as long as the machine is busy
DESKTOP, PHONE = (1280, 900), (390, 844)  # pixels
LIGHT = {  # a camera of 25 small frames a second, and who takes them
    "camera": """\
import time

from PIL import Image

from bus import Message, run


def camera():
    begun = time.monotonic()
    for number in range(1_000_000):
        time.sleep(max(0.0, begun + number / 25 - time.monotonic()))
        yield Message(Image.new("RGB", (320, 180), (number % 256, 90, 90)), stream="light", number=number)
""",
    "show": """\
from bus import run


def show(frames):
    for frame in frames:
        frame.image
        yield frame
""",
    "end": """\
from bus import run


def end(frames):
    for frame in frames:
        frame.image
""",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Page]:
    with browser.new_context(reduced_motion="reduce", viewport={"width": DESKTOP[0], "height": DESKTOP[1]}) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        assert errors == []


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def url(graph: Launch) -> str:
    """The address of the page that the launcher has started."""

    def found() -> str:
        run = overview.running(graph.folder / "graph.yaml")
        file = run / "page.url" if run else None
        return file.read_text().strip() if file and file.exists() else ""

    return until(found, 30, f"a page: {graph.output}")


def number(page: Page, name: str) -> float:
    """The figure of this name, as it is shown."""
    words = page.locator("#figures div", has=page.locator("dt", has_text=re.compile(f"^{name}$"))).locator("dd span")
    return float(re.sub(r"[^\d.]", "", words.inner_text()) or 0)


def is_lost(page: Page) -> bool:
    return page.locator("#banner").is_visible() and page.locator("html.lost").count() == 1


def within(seconds: float, page: Page, condition: Any, what: str) -> None:
    """Like `until`, while the browser lives."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        page.wait_for_timeout(50)


def write_light_graph(folder: Path) -> None:
    """Write a graph whose nodes take next to no time."""
    for name, code in LIGHT.items():
        (folder / f"{name}.py").write_text(f'{code}\n\nif __name__ == "__main__":\n    run({name})\n')
    (folder / "graph.yaml").write_text(
        "nodes:\n  camera: {run: camera, push: frames}\n"
        "  show: {run: show, pull: frames, push: seen}\n  end: {run: end, pull: seen}\n"
    )
