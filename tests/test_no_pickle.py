"""Nothing in the product turns bytes into code: no pickle, no eval, no shell, no unsafe YAML or torch file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = ("bus", "host", "media", "nodes", "bench")
SOURCES = [ROOT / "launcher.py", *(file for part in PRODUCT for file in sorted((ROOT / part).rglob("*.py")))]
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load"}
METHODS = {"recv_pyobj", "send_pyobj", "allow_pickle"}


def dangers(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            names = [module, *(name.name for name in node.names)]
            yield from (name for name in names if name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.Call):
            yield from _in_call(ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords})


def _in_call(called: str, words: dict[str | None, str]) -> Iterator[str]:
    loads_safely = called == "yaml.load" and words.get("Loader", "").endswith("SafeLoader")
    if (called in CALLS and not loads_safely) or called.rpartition(".")[2] in METHODS or METHODS & words.keys():
        yield called
    if words.get("shell", "False") != "False":
        yield f"{called} with a shell"
    if called == "torch.load" and words.get("weights_only") != "True":
        yield called


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_turns_bytes_into_code(file: Path) -> None:
    assert [*dangers(file.read_text())] == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "from marshal import loads", "eval('1')", "exec(text)", "yaml.load(text, Loader=yaml.Loader)",
        "subprocess.run(words, shell=True)", "torch.load(file)", "socket.recv_pyobj()", "load(file, allow_pickle=True)",
        "os.system('ls')",
    ],
)  # fmt: skip
def test_what_would_is_seen(code: str) -> None:
    assert len([*dangers(code)]) == 1
