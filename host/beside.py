"""What runs beside the nodes: which programs of ours, with which words, and how such a process begins."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from host import runfolder
from host.graph import Graph, load
from host.reading import network

LINK, PAGE = "link", "page"

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def go_with_launcher() -> None:
    """Be killed when the launcher dies, however it does (prctl(2)); the janitor sees to the rest."""
    if "ZG_RUN" in os.environ:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def in_force(path: Path, run: Path, overrides: Sequence[str]) -> Graph:
    """The graph as the launcher with the run folder `run` has it, whatever stands in the file `path` by now.

    Raises GraphError.
    """
    try:
        text = (run / runfolder.GRAPH).read_text()
    except OSError:  # there was no room to keep it
        text = None
    return load(path, overrides, text)


def programs(
    graph: Graph, run: Path, host: str | None, overrides: Sequence[str], page: str, pools: Iterable[str] = ()
) -> dict[str, list[str]]:
    """The command line of each, by its name. `page`: the address of that; empty: there is none.

    `pools`: those on which something is to run: each has a placer, which asks Ray for machines.
    """
    known = [str(graph.path.absolute()), f"--run={run}", *([f"--host={host}"] if host else [])]
    own: dict[str, list[str]] = {}
    if host is not None and graph.hosts[host] in network.linked(graph):
        own[LINK] = [f"host.{LINK}", *known]
    if page:
        own[PAGE] = [f"host.{PAGE}", *known, f"--address={page}"]
    for pool in pools:
        own[pool] = ["host.pool", str(graph.path.absolute()), f"--run={run}", f"--host={pool}"]
    return {name: [sys.executable, "-m", *words, *overrides] for name, words in own.items()}
