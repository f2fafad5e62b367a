"""The page's process before those who have no token, or send what no browser does, and before odd files."""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiohttp import ClientSession

from host.graph import Graph
from host.page.crowd import MOST, SILENCE
from host.page.lines import ALL, Lines
from host.page.pictures import SMALL, Pictures, Wanted
from tests.conftest import until
from tests.launch import ROOT, open_descriptors
from tests.pages import TOKEN, Served, graph, page, question, run

__all__ = ["graph", "page", "run"]


def sent(page: Served, request: bytes) -> bytes:
    """The status of the answer to these bytes."""
    with socket.create_connection(("127.0.0.1", page.port), timeout=20) as connection:
        connection.sendall(request)
        return connection.recv(4096).partition(b"\r\n")[0]


def refused(graph: Graph, run: Path, **env: str) -> str:
    """What a page says that does not begin."""
    done = subprocess.run(
        [sys.executable, "-m", "host.page", str(graph.path), f"--run={run}", "--address=127.0.0.1:0"],
        cwd=ROOT,
        env={**os.environ, "XDG_RUNTIME_DIR": str(run.parent), "PAGE_TOKEN": "", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stdout
    return done.stdout


def test_who_comes_and_asks_nothing_keeps_nobody_out_and_is_sent_away(page: Served) -> None:
    before = open_descriptors(page.process.pid)

    async def look() -> None:
        async with ClientSession(headers=page.bearer) as session, session.ws_connect(f"{page.place}/stream") as viewer:
            await asyncio.sleep(SILENCE + 3)  # a viewer may think for longer
            await viewer.send_str(question())
            assert '"shared"' in await viewer.receive_str(timeout=10)

    with ExitStack() as stack:
        for number in range(MOST + 50):
            stranger = stack.enter_context(socket.create_connection(("127.0.0.1", page.port), timeout=20))
            stranger.sendall(b"" if number % 2 else b"GET / HTTP/1.1\r\nHost: ")
        assert page.get("/").status == 200
        until(lambda: open_descriptors(page.process.pid) <= before + MOST + 2, 5, "fewer connections")
        asyncio.run(look())
        until(lambda: open_descriptors(page.process.pid) <= before + 2, 5, "that they are sent away")
    assert page.output == ""


@pytest.mark.parametrize(
    "request_line",
    [b"GET /?token=%s\x01 HTTP/1.1", b"G\x01T /?token=%s HTTP/1.1", b"GET /?token=%s HTTP/1.1\r\nno header"],
)
def test_what_strangers_send_is_not_in_the_log(page: Served, request_line: bytes) -> None:
    assert sent(page, request_line % TOKEN.encode() + b"\r\nHost: 127.0.0.1\r\n\r\n").endswith(b"400 Bad Request")

    assert page.output == ""


@pytest.mark.parametrize(
    ("headers", "body"), [(b"", b"[" * 16_000), (b"", b"\xff\xfe"), (b"Content-Encoding: gzip\r\n", b"{}")]
)
def test_a_retry_of_nonsense_is_refused_and_not_in_the_log(page: Served, headers: bytes, body: bytes) -> None:
    head = (
        f"POST /retry HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n"
    )

    assert sent(page, head.encode() + headers + b"\r\n" + body).endswith(b"400 Bad Request")
    assert page.output == ""


@pytest.mark.parametrize("token", ["short", "a b" * 10, "a-token\nof-two-lines", "ünïcode-token-längst", "\udcff" * 20])
def test_a_token_that_can_be_guessed_or_fits_in_no_header_is_said(graph: Graph, run: Path, token: str) -> None:
    said = refused(graph, run, PAGE_TOKEN=token)

    assert "PAGE_TOKEN is no token" in said
    assert token not in said
    assert "Traceback" not in said


def test_a_token_of_all_marks_gets_in_by_header_and_by_address(graph: Graph, run: Path) -> None:
    token = "".join(map(chr, range(33, 127)))
    with Served(run, graph.path, env={"PAGE_TOKEN": token}) as page:
        assert page.token == token
        assert page.get("/").status == 200
        assert page.ask("GET", page.url.removeprefix(page.place)).status == 303


def test_a_damaged_secret_makes_no_token(graph: Graph, run: Path) -> None:
    folder = run.parent / f"zg-{os.getuid()}"
    folder.mkdir(mode=0o700)
    (folder / "page.secret").touch(0o600)

    assert "page.secret is damaged" in refused(graph, run)


def test_where_memory_runs_out_the_page_goes_before_a_node(page: Served) -> None:
    assert int(Path(f"/proc/{page.process.pid}/oom_score_adj").read_text()) >= 500


def test_a_pipe_or_a_link_in_the_run_folder_is_no_picture_and_holds_up_no_other(graph: Graph, run: Path) -> None:
    head = json.dumps({"at": time.time_ns(), "raw": ["L", 2, 2]}).encode()
    (run / "camera.1.after").write_bytes(head + b"\n" + b"\0" * 4)
    (run / "show.1.after").symlink_to(run / "camera.1.after")
    os.mkfifo(run / "show.1.before")
    os.mkfifo(run / "log.jsonl")
    pictures = Pictures(run, graph)

    def look() -> None:
        Lines(run, graph.nodes).read()
        pictures.make(Wanted(node, side, SMALL) for node in graph.nodes for side in ("before", "after"))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(10)

    assert not thread.is_alive()
    assert [*pictures.made] == [Wanted("camera", "after", SMALL)]
    assert stat.S_ISFIFO((run / "log.jsonl").stat().st_mode)


def test_lines_can_be_asked_for_while_others_come(run: Path) -> None:
    lines, is_over = Lines(run, []), threading.Event()
    line = json.dumps({"at": 0, "who": "show", "text": "."}) + "\n"

    def write() -> None:
        with open(run / "log.jsonl", "a") as file:
            while not is_over.is_set():
                file.write(line * 1000)
                file.flush()
                lines.read()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # a race that takes hours otherwise
    thread = threading.Thread(target=write)
    thread.start()
    try:
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            assert len(lines.since(ALL, 0)) <= 100
    finally:
        sys.setswitchinterval(before)
        is_over.set()
        thread.join()
        lines.close()
