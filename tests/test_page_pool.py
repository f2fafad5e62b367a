"""The page of a graph with a node on a pool: what it waits for, and that there are no pictures of it."""

import re
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from host.graph import load
from host.view.facts import Facts
from tests.browsing import browser, window
from tests.graphs import CAMERA, SHOW, write_graph
from tests.pages import Launcher, Served, status

__all__ = ["browser", "window"]

WHY = "the only machine of the cluster has not 1 CPU, 1 GPU (the most that one has: 2 CPU, 0 GPU)"


def pooled(facts: Facts, *replicas: dict[str, Any]) -> Facts:
    """`show` is on a pool, and has these replicas."""
    for node in facts["nodes"]:
        node["host"] = node["launcher"] = "station"
        if node["name"] == "show":
            state = "pending" if any(one["state"] == "pending" for one in replicas) else "runs"
            named = [
                {**node["replicas"][0], "name": f"show.{number + 1}", **one} for number, one in enumerate(replicas)
            ]
            node |= {"host": "pool", "state": state, "replicas": named}
    return {**facts, "host": "station"}


def test_the_headline_says_what_a_node_waits_for_though_nothing_flows(tmp_path: Path, window: Page) -> None:
    graph = load(write_graph(tmp_path, CAMERA, SHOW))
    run = tmp_path / "0123456789ab"
    run.mkdir(mode=0o700)
    waits = {"state": "pending", "words": WHY, "since": time.time() - 90}
    headline = window.locator("#headline")
    with Served(run, graph.path) as page:
        window.goto(page.url)
        with Launcher(run, pooled(status(graph, rate=0.0), waits, waits)):
            expect(headline).to_have_text(f"show waits for a machine: {WHY}.")
            expect(headline).to_have_attribute("data-is", "warn")
        with Launcher(run, pooled(status(graph), waits, {"state": "runs"})):
            expect(headline).to_have_text(f"1 of 2 replicas of show waits for a machine: {WHY}.")
        with Launcher(run, pooled(status(graph), {**waits, "since": time.time()})):
            expect(headline).to_have_attribute("data-is", "")


def test_that_there_are_no_pictures_from_a_pool_is_said(tmp_path: Path, window: Page) -> None:
    graph = load(write_graph(tmp_path, CAMERA, SHOW))
    run = tmp_path / "0123456789ab"
    run.mkdir(mode=0o700)
    words = re.compile("No pictures come from a pool.s machines")
    with Served(run, graph.path) as page, Launcher(run, pooled(status(graph), {"state": "runs"})):
        window.goto(page.url)

        expect(window.locator('#frames [data-picture="show/before"] .none')).to_have_text(words)
        expect(window.locator('#frames [data-picture="camera/after"] .none')).to_have_text("no frame yet")
        window.locator('#frames [data-picture="show/before"]').click()
        expect(window.locator("#large-facts")).to_have_text(words)
