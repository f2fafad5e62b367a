"""The Compose file of a graph: a service for each node (https://docs.docker.com/reference/compose-file/).

Compose runs all of it on one machine, so the folders are those that the graph has here without containers, and belong
to the same user. The graph and the keys are files in `deploy/`: Compose refuses the content of a file in the Compose
file itself where a container is read-only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from host import keyring
from host.export import layout
from host.export.container import Container, Head, files, pooled
from host.export.written import Tree, written
from host.graph import Graph
from host.reading.program import PROJECT

HEAD = """\
# Made by `{command}`. Save it beside {graph} as compose.yaml, then:
#   docker compose up --detach; docker compose logs --follow
#   docker compose exec {last} {status}
#   docker compose down
# What it mounts is in {deploy}/: the graph as it runs here, and the private key of each node.
{notes}"""
SECRETS = "# A line NAME=value in the file .env beside it, or a variable of your shell, for each of {names}.\n"
UNBOUNDED = "# No limit of memory, as nobody knows what they take (give them a `memory`): {names}.\n"


def compose(graph: Graph, those: Sequence[Container], image: str | None, owner: tuple[int, int], head: Head) -> str:
    """The file for `those` containers of `graph`, which run as the user and group `owner`.

    `image`: None for one that Compose builds of this project.
    """
    secrets = sorted({secret for one in those for secret in one.secrets})
    unbounded = [one.node.name for one in those if one.memory is None]
    notes = "".join(f"# {line}\n" for line in pooled(graph))
    notes += (SECRETS.format(names=", ".join(secrets)) if secrets else "") + (
        UNBOUNDED.format(names=", ".join(unbounded)) if unbounded else ""
    )
    services = {one.name: _escaped(dict(_service(graph, one, image, owner))) for one in those}
    tree: Tree = {
        "services": services,
        "configs": {"graph": {"file": f"./{head.deploy}/graph.yaml"}},
        "secrets": {one.name: {"file": f"./{keyring.file(Path(head.deploy), one.node.name)}"} for one in those},
    }
    last = those[-1]
    status = (*layout.LAUNCHER, *last.words[:2], "status")
    says = HEAD.format(**head._asdict(), graph=graph.path.name, last=last.name, status=" ".join(status), notes=notes)
    return says + written(tree)


def _service(graph: Graph, one: Container, image: str | None, owner: tuple[int, int]) -> Iterator[tuple[str, object]]:
    yield "image", image or layout.IMAGE
    if image is None:
        yield "build", {"context": str(PROJECT)}
    yield "entrypoint", [*layout.LAUNCHER]
    yield "command", one.words
    yield "working_dir", layout.GRAPH
    yield "user", f"{owner[0]}:{owner[1]}"
    yield "environment", {**layout.ENVIRONMENT, **{name: Verbatim(f"${{{name}:?}}") for name in one.secrets}}
    yield "configs", [{"source": "graph", "target": layout.FILE}]
    yield "secrets", [{"source": one.name, "target": str(keyring.file(Path(layout.GRAPH), one.node.name))}]
    yield "volumes", [*_volumes(graph, one)]
    if one.devices:
        yield "devices", [f"{device}:{device}" for device in one.devices]
        yield "group_add", ["video"]
    private = f"mode=0700,uid={owner[0]},gid={owner[1]}"
    yield "tmpfs", [layout.SCRATCH, *(f"{place}:{private}" for place in (layout.RUN, *one.scratch))]
    yield "read_only", True
    yield "cap_drop", ["ALL"]
    yield "security_opt", ["no-new-privileges:true"]
    probe = ["CMD", *layout.PROBE, "health", "ready"]
    yield "healthcheck", {"test": probe, "interval": "10s", "timeout": "5s", "retries": 6, "start_period": "60s"}
    yield "restart", restart(one)
    yield "stop_grace_period", f"{layout.STOP}s"
    if resources := dict(_resources(one)):
        yield "deploy", {"resources": resources}


def restart(one: Container) -> str:
    """When the container is started again. Its launcher restarts the node; that is for the launcher itself.

    `unless-stopped` outlives the machine, too. A graph that ends well must not begin again.
    """
    if one.node.restart == "never":
        return "no"
    return "unless-stopped" if one.endless else f"on-failure:{layout.RESTARTS}"


def _volumes(graph: Graph, one: Container) -> Iterator[Tree]:
    for volume in one.volumes:
        yield _bind(graph, volume.outside, volume.inside)
    for path, called in files(graph).items():
        yield {**_bind(graph, path, called), "read_only": True}


def _bind(graph: Graph, outside: Path, inside: str) -> Tree:
    is_beside = outside.is_relative_to(graph.folder)
    source = f"./{outside.relative_to(graph.folder)}" if is_beside else str(outside)
    return {"type": "bind", "source": source, "target": inside, "bind": {"create_host_path": False}}


def _resources(one: Container) -> Iterator[tuple[str, Tree]]:
    if one.memory:
        yield "limits", {"memory": f"{one.memory}M"}
    if one.gpus:
        yield "reservations", {"devices": [{"driver": "nvidia", "count": one.gpus, "capabilities": ["gpu"]}]}


class Verbatim(str):
    """A text in which Compose is to replace variables."""

    __slots__ = ()


def _escaped(tree: object) -> object:
    """With all texts as they are meant: Compose replaces variables in them, unless each $ is written twice."""
    if isinstance(tree, dict):
        return {key: _escaped(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_escaped(value) for value in tree]
    if isinstance(tree, Verbatim):
        return str(tree)
    return tree.replace("$", "$$") if isinstance(tree, str) else tree
