"""What the page says at a glance when something is wrong: who is silent, who is late, what was lost, who dies again."""

import json
import re
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from host.graph import Graph, load
from tests.browsing import browser, window, within
from tests.pages import Launcher, Served, graph, run, status
from tests.two_hosts import TwoHosts
from tests.viewing import jpeg, write_picture

__all__ = ["browser", "graph", "run", "window"]


def test_a_silent_host_is_said_with_its_time_and_its_last_numbers_do_not_look_new(
    tmp_path: Path, run: Path, window: Page
) -> None:
    graph = load(TwoHosts(tmp_path, 5560).robot / "graph.yaml")
    ours = status(graph, host="robot")
    for node in ours["nodes"]:
        if node["host"] == "station":
            node["state"], node["replicas"] = "elsewhere", []
    silent = time.time() - 20
    death = [silent - 5, "converter.1", "death", "was killed by SIGKILL"]
    letter = {"received": silent, "offset": 0.0, "status": status(graph, host="station", at=silent, events=[death])}
    (run / "hosts").mkdir()
    (run / "hosts" / "station.json").write_text(json.dumps(letter))
    with Served(run, graph.path) as page, Launcher(run, ours):
        window.goto(page.url)

        expect(window.locator("#headline")).to_have_text(
            re.compile(r"Nothing is heard of station since \d\d:\d\d:\d\d, for \d\d s")
        )
        converter = window.locator('.node[data-node="converter"]')
        expect(converter.locator(".state")).to_have_text("silent")
        expect(converter.locator(".rate")).to_have_text(re.compile(r"for \d\d s"))
        expect(converter.locator(".many")).to_have_text(re.compile("^station .2$"))
        expect(window.locator("#nodes tr.past th")).to_have_text(["converter"])
        expect(window.locator("#events .who")).to_have_text(["converter.1 on station"])
        converter.click()
        expect(window.locator("#node.past")).to_be_visible()
        expect(window.locator("#replicas .state").first).to_have_text("silent")
        expect(window.locator("#log")).to_have_text("Its lines are on station: the page there shows them.")
        for what in ("Lines", "Frames", "Dead letters"):
            words = f"{what} of robot only; the page on station has its own."
            expect(window.locator(f'.where[data-of="{what}"]')).to_have_text(words)


def test_a_graph_on_one_host_speaks_of_no_other(graph: Graph, run: Path, window: Page) -> None:
    with Served(run, graph.path) as page, Launcher(run, status(graph)):
        window.goto(page.url)

        expect(window.locator("#headline")).to_have_text(re.compile("All flows"))
        expect(window.locator(".where").first).to_have_text("")
        expect(window.locator("#losses")).not_to_be_visible()


def test_a_graph_that_lags_behind_its_camera_does_not_flow(graph: Graph, run: Path, window: Page) -> None:
    facts = status(graph, latency={"now": {"p50": 55.0, "p95": 58.0, "p99": 60.0}})
    facts["sums"] |= {"backlog": 1389, "on_the_way": 33}
    with Served(run, graph.path) as page, Launcher(run, facts):
        window.goto(page.url)

        expect(window.locator("#headline")).to_have_text(
            "Late: frames are finished 55 s after they were captured; 1,422 wait or are on their way."
        )


def test_what_was_lost_is_said_with_its_reason_and_who_dies_again_and_again(
    graph: Graph, run: Path, window: Page
) -> None:
    now = time.time()
    facts = status(graph, events=[[now - ago, "show.1", "death", "ran out of luck"] for ago in (700, 30, 20, 10)])
    facts["wires"][0] |= {"passed_over": 1234, "keep": "latest", "outdated": 5, "max_age": 0.2}
    facts["nodes"][0]["counters"] = {"lost": 7}
    with Served(run, graph.path) as page, Launcher(run, facts):
        window.goto(page.url)

        expect(window.locator("#losses li")).to_have_text(
            [
                re.compile(r"show has died 3 times in the last ten minutes, at \d\d:\d\d:\d\d: ran out of luck\."),
                "Dropped on frames: 1,234 passed over for newer ones (keep: latest), 5 too old (max_age 200 ms).",
                "Dropped by camera, for whom the graph was too slow: 7.",
            ]
        )


def test_who_starts_again_is_said_and_not_that_the_graph_does(graph: Graph, run: Path, window: Page) -> None:
    facts = status(graph)
    facts["nodes"][1]["state"] = "starts"
    with Served(run, graph.path) as page:
        with Launcher(run, facts):
            window.goto(page.url)
            expect(window.locator("#headline")).to_have_text("The graph starts …")
        facts["sums"]["done"] = 7
        with Launcher(run, facts):
            expect(window.locator("#headline")).to_have_text("show starts again …")


def test_a_large_picture_of_a_frame_that_stays_is_large_again(graph: Graph, run: Path, window: Page) -> None:
    write_picture(run / "show.1.before", jpeg(1280, 720))
    with Served(run, graph.path) as page, Launcher(run, status(graph)):
        window.goto(page.url)

        def width() -> Any:
            return window.evaluate("document.getElementById('large-picture').naturalWidth")

        for _ in range(3):
            window.locator('#node-pictures [data-picture="show/before"]').click()
            within(10, window, lambda: width() == 1280, "the large picture")
            window.keyboard.press("Escape")
            expect(window.locator("#large")).not_to_be_visible()
            window.wait_for_timeout(1500)
