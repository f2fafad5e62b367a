"""The page in a browser, on graphs that run: what it shows, how fast, and that it stays text."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from host.graph import load
from host.view import overview
from tests.browsing import PATIENCE, browser, free_port, is_lost, number, url, window, within, write_light_graph
from tests.graphs import CAMERA, SHOW, write_graph
from tests.launch import EVER, Launch
from tests.letters import Aside
from tests.pages import Launcher, Served, status

__all__ = ["browser", "window"]

SOON = 3.0  # seconds within which what happens is to be seen


def source(page: Page, node: str, side: str) -> str:
    return page.locator(f'#frames [data-picture="{node}/{side}"] img').get_attribute("src") or ""


def all_processes() -> Iterator[tuple[int, list[str]]]:
    """The pid and the command line of each."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            yield int(entry.name), (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")


def test_the_running_graph_is_shown_with_moving_numbers_and_changing_frames(tmp_path: Path, window: Page) -> None:
    with Launch(tmp_path, *EVER, "--page=127.0.0.1:0") as graph:
        window.goto(url(graph))

        assert "token" not in window.url
        for node in ("splitter", "watcher", "converter"):
            expect(window.locator(f'.node[data-node="{node}"] .state')).to_have_text("runs", timeout=PATIENCE)
        expect(window.locator("#headline")).to_have_text(re.compile(r"All flows|slowest"), timeout=PATIENCE)
        window.locator("#frames").scroll_into_view_if_needed()
        for node, side in (("splitter", "after"), ("converter", "before"), ("converter", "after")):
            within(30, window, lambda n=node, s=side: source(window, n, s), f"a picture {side} {node}")
        done, seen = number(window, "Done"), source(window, "converter", "after")
        within(30, window, lambda: number(window, "Done") > done, "more frames that are done")
        within(30, window, lambda: source(window, "converter", "after") != seen, "another picture")
        expect(window.locator("#wires tbody tr")).to_have_count(2)
        expect(window.locator("#log li .text").first).to_be_visible()


def test_a_killed_node_shows_within_three_seconds_and_runs_again(tmp_path: Path, window: Page) -> None:
    write_light_graph(tmp_path)
    with Launch(tmp_path, "--page=127.0.0.1:0") as graph:
        window.goto(url(graph))
        expect(window.locator('.node[data-node="show"] .state')).to_have_text("runs", timeout=PATIENCE)
        within(30, window, lambda: number(window, "Finished") > 0, "frames that flow")
        window.locator('.node[data-node="show"]').click()

        graph.kill("show.1")
        within(SOON, window, lambda: "was killed by SIGKILL" in window.locator("#events").inner_text(), "the death")

        expect(window.locator("#timeline .death")).to_have_count(1)
        expect(window.locator("#replicas tbody td").nth(2)).to_have_text("1", timeout=PATIENCE)
        expect(window.locator('.node[data-node="show"] .state')).to_have_text("runs", timeout=PATIENCE)
        done = number(window, "Done")
        within(30, window, lambda: number(window, "Done") > done, "frames that flow again")


def test_a_killed_page_is_unmistakable_and_comes_back_with_its_time_line(tmp_path: Path, window: Page) -> None:
    write_light_graph(tmp_path)
    with Launch(tmp_path, "--page=127.0.0.1:0") as graph:
        window.goto(url(graph))
        within(30, window, lambda: number(window, "Finished") > 0, "frames that flow")
        run = overview.running(tmp_path / "graph.yaml")
        assert run
        points = len((run / "page.history").read_text().splitlines())

        [pid] = (pid for pid, words in all_processes() if "host.page" in words and f"--run={run}" in words)
        os.kill(pid, signal.SIGKILL)
        within(SOON, window, lambda: is_lost(window), "that the connection is lost")

        expect(window.locator("#banner")).to_have_text(re.compile(r"Connection lost since \d\d:\d\d:\d\d"))
        within(30, window, lambda: not is_lost(window), "that it is back")
        done = number(window, "Done")
        within(30, window, lambda: number(window, "Done") > done, "numbers that move")
        assert len((run / "page.history").read_text().splitlines()) > points


def test_a_killed_launcher_is_unmistakable_and_its_successor_is_found(tmp_path: Path, window: Page) -> None:
    write_light_graph(tmp_path)
    page = f"--page=127.0.0.1:{free_port()}"
    with Launch(tmp_path, page) as graph:
        window.goto(url(graph))
        within(30, window, lambda: number(window, "Finished") > 0, "frames that flow")
        graph.process.kill()
        within(SOON, window, lambda: is_lost(window), "that the connection is lost")

    with Launch(tmp_path, page):
        within(60, window, lambda: not is_lost(window), "that it is back")
        within(30, window, lambda: number(window, "Finished") > 0, "frames that flow")


def test_a_hung_nodes_frame_is_greyed_and_says_its_age(tmp_path: Path, window: Page) -> None:
    write_light_graph(tmp_path)
    with Launch(tmp_path, "--page=127.0.0.1:0") as graph:
        window.goto(url(graph))
        picture = window.locator('.node[data-node="show"] .picture')
        within(30, window, lambda: picture.locator("img").get_attribute("src"), "a picture")
        pid = graph.pid("show.1")

        os.kill(pid, signal.SIGSTOP)
        expect(picture).to_have_class(re.compile(r"\bold\b"), timeout=8000)
        expect(picture.locator(".age")).to_have_text(re.compile(r"\ds? s old"), timeout=8000)

        os.kill(pid, signal.SIGCONT)
        expect(picture).not_to_have_class(re.compile(r"\bold\b"), timeout=PATIENCE)


