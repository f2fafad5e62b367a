"""Who may import whom: nodes -> media, bus; media -> bus; launcher -> host -> some files of bus -> nothing of ours."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bus

ROOT = Path(__file__).parent.parent
OURS = ("bus", "host", "media", "nodes", "launcher", "tests")
ALLOWED = {
    "nodes": ("bus", "media"),
    "media": ("bus", *(f"bus.{one}" for one in ("arena", "durable", "header", "reuse", "shared")), "media."),
    "bus": ("bus.",),
    "host": (
        "host.",
        *(f"bus.{one}" for one in ("keys", "link", "encoding", "books", "descriptors", "notify", "steps", "versions")),
        *(f"bus.{one}" for one in ("badaddress", "exchange", "guard", "header", "seldom")),  # the launchers' link
        "bus.described",  # docstrings
        "bus.picture",  # the page's alone
    ),
    "launcher.py": ("host.",),
}
MEDIA = {  # the folders of media/, each with those above it here that it imports; and all may import media/said.py
    "storage": set[str](),
    "imaging": set[str](),
    "sources": set[str](),
    "watched": {"storage"},
    "saving": {"storage"},
    "delivery": {"storage", "sources", "watched", "saving"},
    "decoding": {"storage", "sources", "delivery"},
    "mcap": {"storage", "imaging", "sources", "saving"},
}
SOURCES = [
    path for part in ALLOWED for path in sorted((ROOT / part).rglob("*.py") if "." not in part else [ROOT / part])
]


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    whole = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    parts = {
        f"{node.module}.{alias.name}" if (ROOT / f"{node.module}/{alias.name}.py").exists() else node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return {name for name in whole | parts if name.partition(".")[0] in OURS}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_lies_below_it(path: Path) -> None:
    allowed = ALLOWED[path.relative_to(ROOT).parts[0]]

    wrong = {
        name
        for name in imported(path)
        if not any(name == rule or (rule.endswith(".") and name.startswith(rule)) for rule in allowed)
        and not (allowed == ("bus", "media") and name.startswith("media."))
    }

    assert not wrong


def test_the_folders_of_media_import_each_other_one_way() -> None:
    used: dict[str, set[str]] = {folder.name: set() for folder in (ROOT / "media").glob("[!_]*/")}
    for folder, others in used.items():
        for path in (ROOT / "media" / folder).rglob("*.py"):
            others |= {name.split(".")[1] for name in imported(path) if name.startswith("media.")} - {folder, "said"}

    assert used == MEDIA
    assert all(others <= set(list(MEDIA)[:place]) for place, others in enumerate(MEDIA.values()))


def test_zmq_is_imported_by_the_wires_alone() -> None:
    users = {str(path.relative_to(ROOT)) for path in SOURCES if "import zmq" in path.read_text()}

    wires = ("callers", "guard", "hub", "keys", "link", "pull", "puller", "push", "pusher", "redial", "visits")
    assert users <= {f"bus/{name}.py" for name in (*wires, "exchange", "versions")}


def test_yaml_is_imported_by_the_loader_and_by_what_writes_exports_alone() -> None:
    users = {str(path.relative_to(ROOT)) for path in SOURCES if "import yaml" in path.read_text()}

    assert users <= {"host/reading/document.py", "host/reading/syntax.py", "host/export/written.py"}


def test_the_web_server_is_imported_by_the_page_alone_and_images_are_decoded_in_its_process_alone() -> None:
    users = {path.parent.name for path in SOURCES if "aiohttp" in path.read_text()}
    decoders = {path.parent.name for path in (ROOT / "host").rglob("*.py") if "bus.picture" in path.read_text()}

    assert users == decoders == {"page"}


def test_a_launcher_that_checks_a_graph_loads_no_more_than_it_needs() -> None:
    """Its start, and that of the link, is part of the time to the first frame."""
    script = "import sys, launcher; assert not launcher.main(['graph.yaml', 'check']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    needless = {"PIL", "aiohttp", "av", "bus.message", "bus.node", "bus.program", "numpy", "pyinotify", "rich"}
    assert not needless & set(done.stdout.split())


def test_each_name_that_nodes_import_of_the_bus_is_there() -> None:
    for name in bus.__all__:
        assert getattr(bus, name) is not None
    with pytest.raises(AttributeError, match="module 'bus' has no attribute 'strange'"):
        bus.strange  # type: ignore[attr-defined]  # noqa: B018


def test_no_file_has_two_subjects() -> None:
    assert {str(path): count for path in SOURCES if (count := path.read_text().count("\n")) > 250} == {}
