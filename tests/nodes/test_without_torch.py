"""The converter on a GPU where torch is not installed: what it takes, and what it says is missing."""

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nodes.torch_converter
from nodes.converter import converter
from nodes.torch_converter import torch_converter
from tests.launch import ROOT, Launch, files
from tests.torched import picture


def test_it_takes_all_that_the_converter_takes_but_the_engine() -> None:
    plain, own = dict(inspect.signature(converter).parameters), inspect.signature(torch_converter).parameters
    del plain["engine"]

    assert {name: own[name] for name in plain} == plain
    assert [*own][len(plain) :] == ["batch", "seconds", "device", "jpeg"]


def test_help_explains_every_argument_without_torch(tmp_path: Path) -> None:
    done = without_torch(tmp_path, "--help")

    assert done.returncode == 0
    words = " ".join(done.stdout.split())
    for argument in ("frames that are converted at once", "waits for the others", "each replica its own"):
        assert argument in words


def test_without_torch_it_says_what_to_install_and_never_tries_again(tmp_path: Path) -> None:
    done = without_torch(tmp_path, f"--pull=@ipc://{tmp_path}/frames", "--filter=emboss", "--folder=out")

    assert (done.returncode, done.stderr) == (2, "")
    [line] = done.stdout.splitlines()
    assert line.startswith(
        "nodes.torch_converter needs torch, which cannot be used (No module named 'torch'): pip install"
    )
    assert nodes.torch_converter.INSTALL in line
    assert not (tmp_path / "out").exists()


def test_without_torch_the_launcher_gives_up_and_the_frames_wait(tmp_path: Path) -> None:
    hide_torch(tmp_path)
    (tmp_path / "photos").mkdir()
    picture().save(tmp_path / "photos" / "a.jpg")
    watcher = {"run": "nodes.watcher", "push": "frames", "args": {"folder": "photos"}}
    args = {"filter": "emboss", "folder": "out"}
    gpu = {
        "run": "nodes.torch_converter",
        "pull": "frames",
        "args": args,
        "env": {"PYTHONPATH": str(tmp_path / "hide")},
    }
    (tmp_path / "graph.yaml").write_text(json.dumps({"nodes": {"watcher": watcher, "gpu": gpu}}))

    with Launch(tmp_path) as launch:
        assert launch.ends() == 1

    assert "needs torch" in launch.output
    assert "wrong arguments or a missing program" in launch.output
    assert len(files(tmp_path / "photos")) + len(files(tmp_path / "photos" / ".taken")) == 1


def test_the_graph_on_the_page_is_right(tmp_path: Path) -> None:
    [graph] = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "gpu.md").read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "graph.yaml").write_text(graph)
    command = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", "check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def hide_torch(folder: Path) -> Path:
    """A folder for PYTHONPATH in which torch is a module that cannot be found."""
    (folder / "hide").mkdir()
    (folder / "hide" / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    return folder / "hide"


def without_torch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nodes.torch_converter", *arguments],
        env={**os.environ, "PYTHONPATH": f"{hide_torch(folder)}{os.pathsep}{ROOT}"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
