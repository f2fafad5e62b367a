"""What `export` does: write beside the graph what containers mount, and print what Compose or Kubernetes are given."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from host import keyring
from host.export.compose import compose
from host.export.container import Container, Head, containers
from host.export.kubernetes import kubernetes
from host.export.layout import USER
from host.export.spread import dns_names, slugged, spread
from host.graph import Graph
from host.letters import printable
from host.runfolder import Refused

COMPOSE, KUBERNETES = "compose", "k8s"
FORMATS = (COMPOSE, KUBERNETES)
DEPLOY = "deploy"  # beside the graph


def export(graph: Graph, form: str, words: Sequence[str], image: str | None, say: Callable[[str], None]) -> None:
    """Print it. `words`: the overrides on the command line; `image`: where containers get this project from.

    Makes the private key of each node, unless it is there, and says so. Raises Refused if a file cannot be written,
    GraphError if the graph cannot be spread over containers.
    """
    deploy, those = graph.folder / DEPLOY, containers(graph)
    command = [
        "python",
        "launcher.py",
        str(graph.path),
        "export",
        form,
        *words,
        *([f"--image={image}"] if image else []),
    ]
    head = Head(printable(" ".join(map(shlex.quote, command))), slugged(graph.folder.name), DEPLOY)
    new = [name for name in graph.nodes if not keyring.file(deploy, name).exists()]
    keys = {name: keyring.make(deploy, name) for name in graph.nodes}
    if new:
        say(f"made in {deploy / keyring.FOLDER}, private, for one container each: the keys of {', '.join(new)}")
    text = spread(graph, dns_names(graph.nodes), keys, f"Made of {graph.path.name} by `export`: change that one.")
    if form == KUBERNETES:
        print(kubernetes(graph, those, image, text, head), end="")
        return
    try:
        owner = _prepare(graph, deploy, those, text)
    except OSError as error:
        raise Refused(f"{error.filename}: what containers mount cannot be written there: {error.strerror}") from None
    print(compose(graph, those, image, owner, head), end="")


def _prepare(graph: Graph, deploy: Path, those: Sequence[Container], text: str) -> tuple[int, int]:
    """Write what a Compose file mounts; whose it is: the owner of the graph's folder, unless that is root."""
    its = graph.folder.stat()
    owner = (its.st_uid, its.st_gid) if its.st_uid else (USER, USER)
    fresh = deploy / "graph.yaml.fresh"
    fresh.write_text(text)
    fresh.replace(deploy / "graph.yaml")
    mounted = [keyring.file(deploy, one.node.name) for one in those]
    for volume in (volume for one in those for volume in one.volumes):
        volume.outside.mkdir(parents=True, exist_ok=True)
        mounted.append(volume.outside)
    if os.geteuid() == 0:  # what root makes is to be that user's, who else could neither read nor write it
        for path in mounted:
            os.chown(path, *owner)
    return owner