def test_a_frame_that_comes_late_is_as_old_as_its_capture(tmp_path: Path, window: Page) -> None:
    graph = load(write_graph(tmp_path, CAMERA, SHOW))
    run = tmp_path / "0123456789ab"
    run.mkdir(mode=0o700)
    head = {"at": time.time_ns(), "captured": time.time_ns() - 90 * 10**9, "time": "captured", "raw": ["L", 2, 2]}
    (run / "show.1.before").write_bytes(json.dumps(head).encode() + b"\n" + b"\0" * 4)
    with Served(run, graph.path) as page, Launcher(run, status(graph)):
        window.goto(page.url)

        picture = window.locator('.node[data-node="show"] .picture')
        expect(picture).to_have_class(re.compile(r"\bold\b"))
        expect(picture.locator(".age")).to_have_text(re.compile(r"^(9\d s|2 min) old$"))


def test_a_launcher_that_says_nothing_is_said_and_its_last_word_too(tmp_path: Path, window: Page) -> None:
    graph = load(write_graph(tmp_path, CAMERA, SHOW))
    run = tmp_path / "0123456789ab"
    run.mkdir(mode=0o700)
    with Served(run, graph.path) as page:
        window.goto(page.url)
        expect(window.locator("#facts")).to_have_text("Waiting for the first numbers …")
        with Launcher(run, status(graph)):
            expect(window.locator("#headline")).to_have_text(re.compile("All flows: 25.0/s"))
            expect(window.locator("#banner")).not_to_be_visible()
        expect(window.locator("#banner")).to_have_text(
            re.compile("The launcher has said nothing since"), timeout=10_000
        )
        assert is_lost(window)
        with Launcher(run, status(graph, state="done")):
            expect(window.locator("#headline")).to_have_text("All done.")
            expect(window.locator("#banner")).not_to_be_visible()
        page.kill()
        expect(window.locator("#banner")).to_have_text(re.compile("The graph is done, and its page is gone since"))


def test_a_dead_letter_appears_with_its_reason_and_is_retried_from_the_page(tmp_path: Path, window: Page) -> None:
    spool, name = tmp_path / "spool", "cam.jpg"
    spool.mkdir()
    (tmp_path / "graph.yaml").write_text(
        "nodes:\n  watcher: {run: nodes.watcher, push: frames, args: {folder: spool}}\n"
        "  converter: {run: nodes.converter, pull: frames, args: {filter: invert, folder: converted}}\n"
    )
    with Launch(tmp_path, "--page=127.0.0.1:0") as graph:
        window.goto(url(graph))
        (tmp_path / name).write_bytes(b"\xff\xd8\xff no image")
        (tmp_path / name).rename(spool / name)

        letter = window.locator("#letters li")
        expect(letter.locator(".reason")).to_have_text(re.compile("converter on .*: cannot decode"), timeout=PATIENCE)
        expect(letter.locator("h3")).to_have_text(name)
        expect(letter.locator(".none")).to_have_text("not a readable image")

        Image.new("RGB", (64, 48), "red").save(spool / "dead-letters" / name)  # its cause is mended
        letter.get_by_role("button", name="Retry").click()

        expect(window.locator("#letters-said")).to_have_text(re.compile(f"{name} is back: its watcher takes them now"))
        expect(letter).to_have_count(0)
        within(30, window, (tmp_path / "converted" / name).exists, "the result")


def test_script_in_what_the_graph_says_stays_text(tmp_path: Path, window: Page) -> None:
    script = '<img src=x onerror="window.harm=1"><script>window.harm=1</script>'
    graph = Aside(tmp_path)
    graph.put("a<b>&.jpg", reason=script)
    run = tmp_path / "0123456789ab"
    run.mkdir(mode=0o700)
    (run / "log.jsonl").write_text(json.dumps({"at": time.time(), "who": script, "text": script}) + "\n")
    facts = status(graph.graph, events=[[time.time(), script, "death", script]])
    facts |= {"graph": f"/{script}", "host": script}
    for node in facts["nodes"]:
        node["host"], node["replicas"][0]["name"], node["replicas"][0]["words"] = script, script, script
        if node["name"] == "watcher":
            node["name"], node["state"] = script, "crash loop"
    facts["wires"] = [{**wire, "from": [script], "keep": script} for wire in facts["wires"]]
    with Served(run, graph.graph.path) as page, Launcher(run, facts):
        for side in ("before", "after"):
            head = {"at": time.time_ns(), "stream": script, "name": script, "number": 1, "raw": ["L", 2, 2]}
            (run / f"show.1.{side}").write_bytes(json.dumps(head).encode() + b"\n" + b"\0" * 4)
        window.goto(page.url)

        expect(window.locator("#headline")).to_contain_text(script)
        window.locator("#all-lines").click()
        expect(window.locator("#log .text").first).to_have_text(script)
        expect(window.locator("#events .text").first).to_have_text(script)
        expect(window.locator("#letters .reason")).to_have_text(script)
        expect(window.locator("#wires tbody td").first).to_have_text(script)
        expect(window.locator("#nodes tbody th").first).to_have_text(script)
        window.locator('#frames [data-picture="show/before"]').click()
        expect(window.locator("#large-facts")).to_contain_text(script)
        assert window.evaluate("window.harm") is None
        assert window.locator("img[onerror], body script").count() == 0
