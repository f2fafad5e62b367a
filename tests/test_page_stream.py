"""What viewers of the page are sent: numbers, pictures, lines, the time line; the newest, and what they ask for."""

import asyncio
import io
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType
from PIL import Image

from host.graph import Graph
from host.page.history import KEPT, History
from host.page.lines import Lines
from host.page.pictures import LARGE, SMALL, Pictures, Wanted
from tests.conftest import until
from tests.pages import Served, graph, page, question, run, status, write_status
from tests.viewing import Viewer, jpeg, viewed, viewer, write_picture

__all__ = ["graph", "page", "run"]


def resident(pid: int) -> int:
    """KiB of memory that the process has (proc_pid_status(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def test_a_viewer_is_sent_the_newest_numbers_each_time_it_asks(page: Served, graph: Graph) -> None:
    async def look(viewer: Viewer) -> None:
        first = await viewer.ask(question())
        assert first["shared"]["overview"]["rate"] == 25.0
        assert 0 <= first["shared"]["silent"] < 60
        assert first["own"]["points"][-1][1] == 25.0
        for rate in (1.0, 2.0, 3.0):
            write_status(page.run, status(graph, rate=rate))
        await viewer.until(question(), lambda answer: answer["shared"]["overview"]["rate"] == 3.0)

    viewed(page, look)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "7",
        '{"looks": 1, "nodes": 7, "large": null, "node": ""}',
        question(large=("nobody", "after")),
        question(large=("show", "../show")),
        json.dumps({"looks": 1, "nodes": [], "large": [[], "after"], "node": ""}),
        "x" * 20_000,
    ],
)
def test_what_no_page_of_ours_asks_ends_that_connection_alone(page: Served, text: str) -> None:
    async def look(viewer: Viewer) -> None:
        await viewer.socket.send_str(text)
        assert (await viewer.socket.receive(10)).type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING)

    viewed(page, look)
    assert page.get("/").status == 200
    assert "Traceback" not in page.output


def test_pictures_are_small_sent_once_and_made_only_while_somebody_looks(page: Served) -> None:
    watched = page.run / "watched"

    async def look(viewer: Viewer) -> None:
        write_picture(page.run / "show.1.before", jpeg(1600, 900), name="wide.jpg")
        for _ in range(4):
            await viewer.ask(question("show", looks=False))
        assert not viewer.pictures
        assert not watched.exists()

        await viewer.until(question("show"), lambda _: viewer.pictures)
        assert time.time() - watched.stat().st_mtime < 2
        for _ in range(4):
            await viewer.ask(question("show"))
        [(facts, body)] = viewer.pictures
        assert (facts["node"], facts["side"], facts["name"], facts["replica"]) == (
            "show",
            "before",
            "wide.jpg",
            "show.1",
        )
        assert Image.open(io.BytesIO(body)).size == (320, 180)

        viewer.pictures.clear()
        await viewer.until(question(large=("show", "before")), lambda _: viewer.pictures)
        assert Image.open(io.BytesIO(viewer.pictures[0][1])).size == (1280, 720)

        viewer.pictures.clear()
        write_picture(page.run / "show.1.before", jpeg(64, 48), name="next.jpg")
        await viewer.until(question("show"), lambda _: viewer.pictures)
        assert viewer.pictures[0][0]["name"] == "next.jpg"

    viewed(page, look)
    before = watched.stat().st_mtime
    until(lambda: time.time() - before > 2.5, 10)
    assert watched.stat().st_mtime - before < 1.5  # nobody looks any more


def test_a_stalled_viewer_holds_up_nobody_grows_nothing_and_is_dropped(page: Served) -> None:
    import numpy as np

    noise = io.BytesIO()  # a large picture of it is of half a megabyte, more than any buffer on the way
    Image.fromarray(np.random.default_rng(7).integers(0, 255, (720, 1280, 3), dtype=np.uint8)).save(noise, "JPEG")

    async def all_of_it() -> None:
        async with viewer(page) as stalled, viewer(page) as brisk:
            await stalled.socket.send_str(question("camera", "show", large=("show", "before")))
            begun, answers, sizes = time.monotonic(), 0, list[int]()
            while time.monotonic() < begun + 22:
                write_picture(page.run / "show.1.before", noise.getvalue())
                await asyncio.wait_for(brisk.ask(question("camera", "show", large=("show", "before"))), 3)
                answers += 1
                sizes.append(resident(page.process.pid))
            assert answers >= 18
            assert max(sizes[-5:]) < min(sizes[5:10]) * 1.2
            read = 0
            while (message := await stalled.socket.receive(5)).type in (WSMsgType.BINARY, WSMsgType.TEXT):
                read += 1
            assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR)
            assert read <= 5  # the one answer, which it asked for

    asyncio.run(all_of_it())
    assert "Traceback" not in page.output


def test_the_lines_of_a_node_come_once_and_those_of_all_when_asked(page: Served) -> None:
    def log(who: str, *texts: str) -> None:
        with open(page.run / "log.jsonl", "a") as file:
            file.writelines(json.dumps({"at": 1.0, "who": who, "text": text}) + "\n" for text in texts)

    async def look(viewer: Viewer) -> None:
        def texts(answer: dict[str, Any]) -> list[str]:
            return [line[3] for line in answer["own"].get("lines", {"lines": []})["lines"]]

        assert (await viewer.ask(question(node="show")))["own"]["lines"]["anew"]
        log("graph", "all fine")
        log("show.1", "one", "two")
        answer = await viewer.until(question(node="show"), texts)
        assert texts(answer) == ["one", "two"]
        log("show.1", "three")
        answer = await viewer.until(question(node="show"), texts)
        assert texts(answer) == ["three"]
        assert not answer["own"]["lines"]["anew"]
        assert texts(await viewer.ask(question())) == ["all fine", "one", "two", "three"]
        assert "lines" not in (await viewer.ask(question()))["own"]

    viewed(page, look)


def test_lines_are_followed_over_a_renamed_file_and_the_last_hundred_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"

    def lines(first: int, last: int) -> str:
        return "".join(json.dumps({"at": 0, "who": "show.2", "text": str(n)}) + "\n" for n in range(first, last))

    (tmp_path / "log.1.jsonl").write_text(lines(0, 10))
    file.write_text(lines(10, 20) + 'nonsense\n[]\n{"at": 1}\n' + lines(20, 30)[:-5])
    log = Lines(tmp_path, ["show"])
    log.read()
    assert [int(line.text) for line in log.since("show", 0)] == [*range(29)]

    with file.open("a") as more:
        more.write(lines(20, 30)[-5:] + lines(30, 40))
    file.rename(tmp_path / "log.1.jsonl")
    file.write_text(lines(40, 150))
    log.read()
    log.close()
    assert [int(line.text) for line in log.since("show", 0)] == [*range(50, 150)]


def test_the_time_line_outlives_a_kill_and_its_file_stays_small(tmp_path: Path) -> None:
    file = tmp_path / "page.history"
    history = History(file)
    for second in range(1000, 1000 + 3 * KEPT):
        history.add({"at": second + 0.5, "rate": 24.9, "sums": {"dropped": second, "backlog": 1, "on_the_way": 2}})
        history.add({"at": second + 0.9, "rate": 0.0})  # one a second
    with file.open("a") as more:
        more.write("[1, 2")  # a kill

    again = History(file)

    assert again.since(0) == history.since(0)
    assert len(again.since(0)) == KEPT
    assert again.since(0)[-1] == (999 + 3 * KEPT, 24.9, 999 + 3 * KEPT, 0, 3)
    assert len(file.read_text().splitlines()) <= 2 * KEPT + 1


def test_the_time_line_goes_on_when_the_clock_is_set_back(page: Served, graph: Graph) -> None:
    def is_of(at: int, answer: dict[str, Any]) -> bool:
        return bool(answer["shared"]["overview"]["at"] == at)

    async def look(viewer: Viewer) -> None:
        now = int(time.time())
        for at in (now + 100, now + 101, now):
            write_status(page.run, status(graph, at=at))
            answer = await viewer.until(question(), partial(is_of, at))
        kept = [json.loads(line) for line in (page.run / "page.history").read_text().splitlines()]
        assert kept == answer["own"]["points"]
        assert [max(kept)[0], kept[-1][0]] == [now, now]

    viewed(page, look)


@pytest.mark.parametrize(
    ("facts", "body", "says"),
    [
        ({"raw": ["RGB", 4, 2]}, b"\0" * 24, ""),
        ({"raw": ["L", 4, 2]}, b"\0" * 8, ""),
        ({"raw": ["RGB", 4, 2]}, b"\0" * 23, "cut short"),
        ({"raw": ["RGB", -4, -2]}, b"\0" * 24, "no size"),
        ({"raw": ["RGB", 4, "2"]}, b"\0" * 24, "no size"),
        ({"raw": ["P", 4, 2]}, b"\0" * 8, "unknown kind"),
        ({"raw": 7}, b"", "unknown kind"),
        ({}, b"", "no image"),
        ({}, b"\xff\xd8\xff", "cannot decode"),
        ({}, b"GIF89a", "GIF image"),
    ],
)
def test_a_picture_is_shown_or_what_is_wrong_with_it_is_said(
    graph: Graph, run: Path, facts: dict[str, Any], body: bytes, says: str
) -> None:
    pictures, wanted = Pictures(run, graph), Wanted("show", "before", SMALL)
    write_picture(run / "show.1.before", body, **facts)

    pictures.make([wanted, Wanted("show", "after", SMALL)])

    picture = pictures.made[wanted]
    assert bool(picture.jpeg) == (not says)
    assert says in picture.facts.get("trouble", "")
    assert len(pictures.made) == 1


def test_a_picture_is_made_once_and_let_go_when_nobody_wants_it(graph: Graph, run: Path) -> None:
    pictures, small, large = Pictures(run, graph), Wanted("show", "before", SMALL), Wanted("show", "before", LARGE)
    write_picture(run / "show.1.before", jpeg(64, 48))
    pictures.make([small])
    first = pictures.made[small]
    pictures.make([small, large])

    assert pictures.made[small] is first
    assert pictures.made[large].facts["width"] == 64  # never larger than it is
    pictures.make([])
    assert not pictures.made


def test_damaged_files_in_the_run_folder_harm_nothing(page: Served, graph: Graph) -> None:
    (page.run / "status.json").write_text('{"nodes": 7')
    (page.run / "log.jsonl").write_bytes(os.urandom(5000) + b"\n")
    (page.run / "show.1.before").write_bytes(os.urandom(100_000))
    (page.run / "show.1.after").mkdir()
    (page.run / "camera.1.after").write_bytes(b"[" * 100_000 + b"\n")

    async def look(viewer: Viewer) -> None:
        for _ in range(3):
            await viewer.ask(question("camera", "show"))
        for garbage in ("null", "[]", '{"at": {}}', '{"nodes": [[]]}'):
            (page.run / "status.json").write_text(garbage)
            await viewer.ask(question("camera", "show"))
        write_status(page.run, status(graph, rate=7.0))
        await viewer.until(question(), lambda answer: answer["shared"]["overview"]["rate"] == 7.0)

    viewed(page, look)
    assert "Traceback" not in page.output
