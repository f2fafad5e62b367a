"""The page in a browser, on graphs that run: what it shows, how fast, and that it stays text."""

import asyncio
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from host.graph import load
from host.view import overview
from tests.conftest import need, until
from tests.graphs import CAMERA, SHOW, write_graph
from tests.launch import Launch
from tests.letters import Aside
from tests.pages import Launcher, Served, question, status

ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SOON = 3.0  # seconds within which what happens is to be seen
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


def source(page: Page, node: str, side: str) -> str:
    return page.locator(f'#frames [data-picture="{node}/{side}"] img').get_attribute("src") or ""


def is_lost(page: Page) -> bool:
    return page.locator("#banner").is_visible() and page.locator("html.lost").count() == 1


def within(seconds: float, page: Page, condition: Any, what: str) -> None:
    """Like `until`, while the browser lives."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        page.wait_for_timeout(50)


def all_processes() -> Iterator[tuple[int, list[str]]]:
    """The pid and the command line of each."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            yield int(entry.name), (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")


def write_light_graph(folder: Path) -> None:
    """Write a graph whose nodes take next to no time."""
    for name, code in LIGHT.items():
        (folder / f"{name}.py").write_text(f'{code}\n\nif __name__ == "__main__":\n    run({name})\n')
    (folder / "graph.yaml").write_text(
        "nodes:\n  camera: {run: camera, push: frames}\n"
        "  show: {run: show, pull: frames, push: seen}\n  end: {run: end, pull: seen}\n"
    )


def test_the_running_graph_is_shown_with_moving_numbers_and_changing_frames(tmp_path: Path, window: Page) -> None:
    with Launch(tmp_path, "splitter.source=test:forever", "--page=127.0.0.1:0") as graph:
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


def test_a_graph_of_25_frames_a_second_keeps_them_with_ten_viewers_one_of_them_stalled(
    tmp_path: Path, window: Page
) -> None:
    write_light_graph(tmp_path)
    with Launch(tmp_path, "--page=127.0.0.1:0") as graph:
        window.goto(url(graph))
        within(30, window, lambda: number(window, "Finished") > 20, "frames that flow")
        answers = Viewers(url(graph), 9)
        answers.start()
        until(lambda: min(answers.counts[1:]) > 2, 30, "answers to all who read")
        before = through(tmp_path)
        window.wait_for_timeout(12_000)
        after = through(tmp_path)
        answers.stop()

    rate = (after[0] - before[0]) / (after[1] - before[1])
    assert 24 < rate < 26
    assert min(answers.counts[1:]) > 10  # one a second, and more
    assert answers.counts[0] == 0


def through(folder: Path) -> tuple[int, float]:
    """How many frames have reached the end of the light graph, and when that was counted."""
    run = overview.running(folder / "graph.yaml")
    assert run
    facts = json.loads((run / "status.json").read_text())
    return next(node["counters"]["received"] for node in facts["nodes"] if node["name"] == "end"), facts["at"]


class Viewers(threading.Thread):
    """So many viewers in a thread, beside the browser; the first one asks and never reads an answer."""

    def __init__(self, address: str, number: int) -> None:
        super().__init__()
        self.counts = [0] * number
        self._place, _, self._token = address.partition("/?token=")
        self._loop = asyncio.new_event_loop()
        self._is_over = asyncio.Event()

    def run(self) -> None:
        self._loop.run_until_complete(self._all())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._is_over.set)
        self.join()

    async def _all(self) -> None:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {self._token}"}) as session:
            tasks = [asyncio.ensure_future(self._one(session, i)) for i in range(len(self.counts))]
            await self._is_over.wait()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, session: aiohttp.ClientSession, i: int) -> None:
        async with session.ws_connect(f"{self._place}/stream", max_msg_size=0) as stream:
            while True:
                await stream.send_str(question("camera", "show", "end"))
                if i == 0:
                    await asyncio.sleep(3600)
                while (await stream.receive()).type is aiohttp.WSMsgType.BINARY:
                    pass
                self.counts[i] += 1


def faults(page: Page) -> list[tuple[str, str, str]]:
    """Those that keep somebody from using the page: which rule, which element, and why."""
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    return [(one["id"], node["html"], node["failureSummary"]) for one in found for node in one["nodes"]]


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_no_serious_fault(
    tmp_path: Path, browser: Browser, size: tuple[int, int], colours: Literal["light", "dark"]
) -> None:
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
    view: ViewportSize = {"width": size[0], "height": size[1]}
    with Served(run, graph.graph.path) as page, browser.new_context(color_scheme=colours, viewport=view) as context:
        window = context.new_page()
        window.goto(page.url)
        with Launcher(run, facts):
            expect(window.locator("#headline")).to_have_text(re.compile("crash loop"))
            expect(window.locator("#letters li")).to_have_count(1)
            expect(window.locator("#log .text")).to_have_text("a line")
            assert faults(window) == []
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
