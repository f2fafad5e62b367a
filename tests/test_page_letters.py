"""Dead letters on the page: their images, and the way back."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.letters import REASON, Aside
from tests.pages import Answer, Launcher, Served, question, status
from tests.viewing import Viewer, viewed


@pytest.fixture
def aside(tmp_path: Path) -> Aside:
    return Aside(tmp_path)


@pytest.fixture
def page(aside: Aside, tmp_path: Path) -> Iterator[Served]:
    run = tmp_path / "0123456789ab"
    run.mkdir(mode=0o700)
    with Served(run, aside.graph.path) as page, Launcher(run, status(aside.graph)):
        yield page


def ids(page: Served) -> dict[str, str]:
    """The letters that the page lists: name -> id."""
    found: dict[str, str] = {}

    async def look(viewer: Viewer) -> None:
        answer = await viewer.until(question(), lambda answer: answer["own"].get("letters", {}).get("count"))
        found.update({letter["name"]: letter["id"] for letter in answer["own"]["letters"]["letters"]})
        assert all(letter["reason"] == REASON for letter in answer["own"]["letters"]["letters"])

    viewed(page, look)
    return found


def retry(page: Served, id: object) -> Answer:
    return page.ask("POST", "/retry", json.dumps({"id": id}), **page.bearer)


def test_a_letter_is_shown_as_an_image_or_what_is_wrong_with_it_is_said(aside: Aside, page: Served) -> None:
    aside.put("cam/broken.jpg", "no image")
    Image.new("RGB", (1000, 500), "red").save(aside.dead / aside.put("wide.png"))
    (aside.dead / aside.put("link.jpg")).unlink()
    (aside.dead / "link.jpg").symlink_to("/etc/passwd")
    Image.new("RGB", (8, 8)).save(aside.dead / aside.put("gone.png"))
    letters = ids(page)
    (aside.dead / "gone.png").unlink()

    wide = page.get(f"/letters/{letters['wide.png']}")
    assert (wide.status, wide.headers["Content-Type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(wide.body)).size == (480, 240)
    assert Image.open(io.BytesIO(page.get(f"/letters/{letters['wide.png']}?large").body)).size == (1000, 500)
    broken = page.get(f"/letters/{letters['cam/broken.jpg']}")
    assert (broken.status, b"not a whole" in broken.body) == (415, True)
    assert "link.jpg" not in letters  # a link is no letter
    for id in (letters["gone.png"], "0" * 24, "..%2f..%2fetc%2fpasswd"):
        assert page.get(f"/letters/{id}").status == 404


def test_a_letter_goes_back_and_the_page_says_what_follows(aside: Aside, page: Served) -> None:
    aside.put("cam/a.jpg")
    id = ids(page)["cam/a.jpg"]

    answer = retry(page, id)

    assert answer.json == {
        "went": True,
        "said": "cam/a.jpg is back: no watcher is at work there, so they are done at its next start",
    }
    assert aside.files() == {"cam/a.jpg": "image"}
    assert retry(page, id).json == {"went": False, "said": "it is not there any longer"}


def test_a_letter_whose_place_is_taken_stays(aside: Aside, page: Served) -> None:
    aside.put("a.jpg")
    (aside.spool / "a.jpg").write_text("newer")

    answer = retry(page, ids(page)["a.jpg"])

    assert answer.json["went"] is False
    assert "waits there already" in answer.json["said"]
    assert aside.files()["a.jpg"] == "newer"


@pytest.mark.parametrize("body", ["", "[]", "7", "{", '"id"', '{"id": []}', '{"id": {}}'])
def test_what_names_no_letter_is_refused(aside: Aside, page: Served, body: str) -> None:
    aside.put("a.jpg")

    assert page.ask("POST", "/retry", body, **page.bearer).status == 400
    assert "Traceback" not in page.output
    assert "a.jpg" not in aside.files()


def test_no_letter_goes_back_for_another_sites_page(aside: Aside, page: Served) -> None:
    aside.put("a.jpg")
    id = ids(page)["a.jpg"]
    body = json.dumps({"id": id})

    assert page.ask("POST", "/retry", body, Origin="http://evil.example", **page.bearer).status == 403
    assert page.ask("POST", "/retry", body, Host="evil.example", **page.bearer).status == 403
    assert page.ask("POST", "/retry", body).status == 401
    assert page.get(f"/retry?id={id}").status == 405
    assert "a.jpg" not in aside.files()
