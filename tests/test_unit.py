"""The unit that `unit` prints: what stands in it, and what systemd's own programs say to it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from host import janitor, leaving, orphans, unit
from host.graph import load
from host.runfolder import Refused
from host.view import report
from tests.conftest import need
from tests.launch import ROOT

ODD = "a 50% $HOME ${PATH} 'b' \"c\" \\d é"


def printed(folder: Path, *words: str, graph: str = "graph.yaml") -> str:
    command = [sys.executable, str(ROOT / "launcher.py"), graph, "unit", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def write(place: Path, **args: object) -> Path:
    """A graph in the folder `place` whose saver has `args`."""
    nodes = {
        "watcher": {"run": "nodes.watcher", "push": "frames", "args": {"folder": "spool"}},
        "saver": {"run": "nodes.saver", "pull": "frames", "args": {"folder": "saved", **args}},
    }
    place.mkdir(exist_ok=True)
    (place / "graph.yaml").write_text(json.dumps({"nodes": nodes}))
    return place / "graph.yaml"


def values(text: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def words(line: str) -> list[str]:
    """The words of a line as systemd splits it, each in double quotes; see systemd.syntax(7)."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
    return [re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in found]


def analyze(tool: str, path: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    need("systemd-analyze")
    command = ["systemd-analyze", tool, *options, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_unit_starts_this_python_with_absolute_paths_and_the_words_of_the_command_line(tmp_path: Path) -> None:
    write(tmp_path)
    text = printed(tmp_path, "saver.quality=80", "saver.folder=${WHERE}/x")
    [line] = values(text, "ExecStart")
    expected = [sys.executable, f"{ROOT}/launcher.py", f"{tmp_path}/graph.yaml", "saver.quality=80"]
    assert words(line) == [":" + expected[0], *expected[1:], "saver.folder=${WHERE}/x"]
    assert values(text, "WorkingDirectory") == [str(tmp_path)]


def test_odd_characters_in_names_are_escaped(tmp_path: Path) -> None:
    folder = tmp_path / ODD
    text = unit.text(load(write(folder)), ["--host", "station", 'saver.folder="%h"'])
    [line] = values(text, "ExecStart")
    assert words(line)[2:] == [f"{folder}/graph.yaml", "--host", "station", 'saver.folder="%h"']
    assert values(text, "WorkingDirectory") == [str(folder).replace("%", "%%")]
    assert words(values(text, "ReadWritePaths")[0]) == [f"-{folder}"]


@pytest.mark.parametrize("name", ["line\nbreak", "ends with \\", "ends with ", os.fsdecode(b"\xff")])
def test_names_that_no_unit_can_hold_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="cannot stand in a unit"):
        unit.text(load(write(tmp_path / name)))


@pytest.mark.parametrize("name", ["plain", ODD])
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path, python = tmp_path / "frames.service", tmp_path / "python 50% $HOME ${PATH} é"
    python.symlink_to(sys.executable)  # which systemd looks for
    monkeypatch.setattr(sys, "executable", str(python))
    path.write_text(unit.text(load(write(tmp_path / name, folder="/srv/${NAME}/x")), ["saver.quality=80"]))
    done = analyze("verify", path, "--man=no")
    assert (done.returncode, [line for line in done.stderr.splitlines() if "frames.service" in line]) == (0, [])


@pytest.mark.parametrize("odd", ["'", '"', "\\"])
def test_a_python_that_systemd_would_not_start_is_refused(
    tmp_path: Path, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", f"/opt/{odd}/python")
    with pytest.raises(Refused, match="starts no program"):
        unit.text(load(write(tmp_path)))


def test_systemd_would_notice_a_path_that_is_badly_escaped(tmp_path: Path) -> None:
    path = tmp_path / "frames.service"
    path.write_text(unit.text(load(write(tmp_path))).replace("ExecStart=", "ExecStart=/nowhere%%").replace('":', '"'))
    assert analyze("verify", path, "--man=no").returncode != 0


def test_systemd_rates_its_hardening_as_ok(tmp_path: Path) -> None:
    need("systemd-analyze")
    if "--offline" not in subprocess.run(["systemd-analyze", "--help"], capture_output=True, text=True).stdout:
        pytest.skip("this systemd-analyze rates units that run alone")
    path = tmp_path / "frames.service"
    text = unit.text(load(write(tmp_path)))
    path.write_text(text.replace("#User=", "User=nobody"))
    done = analyze("security", path, "--offline=true", "--threshold=40", "--no-pager")
    assert done.returncode == 0, done.stdout[-400:]
    assert re.search(r"Overall exposure level for frames\.service: [1-3]\.\d OK", done.stdout)


def test_systemd_gives_the_launcher_the_time_that_its_stop_takes() -> None:
    longest = leaving.STOP_TIME + janitor.PATIENCE + orphans.PATIENCE + report.LAST_WORDS
    assert longest + 5 < unit.STOP


def test_secrets_come_from_a_file_and_never_stand_in_the_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAM_PASSWORD", "hush-hush")
    write(tmp_path, by="stream")
    text = printed(tmp_path, "saver.folder=x/${CAM_PASSWORD}/${PLACE}")
    assert values(text, "EnvironmentFile") == ["-%E/%p.env"]
    assert "NAME=value for each of CAM_PASSWORD, PLACE;" in text
    assert "hush-hush" not in text
    assert values(unit.text(load(tmp_path / "graph.yaml")), "EnvironmentFile") == []


def test_the_folders_of_nodes_outside_of_the_graphs_are_writable_and_mounted_first(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    path = write(tmp_path / "graph", folder="results")
    (tmp_path / "graph" / "results").symlink_to(tmp_path / "disk")
    text = unit.text(load(path))
    assert [f"-{tmp_path}/disk"] in [words(line) for line in values(text, "ReadWritePaths")]
    assert [words(line) for line in values(text, "RequiresMountsFor")] == [[f"{tmp_path}/disk"]]


@pytest.mark.parametrize(
    ("word", "private"),
    [("/srv/a", "yes"), ("/tmp/a", "no"), ("/var/tmp", "no"), ("/data/tmp/a", "yes"), ("/tmpfs/a", "yes")],
)
def test_tmp_is_the_services_own_unless_the_graph_names_something_there(
    word: str, private: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = load(ROOT / "graph.yaml", [f"converter.folder={word}"])
    object.__setattr__(graph, "folder", Path("/"))  # which need not be in /tmp
    assert values(unit.text(graph), "PrivateTmp") == [private]


def test_a_user_is_named_unless_it_would_be_root(tmp_path: Path) -> None:
    path = write(tmp_path)
    text = unit.text(load(path))
    if tmp_path.stat().st_uid:
        assert values(text, "User") == [tmp_path.owner()]
        return
    assert values(text, "User") == []
    os.chown(tmp_path, 12345, -1)
    assert values(unit.text(load(path)), "User") == ["12345"]


def test_a_graph_with_mistakes_has_no_unit(tmp_path: Path) -> None:
    write(tmp_path, floder="x")
    command = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", "unit"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert '"floder"' in done.stderr
