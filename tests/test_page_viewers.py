"""Many who look at the page of a graph that runs, and what it costs the graph."""

import asyncio
import json
import threading
from pathlib import Path

import aiohttp
from playwright.sync_api import Page

from host.view import overview
from tests.browsing import browser, number, url, window, within, write_light_graph
from tests.conftest import until
from tests.launch import Launch
from tests.pages import question

__all__ = ["browser", "window"]


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
