"""The private keys of hosts, `keys/<host>.key` beside graph.yaml: each host has its own, and nobody else's."""

from pathlib import Path

from bus import keys
from host.reading.problems import quoted
from host.reading.shape import Graph
from host.runfolder import Refused

FOLDER = "keys"


def file(folder: Path, host: str) -> Path:
    """Where the private key of `host` is to be, for a graph in `folder`."""
    return folder / FOLDER / f"{host}.key"


def make(folder: Path, host: str) -> str:
    """The public key of `host`; its private one is written if it is not there. Raises Refused."""
    path = file(folder, host)
    try:
        public = keys.read(path)[0].decode() if path.exists() else keys.make(path)
        ignore = path.with_name(".gitignore")
        if not ignore.exists():
            ignore.write_text("*\n")
    except (OSError, keys.BadKey) as error:
        raise Refused(str(error)) from None
    return public


def check(graph: Graph, host: str) -> None:
    """Raises Refused unless the private key of `host` is here, and its public half is in the graph."""
    path, public = file(graph.folder, host), graph.hosts[host].key
    cure = f"python launcher.py {graph.path} keys {host} makes it"
    if not path.exists():
        words = f"{path}: the private key of {quoted(host)} is not on this machine."
        raise Refused(f"{words} If this is another host, say so with --host; if the key is to be here, {cure}")
    try:
        mine, _ = keys.read(path)
    except keys.BadKey as error:
        raise Refused(str(error)) from None
    if mine.decode() != public:
        line = graph.hosts[host].line
        raise Refused(
            f"{graph.path}:{line}: the key of host {quoted(host)} does not belong to {path}: its own is {mine.decode()}"
        )
