"""What is saved in graph.yaml, and in the modules of its nodes, is noticed once it stands still, and checked."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host import follow, modules, safety
from host.follow import Edit, Follow
from host.plan import Wish
from tests.conftest import until
from tests.edits.saving import SAVES
from tests.graphs import CAMERA, SHOW, write_graph

HELPED = """from bus import run
import helper


def show(frames):
    list(frames)


if __name__ == "__main__":
    run(show)
"""


class Followed:
    """A graph in a folder, and who follows it."""

    def __init__(self, folder: Path, **how: Any) -> None:
        self.file, self.said = write_graph(folder, CAMERA, SHOW), list[str]()
        self.text = self.file.read_text()
        self.begin(**how)

    def begin(self, *, reload: bool = False) -> None:
        wish = Wish(self.file)
        self.follow = Follow(wish, Path("/run"), wish.plan(Path("/run")), self.said.append, reload=reload)

    def edit(self, seconds: float = 5.0) -> Edit:
        """The next one, which must come."""
        edit = until(self.look, seconds, f"an edit: {self.said}")
        assert edit
        return edit

    def look(self) -> Edit | None:
        time.sleep(max(0.0, min(0.02, self.follow.looks_at - time.monotonic())))
        return self.follow.look()

    def no_edit(self, seconds: float = 1.2) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.look() is None


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def source(edit: Edit) -> object:
    return edit.plan.graph.nodes["camera"].args["source"]


@pytest.mark.parametrize("save", SAVES)
def test_each_way_to_save_makes_one_change(followed: Followed, save: Callable[[Path, str], None]) -> None:
    save(followed.file, followed.text.replace("test", "clip.mp4"))
    assert source(followed.edit()) == "clip.mp4"
    followed.no_edit()
    assert followed.said == []


def test_a_file_that_is_saved_again_and_again_is_read_when_it_stands_still(followed: Followed) -> None:
    began = time.monotonic()
    while time.monotonic() < began + 1.0:
        followed.file.write_text(followed.text.replace("test", f"{time.monotonic()}.mp4"))
        assert followed.look() is None
        time.sleep(follow.STILL / 4)
    followed.file.write_text(followed.text.replace("test", "last.mp4"))
    assert source(followed.edit()) == "last.mp4"


def test_what_says_the_same_as_before_is_no_change(followed: Followed) -> None:
    followed.file.write_text(followed.text.replace("test", "clip.mp4"))
    followed.file.write_text(followed.text)
    os.utime(followed.file)
    followed.no_edit()
    assert followed.said == []


def test_a_graph_that_is_wrong_is_refused_with_all_mistakes_and_its_undoing_is_said(followed: Followed) -> None:
    followed.file.write_text(followed.text.replace("pull: frames", "pull: fames").replace("source: test", "rat: 3"))
    until(lambda: followed.look() or len(followed.said) == 4, what="a refusal")
    first, *mistakes = followed.said
    assert first == "the change is refused, and what runs goes on:"
    assert len(mistakes) == 3
    assert mistakes[-1].startswith(f'{followed.file}:3: "show" pulls "fames", but no node pushes it. Did you mean')
    followed.file.write_text(followed.text)
    until(lambda: followed.look() or len(followed.said) == 5, what="the undoing")
    assert followed.said[-1] == f"{followed.file} is what runs again"


def test_what_was_saved_since_the_graph_was_read_is_a_change(followed: Followed) -> None:
    wish = Wish(followed.file)
    plan = wish.plan(Path("/run"))
    followed.file.write_text(followed.text.replace("test", "clip.mp4"))
    followed.follow = Follow(wish, Path("/run"), plan, followed.said.append, reload=False)
    assert source(followed.edit()) == "clip.mp4"


def test_half_a_file_is_waited_for_and_refused_if_it_stays_half(followed: Followed) -> None:
    half = followed.text[: len(followed.text) // 2] + ", ["
    followed.file.write_text(half)
    followed.no_edit(follow.PATIENCE / 2 + follow.STILL)
    assert followed.said == []
    until(lambda: followed.look() or followed.said, what="a refusal")


def test_a_file_that_is_gone_is_said_to_be(followed: Followed) -> None:
    followed.file.unlink()
    until(lambda: followed.look() or followed.said, what="a refusal")
    assert (
        followed.said[1]
        == f"{followed.file}: there is no file {followed.file}. Write its path, or start in its folder."
    )


def test_a_module_that_was_missing_is_found_once_it_is_written(followed: Followed) -> None:
    followed.file.write_text(followed.text.replace("run: show", "run: fresh"))
    until(lambda: followed.look() or followed.said, what="a refusal")
    (followed.file.parent / "fresh.py").write_text((followed.file.parent / "show.py").read_text())
    assert followed.edit().plan.graph.nodes["show"].run == "fresh"


@pytest.mark.parametrize("name", ["graph.yaml", "show.py", "."])
def test_what_others_can_write_is_refused_with_the_cure(followed: Followed, name: str) -> None:
    place = (followed.file.parent / name).resolve()
    place.chmod(place.stat().st_mode | 0o002)
    followed.file.write_text(followed.text.replace("test", "clip.mp4"))
    until(lambda: followed.look() or len(followed.said) == 2, what="a refusal")
    assert followed.said[1] == f"others can write {place} (mode {place.stat().st_mode & 0o777:o}): chmod go-w {place}"
    place.chmod(place.stat().st_mode & ~0o022)
    followed.file.touch()
    assert source(followed.edit()) == "clip.mp4"


def test_at_the_start_it_is_said_that_others_can_write_it(followed: Followed) -> None:
    followed.file.chmod(0o666)
    followed.begin()
    [words] = followed.said
    assert words.endswith(f"chmod go-w {followed.file}; until then no change is followed")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_belongs_to_others_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    assert safety.open_to_others(tmp_path).startswith(f"{tmp_path} belongs to user 12345, who can change it")


def test_a_group_of_ones_own_is_nobody_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    os.chown(tmp_path, -1, os.getgid())
    assert safety.open_to_others(tmp_path) == ""  # where each user has a group of the same name
    assert safety.open_to_others(tmp_path / "gone") == ""


def test_modules_are_followed_if_that_is_asked_for(followed: Followed) -> None:
    show, helper = (followed.file.parent / name for name in ("show.py", "helper.py"))
    show.write_text(HELPED)
    helper.write_text("import more\n")
    followed.begin()
    helper.write_text("import more  # changed\n")
    followed.no_edit()
    followed.begin(reload=True)
    helper.write_text("import more  # changed once more\n")
    assert followed.edit().reloaded == {"show"}
    helper.touch()
    followed.no_edit()
    helper.write_text("import )\n")
    until(lambda: followed.look() or len(followed.said) == 2, what="a refusal")
    assert followed.said[1] == f"{helper}:1: unmatched ')'. Correct it."
    helper.write_text("import more  # right\n")
    show.write_text(HELPED.replace("list(frames)", "[*frames]"))
    edit = followed.edit()
    assert edit.reloaded == {"show"}
    assert edit.plan.graph.text == followed.text


def test_a_module_that_no_longer_takes_its_arguments_is_refused(followed: Followed) -> None:
    followed.begin(reload=True)
    camera = followed.file.parent / "camera.py"
    camera.write_text(camera.read_text().replace("source", "address"))
    until(lambda: followed.look() or len(followed.said) == 3, what="a refusal")
    assert '"camera" has no argument "source"' in "".join(followed.said)


def test_what_a_module_imports_is_found_in_packages_too(tmp_path: Path) -> None:
    for name, text in {
        "node.py": "import pack.one\nfrom pack import two\nimport numpy\n",
        "pack/__init__.py": "",
        "pack/one.py": "from . import three\nfrom .deep.four import anything\n",
        "pack/two.py": "import pack.one\n",
        "pack/three.py": "",
        "pack/deep/four.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = {str(file.relative_to(tmp_path)) for file in modules.below(tmp_path / "node.py", tmp_path)}
    assert found == {"node.py", *(f"pack/{name}.py" for name in ("__init__", "one", "two", "three", "deep/four"))}
