"""What is to run here: a checked graph, its processes on this host, and what runs beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from host import beside, graph, keyring, place
from host.command import Process, processes
from host.descriptors import make_room
from host.graph import Graph
from host.runfolder import Refused


@dataclass(frozen=True)
class Plan:
    """What is in force."""

    graph: Graph
    processes: Sequence[Process]  # the sink first, the source last
    companions: Mapping[str, Sequence[str]]  # what else is to run, by name: its words

    @property
    def names(self) -> list[str]:
        """Under which lines will be said; the source first."""
        return [*(process.label for process in reversed(self.processes)), *self.companions]


@dataclass(frozen=True)
class Wish:
    """What the user has asked for, apart from what stands in the graph's file."""

    path: Path
    overrides: Sequence[str] = ()
    host: str | None = None  # which of the graph's hosts this is
    only: Sequence[str] = ()  # the nodes to be started; empty: all
    trace: Path | None = None  # the file that is to show the way of each frame
    page: str = ""  # its address; empty: there is none

    def plan(self, run: Path, wanted: Graph | None = None) -> Plan:
        """How to run `wanted`, or what stands in the file now, with sockets in the folder `run`.

        Raises GraphError for a bad graph, Refused for one that cannot run here and now.
        """
        wanted = wanted or graph.load(self.path, self.overrides)
        nodes = place.only(wanted, self.host, self.only)
        everyone = processes(wanted, run, self.host, trace=self.trace is not None)
        chosen = [process for process in everyone if process.node.name in nodes]
        if not chosen:
            raise Refused(f"{self.path}: no node runs here any longer. Stop this launcher, and start it where some do.")
        pools = dict.fromkeys(str(process.node.host) for process in chosen if process.there)
        programs = beside.programs(wanted, run, self.host, self.overrides, self.page, pools)
        if self.host and (beside.LINK in programs or any(pipe.key for process in chosen for pipe in process.pipes)):
            keyring.check(wanted, self.host)
        make_room(wanted.path, chosen)
        return Plan(wanted, chosen, programs)
