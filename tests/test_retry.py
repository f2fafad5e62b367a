"""host/retry.py: a dead letter goes back as it was, overwrites nothing, and survives a kill at every step."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bus import Message
from bus.deadletters import set_aside
from host import retry
from host.retry import Stays, put_back
from media.storage.below import Folder
from media.watched.events import Events, What
from media.watched.spool import Spool
from tests.conftest import need
from tests.launch import ROOT
from tests.letters import REASON, Aside, launcher
from tests.mounting import disk


@pytest.fixture
def aside(tmp_path: Path) -> Aside:
    return Aside(tmp_path)


def retried(aside: Aside) -> list[str]:
    """Put all back; why some stay."""
    stay = []
    for letter in aside.letters:
        try:
            put_back(letter)
        except Stays as words:
            stay.append(str(words))
    return stay


@pytest.mark.parametrize("name", ["a.jpg", "cam/left/a.jpg", "caf\udce9.jpg", "line\n.jpg", "é" * 125 + "x.jpg"])
def test_a_letter_goes_back_as_it_was_and_leaves_nothing(aside: Aside, name: str) -> None:
    aside.put(name, "content")
    os.utime(aside.dead / name, ns=(5, 7))
    assert retried(aside) == []
    assert aside.files() == {name: "content"}
    assert (aside.spool / name).stat().st_mtime_ns == 7
    assert list(aside.dead.iterdir()) == []


def test_a_letter_that_was_numbered_goes_back_under_its_own_name_and_no_other_does(aside: Aside) -> None:
    aside.put("image.2.jpg", "a real name")
    aside.put("image.jpg", "first")
    aside.put("image.jpg", "second")
    (aside.dead / "image.jpg").unlink()
    assert retried(aside) == []
    assert aside.files() == {
        "image.2.jpg": "a real name",
        "image.jpg": "second",
        "dead-letters/image.jpg.txt": f"{REASON}\n",
    }


def test_nothing_is_overwritten_and_what_waits_for_its_name_goes_when_it_is_free(aside: Aside) -> None:
    for content in ("first", "second", "third"):
        aside.put("a.jpg", content)
    waits = "a.jpg waits there already; retry it when it is through"
    assert retried(aside) == [waits, waits]
    assert (aside.spool / "a.jpg").read_text() == "first"
    (aside.spool / "a.jpg").rename(aside.spool / ".taken/a.jpg")  # as its watcher does
    assert retried(aside) == [waits, waits]
    assert not (aside.spool / "a.jpg").exists()
    (aside.spool / ".taken/a.jpg").unlink()
    assert retried(aside) == [waits]
    assert (aside.spool / "a.jpg").read_text() == "second"
    assert [letter.reason for letter in aside.letters] == [REASON]


def test_a_file_that_comes_in_the_last_moment_is_not_overwritten(aside: Aside, monkeypatch: pytest.MonkeyPatch) -> None:
    aside.put("a.jpg", "set aside")
    before = aside.files()
    meanwhile(monkeypatch, lambda: (aside.spool / "a.jpg").write_text("new"))
    assert retried(aside) == ["a.jpg waits there already; retry it when it is through"]
    assert aside.files() == {**before, "a.jpg": "new"}


def meanwhile(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object], after: bool = False) -> None:
    """Something else does `deed` just before the file is moved, or just after."""
    rename_new = retry._rename_new

    def moved(source: int, name: str, target: int, place: str) -> None:
        monkeypatch.undo()
        if not after:
            deed()
        rename_new(source, name, target, place)
        if after:
            deed()

    monkeypatch.setattr(retry, "_rename_new", moved)


def test_a_file_that_is_set_aside_again_while_it_goes_back_keeps_its_note(
    aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside.put("a.jpg")
    before = aside.files()

    def claimed_and_rejected() -> None:
        (aside.spool / "a.jpg").rename(aside.spool / ".taken/a.jpg")
        assert aside.again("a.jpg") == "a.jpg"

    meanwhile(monkeypatch, claimed_and_rejected, after=True)
    assert retried(aside) == []
    assert aside.files() == before


def test_where_it_cannot_be_done_in_one_step_two_are_enough(aside: Aside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_libc", object())  # an old C library
    aside.put("a.jpg", "1")
    aside.put("a.jpg", "2")
    assert retried(aside) == ["a.jpg waits there already; retry it when it is through"]
    assert aside.files()["a.jpg"] == "1"


def test_no_link_leads_out_of_the_watched_folder(aside: Aside, tmp_path: Path) -> None:
    aside.put("cam/a.jpg")
    before = aside.files()
    (tmp_path / "elsewhere").mkdir()
    (aside.spool / "cam").symlink_to(tmp_path / "elsewhere")
    assert retried(aside) == ["it cannot be moved (Not a directory: cam)"]
    assert (aside.files(), list((tmp_path / "elsewhere").iterdir())) == (before, [])


def test_what_cannot_be_moved_stays_with_its_note_under_its_name(aside: Aside, tmp_path: Path) -> None:
    with disk(aside.spool / "dead-letters", options="size=1m"):  # nothing can be renamed from it into the folder
        (aside.dead / "a.jpg").write_text("image")
        (aside.dead / "a.jpg.txt").write_text(REASON)
        before = aside.files()
        assert retried(aside) == ["it cannot be moved (Invalid cross-device link: a.jpg)"]
        assert aside.files() == before


def test_a_letter_that_is_called_like_a_note_is_not_removed_as_one(aside: Aside) -> None:
    aside.put("a.jpg", "image", reason="")
    aside.put("a.jpg.txt", "no note")
    put_back(next(letter for letter in aside.letters if letter.name == "a.jpg"))
    assert aside.files() == {
        "a.jpg": "image",
        "dead-letters/a.jpg.txt": "no note",
        "dead-letters/a.jpg.txt.txt": f"{REASON}\n",
    }


def test_folders_that_are_empty_then_are_removed_and_others_stay(aside: Aside) -> None:
    aside.put("x/y/a.jpg")
    aside.put("x/b.jpg", reason="")
    put_back(next(letter for letter in aside.letters if letter.name == "x/y/a.jpg"))
    assert {path.name for path in aside.dead.rglob("*")} == {"x", "b.jpg"}


def test_the_watcher_is_told_that_a_whole_file_has_come(aside: Aside) -> None:
    aside.put("a.jpg")
    events, root = Events(), Folder(aside.spool)
    try:
        events.watch(root.fd, "")
        assert retried(aside) == []
        assert [(event.what, event.name) for event in events.read()] == [(What.WRITTEN, "a.jpg")]  # IN_MOVED_TO
    finally:
        events.close()


STEPS = ["renameat:when=1", "renameat2:when=1", "unlinkat:when=1", "unlinkat:when=2"]


@pytest.mark.parametrize("step", STEPS, ids=["the note is put aside", "the move", "the note goes", "the folder goes"])
def test_a_kill_before_each_step_leaves_a_letter_with_its_reason_or_a_file_that_is_back(
    aside: Aside, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("strace")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # whose renames would count
    aside.put("cam/a.jpg", "content")
    call, when = step.split(":")
    injected = f"inject={call}:signal=KILL:{when}"
    killing = ["strace", "-qqo", "/dev/null", "-e", f"trace={call}", "-e", injected]
    command = [*killing, sys.executable, str(ROOT / "launcher.py"), str(aside.graph.path), "retry"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL

    letters, is_back = aside.letters, (aside.spool / "cam/a.jpg").exists()
    assert is_back == (step in STEPS[2:])
    assert [(letter.name, letter.reason) for letter in letters] == ([] if is_back else [("cam/a.jpg", REASON)])
    again = launcher(aside.folder, "retry")
    assert again.returncode == 0, again.stderr
    left = {name for name in aside.files() if name != "cam/a.jpg"}
    assert (left, (aside.spool / "cam/a.jpg").read_text()) == (set(), "content")


def test_retry_says_what_went_back_what_stays_and_what_follows(aside: Aside) -> None:
    for name in ("a.jpg", "my a.jpg", "my a.jpg"):
        aside.put(name)
    payload = set_aside(aside.folder / "dead-letters" / "show", *Message(b"1", name="p.jpg").dump(), REASON)
    done = launcher(aside.folder, "retry")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        "a.jpg is back",
        "'my a.jpg' is back",
        "'my a.2.jpg' stays: my a.jpg waits there already; retry it when it is through",
        f"p.jpg stays: it came from no folder: put {payload} into a watched one, or try it",
        f"2 dead letters back in {aside.spool}: no watcher is at work there, so they are done at its next start",
    ]
    (aside.spool / "my a.jpg").unlink()
    spool = Spool(str(aside.spool), "delete")
    assert spool.lock()
    done = launcher(aside.folder, "retry", "my a.2.jpg")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["'my a.2.jpg' is back as 'my a.jpg'", f"1 dead letter back in {aside.spool}: its watcher takes them now"],
    )
    spool.close()


def test_a_wrong_name_changes_nothing(aside: Aside) -> None:
    aside.put("a.jpg")
    before = aside.files()
    done = launcher(aside.folder, "retry", "a.jpg", "b.jpg")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'command line: there is no dead letter "b.jpg". Did you mean "a.jpg"?\n'
    assert aside.files() == before


def test_a_word_with_an_equals_sign_is_an_override_unless_a_letter_has_that_name(aside: Aside) -> None:
    for name in ("id=1.jpg", "watcher.still=1", "b.jpg"):
        aside.put(name)
    done = launcher(aside.folder, "retry", "id=1.jpg", "watcher.still=1", "show.replicas=2", "b.jpg")
    assert done.stdout.splitlines()[:3] == ["id=1.jpg is back", "watcher.still=1 is back", "b.jpg is back"]
    done = launcher(aside.folder, "retry", "wacher.still=1")
    assert done.stderr == 'command line: "wacher.still=1": there is no node "wacher". Did you mean "watcher"?\n'
    done = launcher(aside.folder, "retry", "watcher.folder=other")
    assert done.stderr == f"{aside.folder}/other, which watcher watches, is not there\n"
