"""host/letters.py and host/listing.py: what was set aside is found, and shown safely."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bus import Message
from bus.deadletters import set_aside
from host import letters as module
from host import retry
from host.graph import GraphError
from host.letters import Letters, note_of
from host.reading.problems import Problems
from media.storage import archive, rename
from media.watched import places
from tests.graphs import CAMERA, KEYS, SHOW, loaded
from tests.launch import ROOT
from tests.letters import REASON, WATCHER, Aside, launcher


@pytest.fixture
def aside(tmp_path: Path) -> Aside:
    return Aside(tmp_path)


def test_a_letter_has_its_name_its_size_its_reason_and_when_it_was_set_aside(aside: Aside) -> None:
    aside.put("cam/a.jpg", "content")
    os.utime(aside.dead / "cam/a.jpg.txt", (1e9, 1e9))
    [letter] = aside.letters
    assert letter.path == aside.dead / "cam/a.jpg"
    assert (letter.name, letter.own, letter.size, letter.when, letter.reason) == (
        "cam/a.jpg", "cam/a.jpg", 7, 1e9, REASON,
    )  # fmt: skip


def test_letters_are_sorted_by_time_and_notes_are_none(aside: Aside) -> None:
    for name in ("c.jpg", "a.jpg", "sub/b.jpg"):
        aside.put(name)
    aside.put("a.txt")  # a watcher may be given any pattern
    (aside.dead / "gone.jpg.txt").write_text("of one that went back\n")
    assert [letter.name for letter in aside.letters] == ["c.jpg", "a.jpg", "sub/b.jpg", "a.txt"]


def test_a_letter_that_is_called_like_the_note_of_another_is_not_taken_for_it(aside: Aside) -> None:
    aside.put("a.jpg", reason="")
    aside.put("a.jpg.txt", "no note")
    assert {letter.name: letter.reason for letter in aside.letters} == {
        "a.jpg": "no reason is noted",
        "a.jpg.txt": REASON,
    }


@pytest.mark.parametrize(
    "name",
    [
        "image.jpg",
        "cam/image.jpg",
        "image",
        "caf\udce9.jpg",
        'line\n"\\.jpg',
        "image.2.jpg",
        "Ω.tar.gz",
        "é" * 125 + "x.jpg",
    ],
)
def test_a_numbered_letter_knows_its_own_name(aside: Aside, name: str) -> None:
    numbered = [aside.put(name) for _ in range(3)]
    assert len(set(numbered)) == 3
    assert {letter.name: (letter.own, letter.reason) for letter in aside.letters} == dict.fromkeys(
        numbered, (name, REASON)
    )


def test_a_letter_in_a_numbered_folder_knows_its_own_name(aside: Aside) -> None:
    aside.put("x.png")
    assert aside.put("x.png/a.jpg") == "x.2.png/a.jpg"
    assert [letter.own for letter in aside.letters] == ["x.png", "x.png/a.jpg"]


@pytest.mark.parametrize(
    "own",
    ["b.jpg", "../a.jpg", "/a.jpg", "", ".jpg", "sub/a.jpg", "ab.jpg", "a\0.jpg", "a\ud800.jpg", ".a.jpg", 7, None],
)
def test_no_reason_sends_a_letter_to_another_place(aside: Aside, own: object) -> None:
    words = f"{REASON}\nits own name: {json.dumps(own)}"
    for name in ("a.jpg", "a.2.jpg"):
        aside.put(name, reason=words)
    assert {letter.own: letter.reason for letter in aside.letters} == {"a.jpg": words, "a.2.jpg": words}


def test_what_is_hidden_is_no_letter(aside: Aside) -> None:
    aside.put("a.jpg")
    (aside.dead / ".DS_Store").touch()
    (aside.dead / ".trash").mkdir()
    (aside.dead / ".trash/b.jpg").touch()
    (aside.dead / "link.jpg").symlink_to("a.jpg")
    assert [letter.name for letter in aside.letters] == ["a.jpg"]


def test_what_the_bus_set_aside_is_listed_with_its_node_and_cannot_go_back(tmp_path: Path) -> None:
    graph = loaded(tmp_path, CAMERA, SHOW)
    set_aside(tmp_path / "dead-letters" / "camera", *Message(b"1", name="x y.jpg").dump(), REASON)
    [letter] = Letters(graph).found
    assert (letter.name, letter.place.owner, letter.place.home, letter.reason) == ("x_y.jpg", "camera", None, REASON)
    done = launcher(tmp_path, "dead-letters")
    assert "camera; they cannot go back by themselves: put them into a watched folder, or try them:" in done.stdout
    assert json.loads(launcher(tmp_path, "dead-letters", "--json").stdout)["goes_back"] is False


def test_what_lies_beside_a_graph_in_its_own_watched_folder_is_listed_once(tmp_path: Path) -> None:
    graph = loaded(tmp_path, WATCHER.replace("spool", "."), SHOW)
    set_aside(tmp_path / "dead-letters" / "watcher", *Message(b"1", name="x.jpg").dump(), REASON)
    assert [(letter.name, letter.place.home) for letter in Letters(graph).found] == [("watcher/x.jpg", tmp_path)]


def test_the_folder_is_the_one_that_the_watcher_has_as_overrides_and_variables_say(
    aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside.put("a.jpg")
    monkeypatch.setenv("SPOOL", str(aside.spool))
    wishes = ("watcher.folder=${SPOOL}",), ("watcher.folder=${PLACE}", "watcher.env={PLACE: spool}")
    for overrides in wishes:
        [letter] = Letters(loaded(aside.folder, WATCHER, SHOW, overrides=overrides)).found
        assert letter.name == "a.jpg"
    monkeypatch.delenv("SPOOL")
    found = Letters(loaded(aside.folder, WATCHER, SHOW, overrides=wishes[0]))
    assert found.troubles == ["${SPOOL}, which watcher watches: the variable SPOOL is not set"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    loaded(tmp_path, WATCHER, SHOW)
    done = launcher(tmp_path, "dead-letters")
    assert (done.returncode, done.stdout) == (0, "there are no dead letters\n")
    assert done.stderr == f"{tmp_path}/spool, which watcher watches, is not there\n"


def test_of_a_graph_between_hosts_what_lies_on_this_one_is_listed(aside: Aside) -> None:
    aside.put("a.jpg")
    hosts = f'hosts: {{robot: {{key: "{KEYS[0]}"}}, station: {{key: "{KEYS[1]}", address: 10.0.0.7}}}}'
    wires = 'wires: {frames: {address: "tcp://station:5560"}}'
    here, there = WATCHER.replace("run:", "host: robot, run:"), SHOW.replace("run:", "host: station, run:")
    found = Letters(loaded(aside.folder, here, there, more=f"{hosts}\n{wires}"))
    assert [letter.name for letter in found.found] == ["a.jpg"]
    aside.spool.rename(aside.folder / "gone")
    found = Letters(loaded(aside.folder, here, there, more=f"{hosts}\n{wires}"))
    assert found.missing == [f"{aside.spool}, which watcher watches on robot, is not there"]


def test_a_folder_that_cannot_be_looked_into_is_said_and_the_others_are_listed(aside: Aside) -> None:
    aside.put("a.jpg")
    (aside.folder / "loop").symlink_to("loop")
    more = "more: {run: nodes.watcher, push: frames, args: {folder: loop}}"
    graph = loaded(aside.folder, more, WATCHER, SHOW)
    trouble = f"{aside.folder}/loop/dead-letters cannot be looked into: Too many levels of symbolic links"
    assert (Letters(graph).troubles, [letter.name for letter in Letters(graph).found]) == ([trouble], ["a.jpg"])
    for verb, words in ("dead-letters", "1 dead letter;"), ("retry", "1 dead letter back"), ("retry", "elsewhere"):
        done = launcher(aside.folder, verb)
        assert (done.returncode, done.stderr) == (1, f"{trouble}\n")
        assert words in done.stdout


def test_the_table_shows_what_could_command_a_terminal_harmlessly(aside: Aside) -> None:
    aside.put("red\x1b[31m\u202e.jpg", "x" * 1234, reason="filter on robot: \x1b[2J two\nlines\x07")
    aside.put("back\\slash.jpg")
    done = launcher(aside.folder, "dead-letters")
    assert done.returncode == 0, done.stderr
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(1))
    head, first, second, last = done.stdout.splitlines()
    assert head == f"{aside.dead}, set aside by watcher:"
    assert first == rf"  {when}    1.2 kB  'red\x1b[31m\u202e.jpg'  filter on robot: two lines" + "\ufffd"
    assert r"'back\\slash.jpg'" in second
    assert (
        last == "2 dead letters; retry in place of dead-letters puts back all of them, or those whose names follow it"
    )


def test_programs_get_one_object_a_line(aside: Aside) -> None:
    names = ["a.jpg", "caf\udce9.jpg", "line\n.jpg"]
    for name in names:
        aside.put(name)
    records = [json.loads(line) for line in launcher(aside.folder, "dead-letters", "--json").stdout.splitlines()]
    assert [record["path"] for record in records] == [str(aside.dead / name) for name in names]
    assert records[1] == {
        "name": r"caf\udce9.jpg",
        "path": f"{aside.dead}/caf\udce9.jpg",
        "bytes": 5,
        "when": "1970-01-01T00:00:02Z",
        "reason": REASON,
        "owner": "watcher",
        "goes_back": True,
    }
    graph = Letters(aside.graph)
    assert [graph.named([record["name"]], Problems("g"))[0].name for record in records] == names


def test_a_reader_who_has_seen_enough_gets_no_traceback(aside: Aside) -> None:
    aside.put("a.jpg")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, str(ROOT / "launcher.py"), str(aside.graph.path), "dead-letters"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_letters_are_named_as_shown_as_they_are_by_path_or_by_a_glob(
    aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cam/a.jpg", "cam/b.jpg", "x[1].jpg", "x1.jpg", "l\n.jpg"):
        aside.put(name)
    letters = Letters(aside.graph)

    def named(*words: str) -> list[str]:
        return sorted(letter.name for letter in letters.named(words, Problems("g")))

    assert named("cam/a.jpg") == ["cam/a.jpg"]
    assert named("cam/*", "cam/a.jpg") == ["cam/a.jpg", "cam/b.jpg"]
    assert named("x[1].jpg") == ["x[1].jpg"]
    assert named("x?.jpg") == ["x1.jpg"]
    assert named(r"l\n.jpg") == named("l\n.jpg") == ["l\n.jpg"]
    monkeypatch.chdir(aside.dead / "cam")
    assert named("a.jpg") == ["cam/a.jpg"]
    with pytest.raises(GraphError) as error:
        named("cam/c.jpg", "cam/a.jpg", "x10.jpg")
    assert error.value.problems == [
        'command line: there is no dead letter "cam/c.jpg". Did you mean "cam/b.jpg"?',
        'command line: there is no dead letter "x10.jpg". Did you mean "x1.jpg"?',
    ]


def test_both_halves_of_the_house_mean_the_same_files() -> None:
    assert (module.DEAD_LETTERS, module.NOTE, module.OWN_NAME) == (places.DEAD_LETTERS, archive.NOTE, archive.OWN_NAME)
    assert (retry.TAKEN, retry.RENAME_NOREPLACE) == (places.TAKEN, rename.RENAME_NOREPLACE)
    for name in ("a.jpg", "é" * 127, "x" * 255):
        assert note_of(name) == archive._note(name)
