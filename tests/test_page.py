"""The page's process: who gets in, where it listens, when it ends."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host.graph import Graph
from host.view.metrics import OPENMETRICS, PLAIN
from tests.conftest import until
from tests.launch import ROOT
from tests.pages import TOKEN, Served, graph, page, run, status, write_status

__all__ = ["graph", "page", "run"]

PATHS = ("/", "/page.css", "/page.js", "/stream", "/letters/0", "/nothing")


def test_nothing_but_the_probes_is_shown_without_the_token(page: Served) -> None:
    for path in PATHS:
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": TOKEN},
            {"Cookie": f"page-{page.port}=1"},
        ):
            assert page.ask("GET", path, **headers).status == 401, (path, headers)
        assert page.ask("GET", f"{path}?token=wrong", **page.bearer).status == 401
    assert page.ask("POST", "/retry", "{}").status == 401
    assert page.ask("GET", "/").body.count(TOKEN.encode()) == 0


def test_the_first_visit_becomes_a_cookie_that_opens_the_page_and_does_not_tell_the_token(page: Served) -> None:
    first = page.ask("GET", f"/?token={TOKEN}")

    assert (first.status, first.headers["Location"]) == (303, "/")
    cookie = first.headers["Set-Cookie"]
    assert re.fullmatch(rf"page-{page.port}=[0-9a-f]{{64}}; HttpOnly; Path=/; SameSite=Strict", cookie)
    answer = page.ask("GET", "/", Cookie=cookie.partition(";")[0])
    assert answer.status == 200
    assert b"<h1" in answer.body


def test_a_first_visit_from_another_sites_link_goes_on_by_itself_as_its_redirect_would_bring_no_cookie(
    page: Served,
) -> None:
    first = page.ask("GET", f"/?token={TOKEN}", Sec_Fetch_Site="cross-site")

    assert (first.status, first.headers["Refresh"]) == (200, "0; url=/")
    assert "Set-Cookie" in first.headers


def test_a_program_sends_its_token_as_a_bearer_or_in_the_address(page: Served) -> None:
    assert page.get("/page.js").status == 200
    assert page.ask("GET", f"/page.js?token={TOKEN}").status == 200


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "10.1.2.3:80", "[::1]", "[::1]:8080", "localhost", "LOCALHOST:1", "{here}"]
)
def test_a_name_of_ours_is_let_in(page: Served, name: str) -> None:
    assert page.get("/", Host=name.format(here=socket.gethostname())).status == 200


@pytest.mark.parametrize(
    "name", ["", "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil", "["]
)
def test_a_foreign_name_that_leads_here_is_not(page: Served, name: str) -> None:
    assert page.get("/", Host=name).status in (400, 403)  # 400: it is no name at all


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1", "file://"]
)
def test_another_sites_page_is_refused(page: Served, origin: str) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}

    assert page.get("/stream", Origin=origin, Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==", **upgrade).status == 403
    assert page.ask("POST", "/retry", '{"id": ""}', Origin=origin, **page.bearer).status == 403


def test_our_own_page_is_not(page: Served) -> None:
    assert page.ask("POST", "/retry", '{"id": ""}', Origin=page.place, **page.bearer).status == 200


def test_every_answer_tells_the_browser_to_trust_nothing_else(page: Served) -> None:
    asked = [page.get(path) for path in (*PATHS, "/health")]
    asked += [page.ask("GET", "/"), page.get("/", Host="evil.example"), page.ask("DELETE", "/", **page.bearer)]

    for answer in asked:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Server" not in answer.headers
    assert [answer.status for answer in asked[-3:]] == [401, 403, 405]


def test_the_probes_tell_anybody_whether_the_launcher_lives_and_its_nodes_run(graph: Graph, run: Path) -> None:
    with Served(run, graph.path) as page:

        def verdicts() -> tuple[int, int]:
            return page.ask("GET", "/health", Host="probe.example").status, page.ask("GET", "/ready").status

        assert verdicts() == (503, 503)  # no launcher has written yet
        write_status(run, status(graph))
        until(lambda: verdicts() == (200, 200), 5)
        facts = status(graph)
        facts["nodes"][0]["state"] = "starts"
        write_status(run, facts)
        until(lambda: verdicts() == (200, 503), 5)
        write_status(run, status(graph, at=time.time() - 60))
        until(lambda: verdicts() == (503, 503), 5)


def test_machines_are_told_the_numbers_in_the_form_that_they_ask_for(graph: Graph, run: Path) -> None:
    with Served(run, graph.path) as page:
        assert page.ask("GET", "/metrics").status == 401
        assert page.get("/metrics").status == 503  # no launcher has written yet
        write_status(run, status(graph))
        until(lambda: page.get("/metrics").status == 200, 5)
        plain = page.ask("GET", f"/metrics?token={TOKEN}")
        openmetrics = page.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert plain.headers["Content-Type"] == PLAIN
    assert openmetrics.headers["Content-Type"] == OPENMETRICS
    assert openmetrics.body.endswith(b"# EOF\n")
    assert not plain.body.endswith(b"# EOF\n")


def test_the_address_lies_in_a_file_for_the_owners_eyes_and_nowhere_else(page: Served) -> None:
    file = page.run / "page.url"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert page.url == f"{page.place}/?token={TOKEN}"
    assert TOKEN not in page.output
    assert TOKEN not in Path(f"/proc/{page.process.pid}/cmdline").read_text()


def test_without_a_token_of_the_users_each_graph_has_a_secret_one_that_outlives_its_launcher(
    graph: Graph, tmp_path: Path
) -> None:
    def token(run: str, path: Path) -> str:
        (tmp_path / run).mkdir(mode=0o700)
        with Served(tmp_path / run, path, env={"PAGE_TOKEN": ""}) as page:
            return page.token

    other = Path(shutil.copy(graph.path, tmp_path / "other.yaml"))
    first, again, others = token("a" * 12, graph.path), token("b" * 12, graph.path), token("c" * 12, other)

    assert re.fullmatch("[0-9a-f]{64}", first)
    assert first == again != others
    [secret] = tmp_path.glob("zg-*/page.secret")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_port_that_is_taken_is_left_alone(graph: Graph, run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Served(run, graph.path, f"127.0.0.1:{port}") as page:
            assert port < page.port < port + 100
            assert page.get("/").status == 200


def test_a_page_that_was_killed_is_back_where_it_was(graph: Graph, run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = f"127.0.0.1:{taken.getsockname()[1]}"
        with Served(run, graph.path, wanted) as first:
            first.kill()
    with Served(run, graph.path, wanted) as second:  # although the port that it wants is free now
        assert second.url == first.url


@pytest.mark.parametrize("address", ["8080", "127.0.0.1:http", "127.0.0.1:99999", "no.such.host.example.invalid:80"])
def test_an_address_that_is_none_is_said(graph: Graph, run: Path, address: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "host.page", str(graph.path), f"--run={run}", f"--address={address}"],
        cwd=ROOT,
        env={**os.environ, "XDG_RUNTIME_DIR": str(run.parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert address.partition(":")[0] in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_it_ends_when_it_is_asked_to(page: Served) -> None:
    page.process.send_signal(signal.SIGTERM)

    assert page.ends() == 0
    assert "Traceback" not in page.output


def test_it_ends_when_the_run_folder_is_gone(page: Served) -> None:
    shutil.rmtree(page.run)

    assert page.ends() == 0
    assert "Traceback" not in page.output


def test_it_ends_with_the_process_that_started_it(graph: Graph, run: Path) -> None:
    code = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-m', 'host.page', {str(graph.path)!r}, '--run={run}', '--address=127.0.0.1:0'], stdout=2).pid, flush=True); sys.stdin.read()"  # fmt: skip  # noqa: E501
    env = {**os.environ, "XDG_RUNTIME_DIR": str(run.parent), "ZG_RUN": run.name}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        until(lambda: (run / "page.url").exists(), 30)
        parent.kill()

    until(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes(), 10)
