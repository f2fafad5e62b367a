"""Who reaches what on the page: by keyboard, by screen reader, in any colours, on any screen."""

import json
import re
import time
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from host.graph import load
from tests.browsing import DESKTOP, PHONE, browser, window
from tests.graphs import CAMERA, SHOW, write_graph
from tests.letters import Aside
from tests.pages import Launcher, Served, status

__all__ = ["browser", "window"]

COLOURS: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def faults(page: Page) -> list[tuple[str, str, str]]:
    """Those that keep somebody from using the page: which rule, which element, and why."""
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    return [(one["id"], node["html"], node["failureSummary"]) for one in found for node in one["nodes"]]


def test_axe_finds_no_serious_fault_in_any_colours_on_any_screen(tmp_path: Path, browser: Browser) -> None:
    graph = Aside(tmp_path)
    graph.put("dim.jpg")
    run = tmp_path / "0123456789ab"
    run.mkdir(mode=0o700)
    facts = status(
        graph.graph, events=[[time.time(), "show", "death", "was killed by SIGSEGV"]], bottleneck="show is it"
    )
    facts["nodes"][1]["state"] = facts["nodes"][1]["replicas"][0]["state"] = "crash loop"
    facts["sums"] |= {"dropped": 3, "dead": 1}
    (run / "log.jsonl").write_text(json.dumps({"at": time.time(), "who": "show", "text": "a line"}) + "\n")
    with Served(run, graph.graph.path) as page, ExitStack() as stack:
        windows = []
        with Launcher(run, facts):
            for colours, (width, height) in product(COLOURS, (DESKTOP, PHONE)):
                view: ViewportSize = {"width": width, "height": height}
                window = stack.enter_context(browser.new_context(color_scheme=colours, viewport=view)).new_page()
                window.goto(page.url)
                expect(window.locator("#headline")).to_have_text(re.compile("crash loop"))
                expect(window.locator("#letters li")).to_have_count(1)
                expect(window.locator("#log .text")).to_have_text("a line")
                assert faults(window) == [], (colours, view)
                windows.append(window)
        for window in windows:
            expect(window.locator("#banner")).to_be_visible(timeout=10_000)
            assert faults(window) == []
            assert window.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_keyboard_reaches_nodes_frames_and_tables(tmp_path: Path, window: Page) -> None:
    graph = load(write_graph(tmp_path, CAMERA, SHOW))
    run = tmp_path / "0123456789ab"
    run.mkdir(mode=0o700)
    with Served(run, graph.path) as page, Launcher(run, status(graph)):
        window.goto(page.url)
        expect(window.locator(".node")).to_have_count(2)
        reached = set[str]()
        for _ in range(30):
            window.keyboard.press("Tab")
            reached.add(window.evaluate("document.activeElement.dataset.node || document.activeElement.className || document.activeElement.id"))  # fmt: skip  # noqa: E501
        assert {"camera", "show", "picture", "scroll", "log"} <= reached

        window.locator('.node[data-node="camera"]').press("Enter")
        expect(window.locator("#node-title")).to_have_text("camera")
        window.locator("#frames button.picture").first.press("Enter")
        expect(window.locator("#large")).to_be_visible()
        window.keyboard.press("Escape")
        expect(window.locator("#large")).not_to_be_visible()
