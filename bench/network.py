"""Several hosts on this one, in a network of their own that counts what goes over it."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.family import ROOT
from bench.flowing import Flow, running
from host import keyring

ADDRESS, PORT, LINK_PORT = "127.0.0.1", 5600, 5599
HUB = "hub"  # the host that listens
MTU = 1500  # bytes of a packet, as on a cable; no device puts several together
UP = f"ip link set lo mtu {MTU} gso_max_segs 1 gso_max_size {MTU} up"


class Traffic(NamedTuple):
    """What has gone over the network, both ways together."""

    bytes: int  # with the headers of IP and TCP
    packets: int


def missing() -> str:
    """Why there can be no network of its own."""
    absent = [program for program in ("unshare", "ip") if not shutil.which(program)]
    return f"there is no {' and no '.join(absent)} here" if absent else ""


@contextmanager
def hosts(
    folder: Path, nodes: dict[str, Any], others: Sequence[str], encrypted: bool = True, linked: bool = False
) -> Iterator[Flow]:
    """Launch a graph over the hub and the `others`, which dial it; `linked`: their launchers talk."""
    folder.mkdir()
    names = [HUB, *others]
    known: dict[str, dict[str, Any]] = {
        name: {"key": keyring.make(folder, name)} if encrypted else {} for name in names
    }
    known[HUB] |= {"address": ADDRESS, **({"port": LINK_PORT} if linked else {})}
    wire = {"address": f"tcp://{HUB}:{PORT}", **({} if encrypted else {"insecure": True})}
    (folder / "graph.yaml").write_text(json.dumps({"hosts": known, "wires": {"frames": wire}, "nodes": nodes}))
    launcher = shlex.join([sys.executable, str(ROOT / "launcher.py"), "graph.yaml", "--page=off"])
    script = f"{UP} && {{ {' '.join(f'{launcher} --host={name} &' for name in names)} wait; }}"
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    replicas = sum(node.get("replicas", 1) for node in nodes.values())
    with running(["unshare", *rights, "--net", "sh", "-c", script], folder, replicas) as flow:
        yield flow


def traffic(flow: Flow) -> Traffic:
    """So far, as the kernel counts it."""
    pid = next(iter(flow.pids.values()))
    lines = Path(f"/proc/{pid}/net/dev").read_text().splitlines()
    [counts] = [line.split(":")[1].split() for line in lines if line.strip().startswith("lo:")]
    return Traffic(int(counts[0]), int(counts[1]))
