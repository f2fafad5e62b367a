"""What README.md and docs/ say is run: the first command on a fresh copy, each further command, each snippet."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from PIL import Image

from bus import Message
from host.reading.keys import WIRE_KEYS
from tests.browsing import free_port
from tests.conftest import make_clip, need
from tests.launch import ROOT, Launch, files
from tests.test_original_recipe import serve

README = (ROOT / "README.md").read_text()
PAGE = (ROOT / "docs" / "page.md").read_text()
NODES = (ROOT / "docs" / "nodes.md").read_text()
SMALL = "splitter.size=64x36"  # frames that are little work
TEN_SECONDS = 55  # frames at five a second, and a little more: after ten the launcher tells how it goes


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = [line for block in blocks(README, "sh") for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines]


def copy_of_the_project(folder: Path) -> Path:
    """What a fresh clone holds."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.mark.timeout(600)
def test_the_first_command_converts_what_a_test_camera_shows_on_a_fresh_machine(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    project = copy_of_the_project(tmp_path / "project")
    binaries = f"{Path(sys.executable).resolve().parent}{os.pathsep}{os.environ['PATH']}"
    command = commands()[0].replace("python3 -m venv", f"{shlex.quote(os.path.realpath(sys.executable))} -m venv")
    command += f" splitter.limit={TEN_SECONDS} splitter.rate=5 {SMALL}"

    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=project,
        env={**os.environ, "HOME": str(home), "PATH": binaries},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(files(project / "converted")) == TEN_SECONDS
    assert f"converted {TEN_SECONDS}, dead letters 0, dropped 0, lost 0" in done.stdout
    printed = done.stdout.replace(f"{project}/", "")
    for line in re.findall(r"^    [\d:]+ (\w.*)", README, re.MULTILINE):
        assert shape(line) in shape(printed), line


def shape(text: str) -> str:
    """Without what differs from run to run: numbers, their units, and blanks."""
    return re.sub(r"[\d.]+( m?s\b)?", "#", re.sub(r" +", " ", text))


def test_the_second_command_is_what_ci_runs() -> None:
    assert "README.md" in (ROOT / ".ci" / "run").read_text()
    assert commands()[1].endswith("-m pytest -q")
    assert "-r requirements-dev.txt" in commands()[1]


@pytest.mark.parametrize("command", [command for command in commands()[2:] if command.startswith("python")])
def test_each_further_command_works(tmp_path: Path, command: str) -> None:
    shutil.copy(ROOT / "graph.yaml", tmp_path)
    words = shlex.split(command)
    server = None
    if "splitter.source=clip.mp4" in words:
        make_clip(tmp_path / "clip.mp4", 20, "320x180")
    if "photo.jpg" in words:
        Image.radial_gradient("L").save(tmp_path / "photo.jpg")
    if words[-1].startswith("splitter.source=http"):
        server, url = serve(make_clip(tmp_path / "served.mp4", 20, "320x180"))
        words[-1:] = [f"splitter.source={url}", "splitter.reopen=false"]
    if words[-1].startswith("converter.replicas"):
        words += ["splitter.limit=20", SMALL]
    if words[-1] in ("out.json", "json"):
        words += ["splitter.limit=20", SMALL]
    assert words[0] == "python"
    words = [str(ROOT / word) if word == "launcher.py" else word for word in words[1:]]

    with ExitStack() as running:
        if server:
            running.callback(server.wait)
            running.callback(server.kill)
        if "status" in words:
            ten_seconds = f"splitter.limit={TEN_SECONDS}", "splitter.rate=5"  # of which --watch sees the end
            launched = running.enter_context(Launch(tmp_path, *ten_seconds, SMALL))
            launched.says("ready")
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    if "photo.jpg" in words:
        assert (tmp_path / "photo.converter.jpg").exists()
    if "converted 20" not in done.stdout and "splitter.limit=20" in words:
        pytest.fail(done.stdout)
    if "json" in words:
        assert {"at", "who", "text"} <= set(json.loads(done.stdout.splitlines()[0]))
    if "out.json" in words:
        assert json.loads((tmp_path / "out.json").read_text())


def test_the_numbers_for_prometheus_are_got_as_readme_says(tmp_path: Path) -> None:
    need("curl")
    [command] = [command for command in commands() if command.startswith("curl")]
    token = {"PAGE_TOKEN": "the-token-of-this-test"}
    port = free_port()
    with Launch(tmp_path, f"--page=127.0.0.1:{port}", env=token) as graph:
        graph.says("page .* its token is in")
        shell = ["sh", "-c", command.replace("8080", str(port))]
        done = subprocess.run(shell, env={**os.environ, **token}, capture_output=True, text=True, check=False)

    assert "zg_replica_done_messages_total{" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("command", [line.partition("  #")[0].strip() for line in blocks(PAGE, "sh")[0].splitlines()])
def test_each_command_of_the_page_on_the_page_works(tmp_path: Path, command: str) -> None:
    shutil.copy(ROOT / "graph.yaml", tmp_path)
    done = subprocess.run(
        [*here(command.removeprefix("python ")), "splitter.limit=20", SMALL], cwd=tmp_path, check=False
    )
    assert done.returncode == 0
    assert len(files(tmp_path / "converted")) == 20


def test_the_node_and_the_graph_of_readme_run_together(tmp_path: Path) -> None:
    [code] = blocks(README, "python")
    graph = blocks(README, "yaml")[0]
    (tmp_path / "shrink.py").write_text(code)
    (tmp_path / "graph.yaml").write_text(graph)

    done = subprocess.run(
        [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", "splitter.limit=10"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    results = files(tmp_path / "small")
    (tmp_path / "photo.jpg").write_bytes((tmp_path / "small" / results[0]).read_bytes())
    tried = subprocess.run(
        [sys.executable, "shrink.py", "--try", "photo.jpg"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert tried.returncode == 0
    assert (tmp_path / "photo.shrink.jpg").exists()
    assert len(results) == 10
    with Image.open(tmp_path / "small" / results[0]) as image:
        assert image.size == (320, 180)


def test_two_machines_convert_as_readme_says(tmp_path: Path) -> None:
    """Two folders of this machine stand for them."""
    graph = blocks(README, "yaml")[1].replace("10.0.0.7", "127.0.0.1").replace("5560", "25560").replace("5550", "25550")
    keys, start = ([line.partition("$ python ") for line in block.splitlines()] for block in blocks(README, "console"))
    for host, _, words in keys:
        (tmp_path / host).mkdir()
        printed = subprocess.run(here(words), cwd=tmp_path / host, capture_output=True, text=True, check=True).stdout
        [line] = re.findall(rf'^  {host}: {{key: ".*"}}$', printed, re.MULTILINE)
        graph = graph.replace(f'{host}: {{key: "…"', line.strip().removesuffix("}"))
    for host, _, _ in keys:
        (tmp_path / host / "graph.yaml").write_text(graph)
    with ExitStack() as stack:
        graphs = [
            stack.enter_context(subprocess.Popen([*here(words), "splitter.limit=20", SMALL], cwd=tmp_path / host))
            for host, _, words in start
        ]
        assert [graph.wait(60) for graph in graphs] == [0, 0]
    assert len(files(tmp_path / "station" / "converted")) == 20
    assert files(tmp_path / "robot" / "spool") == []


def here(words: str) -> list[str]:
    """A command of README's, with this python and this launcher."""
    return [sys.executable, *words.replace("launcher.py", str(ROOT / "launcher.py")).split()]


def test_the_snippets_of_the_page_on_nodes_hold() -> None:
    node, batch, test = blocks(NODES, "python")
    names: dict[str, object] = {"__name__": "shrink", "Message": Message, "Image": Image}
    exec(compile(node, "docs/nodes.md", "exec"), names)
    exec(compile(test, "docs/nodes.md", "exec"), names)
    names["test_shrink_keeps_one_pixel_in_two"]()  # type: ignore[operator]
    exec("from bus import batches\nframes = []\n" + batch, names)
    yaml_snippet, *_ = blocks(NODES, "yaml")

    assert node == blocks(README, "python")[0]
    assert yaml.safe_load(yaml_snippet)["shrink"]["args"] == {"factor": 4}


def test_the_keys_of_a_wire_on_the_page_on_nodes_are_those_that_graphs_may_have() -> None:
    *_, snippet = blocks(NODES, "yaml")
    table = NODES.partition("## What a wire can be told")[2].partition("\n## ")[0]
    shown = {key for wire in yaml.safe_load(snippet)["wires"].values() for key in wire}

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(WIRE_KEYS)
    assert shown < set(WIRE_KEYS)


def test_every_name_that_the_page_on_nodes_gives_exists() -> None:
    import bus

    line = NODES.partition("`from bus import …`:")[2].partition("\n\n")[0]
    names = {name.partition("(")[0] for name in re.findall(r"`([A-Za-z]+(?:\([^)]*\))?)`", line)}

    assert names <= set(bus.__all__)
    assert set(bus.__all__) <= names | {"Message", "run"}


PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r' (?:src|srcset)="([^"]+)"', text):
        assert target.startswith("https://") or (ROOT / page).parent.joinpath(target).exists(), target
