"""The page's own process on a run folder, and what lies in one."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from host.graph import Graph, load
from host.view.facts import STATUS, Facts, fitted
from tests.conftest import until
from tests.graphs import CAMERA, SHOW, write_graph
from tests.launch import ROOT

TOKEN = "a-token-of-these-tests"


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Served:
    """`with Served(run, graph_path) as page: page.get("/")`: the process is killed at the end, if it is still there."""

    def __init__(self, run: Path, graph: Path, address: str = "127.0.0.1:0", env: dict[str, str] | None = None) -> None:
        self.run = run
        self._file = run / "page.url"
        old = self._file.stat().st_ino if self._file.exists() else 0
        self.log = run.parent / f"page-{len([*run.parent.glob('page-*.log')])}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "host.page", str(graph), f"--run={run}", f"--address={address}"],
                cwd=ROOT,
                env={**os.environ, "XDG_RUNTIME_DIR": str(run.parent), "PAGE_TOKEN": TOKEN, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(lambda: self._is_there(old), 30, f"the page: {self.log.read_text()}")
        self.url = self._file.read_text().strip()
        parts = urlsplit(self.url)
        self.port, self.token = parts.port or 0, parse_qs(parts.query)["token"][0]
        self.place = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Served":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.kill()
        if kind:
            print(self.output)

    @property
    def output(self) -> str:
        return self.log.read_text()

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        """Send just these headers (`Content_Type` for Content-Type), and no token by itself."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """With the token."""
        return self.ask("GET", path, **{**self.bearer, **headers})

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def ends(self, seconds: float = 10) -> int:
        until(lambda: self.process.poll() is not None, seconds, "the page's process is still there")
        return self.process.returncode

    def _is_there(self, old: int) -> bool:
        assert self.process.poll() is None, self.output
        return self._file.exists() and self._file.stat().st_ino != old


def status(graph: Graph, **more: Any) -> Facts:
    """What a launcher writes about a graph that runs, with `more` in it."""
    nodes = [
        {
            "name": node.name,
            "host": node.host or "",
            "launcher": graph.launcher(node) or "",
            "pulls": node.pulls,
            "pushes": node.pushes,
            "state": "runs",
            "replicas": [{"name": name, "state": "runs", "pid": 1, "memory": 50_000_000} for name in node.names],
            "rates": {"in": 25.0, "out": 25.0, "done": 25.0},
            "shares": {"waiting": 0.5, "working": 0.5},
        }
        for node in graph.nodes.values()
    ]
    wires = [
        {"name": wire.name, "from": [*wire.pushers], "to": wire.puller, "keep": wire.keep, "here": True, "rate": 25.0}
        for wire in graph.wires.values()
    ]
    facts = {
        "version": 1,
        "graph": str(graph.path.absolute()),
        "at": time.time(),
        "began": time.time() - 60,
        "state": "runs",
        "nodes": nodes,
        "wires": wires,
        "rate": 25.0,
        "latency": {"now": {"p50": 0.04, "p95": 0.06, "p99": 0.09}},
    }
    return {**fitted(facts, STATUS), **more}


def write_status(run: Path, facts: Facts) -> None:
    fresh = run / "status.json.new"
    fresh.write_text(json.dumps(facts))
    fresh.replace(run / "status.json")


class Launcher:
    """`with Launcher(run, facts):` writes them again and again, as of now."""

    def __init__(self, run: Path, facts: Facts) -> None:
        self._run, self._facts, self._is_over = run, facts, threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "Launcher":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._is_over.wait(0.5):
            write_status(self._run, {**self._facts, "at": time.time()})


def question(*nodes: str, looks: bool = True, node: str = "", large: tuple[str, str] | None = None) -> str:
    """What a viewer asks."""
    return json.dumps({"looks": looks, "nodes": nodes, "large": large, "node": node})


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return load(write_graph(tmp_path, CAMERA, SHOW))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "0123456789ab"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def page(graph: Graph, run: Path) -> Iterator[Served]:
    write_status(run, status(graph))
    with Served(run, graph.path) as page:
        yield page
