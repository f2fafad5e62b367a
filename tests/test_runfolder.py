"""The run folder and its locks."""

import os
import stat
from pathlib import Path

import pytest

from host import runfolder
from host.runfolder import Refused, RunFolder


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


GRAPH = Path("/somewhere/graph.yaml")


def test_each_run_has_a_private_folder_of_its_own_that_goes_at_the_end() -> None:
    with RunFolder(GRAPH) as run, RunFolder(Path("/elsewhere/graph.yaml")) as other:
        assert run.path != other.path
        assert runfolder.RUN.fullmatch(run.id)
        assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
        assert stat.S_IMODE(run.path.parent.stat().st_mode) == 0o700
    assert list(runfolder.base().iterdir()) == []


def test_a_second_launcher_of_one_graph_and_host_is_refused_until_the_first_has_gone() -> None:
    words = f"^/somewhere/graph.yaml runs already under the launcher with pid {os.getpid()}: stop that one first$"
    with RunFolder(GRAPH, "robot"), RunFolder(GRAPH, "station"), pytest.raises(Refused, match=words):
        RunFolder(GRAPH, "robot")
    with RunFolder(GRAPH, "robot"):
        pass


def test_a_graph_is_known_through_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(GRAPH)
    with RunFolder(GRAPH), pytest.raises(Refused, match="runs already"):
        RunFolder(link)


def test_what_a_killed_launcher_has_left_is_swept_and_what_lives_is_not() -> None:
    stale = runfolder.base() / "0123456789ab"
    stale.mkdir()
    (stale / "notify").touch()
    by_hand = runfolder.by_hand(GRAPH)
    by_hand.mkdir()
    with RunFolder(GRAPH) as run, RunFolder(Path("/elsewhere/graph.yaml")):
        assert not stale.exists()
        assert run.path.exists()
        assert by_hand.exists()


def test_a_folder_for_processes_by_hand_is_as_long_as_that_of_a_run() -> None:
    with RunFolder(GRAPH) as run:
        assert len(str(runfolder.by_hand(GRAPH))) == len(str(run.path))


def test_a_place_that_others_can_write_is_refused(runtime: Path) -> None:
    place = runtime / f"zg-{os.getuid()}"
    place.mkdir(mode=0o700)
    place.chmod(0o770)
    with pytest.raises(Refused, match=f"^{place} is not a folder of yours alone, .*: remove it$"):
        RunFolder(GRAPH)


def test_a_place_that_is_a_link_is_refused(runtime: Path) -> None:
    (runtime / "theirs").mkdir(mode=0o700)
    (runtime / f"zg-{os.getuid()}").symlink_to(runtime / "theirs")
    with pytest.raises(Refused, match="not a folder of yours"):
        RunFolder(GRAPH)


def test_a_runtime_folder_that_does_not_exist_is_refused_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere/at/all")
    with pytest.raises(Refused, match=r"^/nowhere/at/all/zg-\d+: .*No such file.*; unset XDG_RUNTIME_DIR to use /tmp$"):
        RunFolder(GRAPH)


@pytest.mark.parametrize(("name", "what"), [("a,b", "a comma"), ("caf\udce9", "what is no UTF-8")])
def test_a_runtime_folder_whose_name_no_address_can_have_is_refused_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, what: str
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / name))
    with pytest.raises(Refused) as refused:
        RunFolder(GRAPH)
    words = f"a wire's address cannot have {what} in it: set XDG_RUNTIME_DIR to another folder"
    assert str(refused.value) == f"{tmp_path / name}/zg-{os.getuid()}: {words}"
    assert not [*(tmp_path / name).iterdir()]


def test_a_failed_replica_has_an_end_mark_that_says_so() -> None:
    with RunFolder(GRAPH) as run:
        run.write_failed("converter.1", 65)
        assert run.mark("converter.1").read_text() == '{"failed": true, "code": 65}'
