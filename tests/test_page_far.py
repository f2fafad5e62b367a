"""The page over networks as they are: slow ones, and such as swallow what they carried."""

import asyncio
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from aiohttp import ClientSession, WSMsgType
from PIL import Image
from playwright.sync_api import Page, expect

from host.graph import Graph, load
from tests.browsing import browser, is_lost, window, within
from tests.graphs import CAMERA, SHOW, write_graph
from tests.pages import Launcher, Served, question, status, write_status
from tests.viewing import write_picture

__all__ = ["browser", "window"]

CHUNK = 4096  # bytes


class Network:
    """Carries connections to a port, `bytes_a_second` the way back. Those that it swallows are never heard of again."""

    def __init__(self, port: int, bytes_a_second: float = 1e9) -> None:
        self._target, self._pace = port, bytes_a_second
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._age = 0  # how often it has swallowed what there was
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow(self) -> None:
        self._age += 1

    def close(self) -> None:
        for one in (self._server, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CHUNK)
                far = socket.create_connection(("127.0.0.1", self._target))
                far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
                self._sockets += [near, far]
                for ends in ((near, far, 1e9), (far, near, self._pace)):
                    threading.Thread(target=self._carry, args=(*ends, self._age), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, pace: float, age: int) -> None:
        with suppress(OSError):
            while body := source.recv(CHUNK):
                if age == self._age:
                    target.sendall(body)
                    time.sleep(len(body) / pace)
            if age == self._age:
                target.shutdown(socket.SHUT_WR)


@contextmanager
def network(port: int, bytes_a_second: float = 1e9) -> Iterator[Network]:
    made = Network(port, bytes_a_second)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return load(write_graph(tmp_path, CAMERA, SHOW))


@pytest.fixture
def page(graph: Graph, tmp_path: Path) -> Iterator[Served]:
    run = tmp_path / "0123456789ab"
    run.mkdir(mode=0o700)
    write_status(run, status(graph))
    with Served(run, graph.path) as page:
        yield page


def test_over_a_slow_network_the_numbers_come_in_time_and_every_picture_comes(page: Served) -> None:
    noise = np.random.default_rng(7).integers(0, 255, (180, 320, 3), dtype=np.uint8)
    body = BytesIO()
    Image.fromarray(noise).save(body, "JPEG")
    files = [page.run / name for name in ("camera.1.after", "show.1.before", "show.1.after")]

    async def look(port: int) -> tuple[list[float], set[bytes]]:
        gaps, seen = list[float](), set[bytes]()
        place = f"http://127.0.0.1:{port}/stream"
        async with ClientSession(headers=page.bearer) as session, session.ws_connect(place) as far:
            begun = last = time.monotonic()
            while last < begun + 15:
                for file in files:
                    write_picture(file, body.getvalue())
                await far.send_str(question("camera", "show"))
                while (message := await far.receive(20)).type is WSMsgType.BINARY:
                    seen.add(message.data[4:60])
                gaps.append(time.monotonic() - last)
                last = time.monotonic()
        return gaps, seen

    with network(page.port, 50_000) as slow:
        gaps, seen = asyncio.run(look(slow.port))

    assert max(gaps) < 2.5  # seconds: a page takes 3 for a lost connection; all pictures together take longer
    assert len(seen) == len(files)


def test_a_network_that_has_swallowed_the_connection_is_said_and_got_over(
    graph: Graph, page: Served, window: Page
) -> None:
    with Launcher(page.run, status(graph)), network(page.port) as net:
        window.goto(page.url.replace(str(page.port), str(net.port)))
        expect(window.locator("#headline")).to_have_text(re.compile("All flows"))

        net.swallow()

        within(5, window, lambda: is_lost(window), "that it is lost")
        within(6, window, lambda: not is_lost(window), "that it is back")


def test_a_page_process_that_is_stopped_for_a_while_is_found_again(graph: Graph, page: Served, window: Page) -> None:
    with Launcher(page.run, status(graph)):
        window.goto(page.url)
        expect(window.locator("#headline")).to_have_text(re.compile("All flows"))

        page.process.send_signal(signal.SIGSTOP)
        within(5, window, lambda: is_lost(window), "that it is lost")
        window.wait_for_timeout(7000)
        page.process.send_signal(signal.SIGCONT)

        within(6, window, lambda: not is_lost(window), "that it is back")


def test_a_hidden_page_asks_now_and_then_and_at_once_when_it_is_seen_again(
    graph: Graph, page: Served, window: Page
) -> None:
    window.add_init_script(
        "Object.defineProperty(document, 'hidden', { get: () => window.unseen });"
        "const send = WebSocket.prototype.send; window.asked = 0;"
        "WebSocket.prototype.send = function (...it) { window.asked++; send.apply(this, it); };"
    )
    with Launcher(page.run, status(graph)):
        window.goto(page.url)
        within(10, window, lambda: window.evaluate("asked") > 5, "that it asks")

        window.evaluate("window.unseen = true; document.dispatchEvent(new Event('visibilitychange'))")
        window.wait_for_timeout(1500)
        before = window.evaluate("asked")
        window.wait_for_timeout(6000)
        assert window.evaluate("asked") - before <= 1
        assert not is_lost(window)

        window.evaluate("window.unseen = false; document.dispatchEvent(new Event('visibilitychange'))")
        within(2, window, lambda: window.evaluate("asked") > before + 1, "that it asks again")
        assert not is_lost(window)
