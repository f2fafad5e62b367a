"""The page of a graph that has run for a while, as a browser shows it."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, FloatRect, Page, expect

from tests.browsing import PATIENCE, number, url, within
from tests.launch import Launch
from tests.screenshots import picture
from tests.test_status import said

CALM = 250  # frames, ten seconds of them: the page's rates are those of the last ten seconds
CAMERA = ("splitter.source=test:forever", "splitter.size=640x360")  # which a small machine converts beside a browser
PACE = 1.0  # seconds in which the launcher counts anew
MARGIN = 10  # pixels below the last section
RETAIN = "converter.retain=500"  # ten minutes of results are large


class View(NamedTuple):
    """A window, and the last section of the page that its picture shows."""

    width: int
    height: int
    colours: Literal["light", "dark"]
    last: str


VIEWS = {
    "page": View(1280, 900, "light", "#timeline"),
    "page-dark": View(1280, 900, "dark", "#timeline"),
    "page-phone": View(390, 844, "light", "#graph"),
}


def take(browser: Browser, views: Mapping[str, View], into: Path, robot: Path, frames: int) -> None:
    """Write a picture of each view after so many frames; a converter is killed halfway, for the time line."""
    with picture.folder(robot), Launch(robot, *CAMERA, RETAIN, "--page=127.0.0.1:0") as graph:
        flow(graph, frames // 2)
        graph.kill("converter.1")
        flow(graph, frames)
        for name, view in views.items():
            with browser.new_context(
                viewport={"width": view.width, "height": view.height},
                color_scheme=view.colours,
                device_scale_factor=picture.SHARP,
                reduced_motion="reduce",  # which takes a small machine's processors; the picture shows it all the same
            ) as context:
                window = context.new_page()
                window.set_default_timeout(PATIENCE)
                window.goto(url(graph))
                look(window, min(frames, CALM))
                window.emulate_media(reduced_motion="no-preference")
                png = window.screenshot(full_page=True, clip=clip(window, view))
                picture.save(png, text(window), url(graph).partition("token=")[2], into / f"{name}.png")


def flow(graph: Launch, frames: int) -> None:
    """Until so many frames are finished in all, however slow the machine."""
    deadline = time.monotonic() + 120 + frames
    while said(graph).get("sums", {}).get("done", 0) < frames:
        assert time.monotonic() < deadline, f"{frames} frames were not finished: {graph.output[-2000:]}"
        time.sleep(PACE)


def look(window: Page, frames: int) -> None:
    """Until everything that moves does, and so many frames have passed."""
    expect(window.locator("#headline")).to_have_text(re.compile(r"All flows|slowest|pace"), timeout=PATIENCE)
    begun = number(window, "Done")
    within(120, window, lambda: number(window, "Done") >= begun + frames, "more frames")
    nodes, pictures = window.locator("#graph .node"), window.locator("#graph .node .picture img[src]")
    within(30, window, lambda: pictures.count() == nodes.count(), "a picture at each node")


def clip(window: Page, view: View) -> FloatRect:
    """The page's part from its top to the end of the last section."""
    box = window.locator(view.last).bounding_box()
    assert box
    return {"x": 0, "y": 0, "width": view.width, "height": box["y"] + box["height"] + MARGIN}


def text(window: Page) -> str:
    """All that is to be read, and the names of pictures."""
    return f"{window.title()}\n{window.locator('body').inner_text()}"
