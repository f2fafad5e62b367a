"""The launcher's command line, as a user types it."""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from host import runfolder
from tests.conftest import until
from tests.launch import ROOT

GRAPH = (ROOT / "graph.yaml").read_text()


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "graph.yaml").write_text(GRAPH)
    return tmp_path


def launcher(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "launcher.py"), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_a_good_graph_is_fine_in_one_line(folder: Path) -> None:
    done = launcher(folder, "graph.yaml", "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "graph.yaml: 3 nodes, 2 wires, 4 processes on 1 host: fine\n"


def test_every_mistake_is_told_at_once(folder: Path) -> None:
    (folder / "graph.yaml").write_text(GRAPH.replace("pull: frames", "pull: frame").replace("replicas", "replica"))
    for verb in ((), ("check",), ("print",)):
        done = launcher(folder, "graph.yaml", *verb)
        assert (done.returncode, done.stdout) == (2, "")
        assert '"converter" pulls "frame", but no node pushes it. Did you mean "frames"?' in done.stderr
        assert '"replica"' in done.stderr


def test_overrides_reach_the_graph(folder: Path) -> None:
    done = launcher(folder, "graph.yaml", "check", "converter.replicas=4")
    assert done.stdout == "graph.yaml: 3 nodes, 2 wires, 6 processes on 1 host: fine\n"
    done = launcher(folder, "graph.yaml", "check", "converter.replicas=2..4")
    assert done.stdout == "graph.yaml: 3 nodes, 2 wires, 6 processes (4 at least) on 1 host: fine\n"
    shown = launcher(folder, "graph.yaml", "print", "converter.replicas=2..4").stdout
    assert "# all of converter, as only a launcher knows how many of 2..4 are enough:\n" in shown
    assert shown.count("--name=converter.") == 4


def test_print_shows_commands_that_a_shell_takes_as_they_are(folder: Path) -> None:
    done = launcher(folder, "graph.yaml", "print", "converter.folder=my frames", "converter.env={A: b c}")
    preamble, commands = printed(done.stdout)
    run = runfolder.by_hand(folder / "graph.yaml")
    assert preamble == [
        f"rm -rf {run}; mkdir -p -m 700 {run}",
        f"cd {folder}; export PYTHONPATH={ROOT} PYTHONSAFEPATH=",
    ]
    assert [re.findall("--name=([a-z.0-9]+)", command) for command in commands] == [
        ["converter.1"],
        ["converter.2"],
        ["watcher.1"],
        ["splitter.1"],
    ]
    assert commands[0].startswith(f"env 'A=b c' {sys.executable} -m nodes.converter ")
    assert "--folder=my frames" in shlex.split(commands[0])
    assert not run.exists()


def test_what_is_printed_runs_each_time_it_is_pasted(folder: Path) -> None:
    script = launcher(folder, "graph.yaml", "print", "splitter.limit=3").stdout + "wait\n"
    for frames in (3, 3):
        subprocess.run(["sh"], input=script, cwd="/", check=True, timeout=60, capture_output=True, text=True)
        results = list((folder / "converted").iterdir())
        assert len(results) == frames
        for result in results:
            result.unlink()


def printed(text: str) -> tuple[list[str], list[str]]:
    """The preamble and the commands of what `print` says."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return lines[:2], [line.removesuffix(" &") for line in lines[2:]]


def test_try_leaves_the_result_beside_the_file(folder: Path) -> None:
    photos = folder / "photos"
    photos.mkdir()
    Image.new("RGB", (64, 48), "red").save(photos / "photo.png")
    done = launcher(photos, "../graph.yaml", "try", "converter", "photo.png", "converter.filter=invert")
    assert (done.returncode, done.stderr) == (0, "")
    result = next(path for path in photos.iterdir() if path.name != "photo.png")
    assert f"{photos}/photo.png -> {result} in" in done.stdout
    with Image.open(result) as image:
        red, green, blue = image.convert("RGB").tobytes()[:3]
    assert red < 10
    assert min(green, blue) > 245
    assert not (folder / "converted").exists()


def test_try_passes_on_the_exit_code(folder: Path) -> None:
    (folder / "photo.jpg").write_text("no image at all")
    done = launcher(folder, "graph.yaml", "try", "converter", "photo.jpg")
    assert done.returncode == 65
    assert "would be a dead letter" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["graph.yaml", "chek"],
            'there is no verb "chek": they are check, print, status, unit, export, keys, try, dead-letters, retry,'
            " schema; without one the graph runs",
        ),
        (["graph.yaml", "check", "--json"], "--json goes with status and dead-letters"),
        (
            ["graph.yaml", "dead-letters", "a.jpg"],
            '"a.jpg" is not understood: behind the verb stands node.key=value, in quotes if it has spaces',
        ),
        (["graph.yaml", "retry", "a.jpg"], 'command line: there is no dead letter "a.jpg". There are none.'),
        (
            ["graph.yaml", "try", "converter"],
            "try what on what? Give a node and an image, a folder or a clip: try converter photo.jpg",
        ),
        (
            ["graph.yaml", "check", "now"],
            '"now" is not understood: behind the verb stands node.key=value, in quotes if it has spaces',
        ),
        (
            ["graph.yaml", "converter.replicas=3", "check"],
            '"check" is not understood: the verb comes first: python launcher.py graph.yaml check converter.replicas=3',
        ),
        (
            ["graph.yaml", "try", "saver", "a.jpg"],
            'command line: there is no node "saver". Known are splitter, watcher and converter. A node of no graph'
            " tries itself: python saver.py --try a.jpg",
        ),
        (
            ["graph.yaml", "try", "watcher", "a.jpg"],
            'command line: "watcher" makes its messages itself. Try a node that is given some.',
        ),
        (
            ["graph.yaml", "check", "converter.filter=[grayscale,", "emboss]"],
            '"emboss]" is not understood: behind the verb stands node.key=value, in quotes if it has spaces',
        ),
        ([], "the following arguments are required: graph"),
    ],
)
def test_a_command_line_that_is_not_understood_is_refused(folder: Path, words: list[str], message: str) -> None:
    done = launcher(folder, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.rstrip().endswith(message)


def test_a_graph_that_spans_hosts_is_checked_and_printed(folder: Path) -> None:
    keys = {host: f"{host:x<40}" for host in ("robot", "station")}
    hosts = (
        f'hosts:\n  robot: {{key: "{keys["robot"]}"}}\n  station: {{key: "{keys["station"]}", address: 127.0.0.1}}\n'
    )
    wires = 'wires:\n  frames: {address: "tcp://station:5560"}\n'
    nodes = GRAPH.replace("    run: nodes.converter", "    host: station\n    run: nodes.converter")
    nodes = nodes.replace("    run: nodes.splitter", "    host: robot\n    run: nodes.splitter")
    nodes = nodes.replace("    run: nodes.watcher", "    host: robot\n    run: nodes.watcher")
    (folder / "graph.yaml").write_text(hosts + wires + nodes)

    checked = launcher(folder, "graph.yaml", "check")
    assert checked.stdout.endswith("3 nodes, 2 wires, 4 processes on 2 hosts: fine\n"), checked.stderr
    shown = launcher(folder, "graph.yaml", "print").stdout
    assert [line for line in shown.splitlines() if line.startswith("# first")] == [
        "# first, once on robot:",
        "# first, once on station:",
    ]


def test_a_runtime_folder_that_is_too_long_for_sockets_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = folder / ("d" * 80)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    done = launcher(folder, "graph.yaml", "check")
    assert done.returncode == 2
    assert "107" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_stop_while_python_still_imports_is_a_silent_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    (folder / "argparse.py").write_text("import pathlib, signal\npathlib.Path('importing').touch()\nsignal.pause()\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))  # the launcher's first import lasts until a signal comes
    command = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        until((folder / "importing").exists, what="the import")
        process.send_signal(number)
        assert process.communicate(timeout=10)[0] == b""
    assert process.returncode == 0


def test_python_variables_that_would_hide_the_users_modules_are_not_inherited(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mine.py").write_text(
        "from bus import run\n\n\ndef mine(frames):\n    yield from frames\n\n\n"
        'if __name__ == "__main__":\n    run(mine)\n'
    )
    (folder / "graph.yaml").write_text(
        "nodes: {w: {run: nodes.watcher, push: f, args: {folder: in}}, m: {run: mine, pull: f}}"
    )
    Image.new("RGB", (8, 8)).save(folder / "photo.png")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the launcher itself needs it then
    done = launcher(folder, "graph.yaml", "try", "m", "photo.png")
    assert done.returncode == 0, done.stdout + done.stderr


def test_schema_needs_no_graph(tmp_path: Path) -> None:
    for words in (["schema"], ["graph.yaml", "schema"]):
        done = launcher(tmp_path, *words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == (ROOT / "docs" / "graph.schema.json").read_text()


def test_help_has_examples_and_exit_codes(folder: Path) -> None:
    help_text = launcher(folder, "--help").stdout
    assert "$ python launcher.py graph.yaml try converter photo.jpg" in help_text
    assert "1  a node failed for good" in help_text
