"""What `export` does: write beside the graph what containers mount, and print what Compose or Kubernetes are given."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from host import keyring
from host.export.compose import compose
from host.export.container import Head, containers, pooled
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
        say(f"made in {deploy / keyring.FOLDER}, private, each for one container: the keys of {', '.join(new)}")
    for line in pooled(graph):
        say(line)
    text = spread(graph, dns_names(graph.nodes), keys, f"Made of {graph.path.name} by `export`: change that one.")
    if form == KUBERNETES:
        print(kubernetes(graph, those, image, text, head), end="")
        return
    owner = _owner(graph)
    mounted = [
        *(volume.outside for one in those for volume in one.volumes),
        *(keyring.file(deploy, name) for name in keys),
    ]
    try:
        (deploy / "graph.yaml.fresh").write_text(text)
        (deploy / "graph.yaml.fresh").replace(deploy / "graph.yaml")
        given = [path for path in mounted if _give(path, owner)]
    except OSError as error:
        raise Refused(f"{error.filename}: what containers mount cannot be there: {error.strerror}") from None
    if given:
        say(f"belong to the user {owner[0]} from now on, as whom the containers run: {', '.join(map(str, given))}")
    print(compose(graph, those, image, owner, head), end="")


def _owner(graph: Graph) -> tuple[int, int]:
    """As which user and group containers run here: as this one, but for root as the owner of the graph's folder."""
    its = graph.folder.stat()
    mine, theirs = (os.geteuid(), os.getegid()), (its.st_uid, its.st_gid)
    return next(one for one in (mine, theirs, (USER, USER)) if one[0])


def _give(path: Path, owner: tuple[int, int]) -> bool:
    """Let `owner` have it, a folder that is made if need be; whether it was another's. Raises OSError."""
    if not path.exists():
        path.mkdir(parents=True)
    if path.stat().st_uid == owner[0]:
        return False
    os.chown(path, *owner)
    return True
