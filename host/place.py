"""Which of the graph's hosts this machine is."""

import socket
from collections.abc import Iterable

from host import keyring
from host.graph import Graph
from host.reading.problems import COMMAND_LINE, Problems, listed, quoted
from host.runfolder import Refused


def here(graph: Graph, named: str | None) -> str | None:
    """The host that this machine is: the one that is `named`, or else whose private key or address it has.

    None for a graph that names no hosts. Raises GraphError if there is no such host, Refused if none is certain.
    """
    hosts = list(dict.fromkeys(filter(None, map(graph.launcher, graph.nodes.values()))))
    problems = Problems(str(graph.path))
    if named is not None and not hosts:
        problems.mistake(COMMAND_LINE, f"no node names a host, so --host {named} means nothing. Leave it out.")
    elif named is not None and named in graph.hosts and graph.hosts[named].is_pool:
        words = (
            f"{named} is a pool: Ray gives it machines, and the launcher on {_holders(graph, named)} runs its nodes."
        )
        problems.mistake(COMMAND_LINE, words)
    elif named is not None and named not in hosts:
        cure = problems.did_you_mean(named, hosts)
        problems.mistake(COMMAND_LINE, f"no node runs on the host {quoted(named)}. {cure}")
    problems.stop()
    if named is not None or not hosts:
        return named
    for is_here in (_has_key, _has_address):
        found = [host for host in hosts if is_here(graph, host)]
        if len(found) == 1:
            return found[0]
    choice = " or ".join(f"--host {host}" for host in hosts)
    words = f"{graph.path} runs on {listed(hosts)}: say which of them this machine is, with {choice}"
    raise Refused(f"{words}; {keyring.FOLDER}/ does not tell, as it has not the key of one alone")


def only(graph: Graph, host: str | None, names: Iterable[str]) -> set[str]:
    """The nodes to start on `host`: all, or those of `names`. Raises GraphError if one of these does not run there."""
    local = {node.name for node in graph.nodes.values() if graph.launcher(node) == host}
    problems, wanted = Problems(str(graph.path)), set(names)
    for name in sorted(wanted - local):
        place = f" on {host}" if host else ""
        problems.mistake(COMMAND_LINE, f"no node {quoted(name)} runs here{place}. {problems.did_you_mean(name, local)}")
    problems.stop()
    return wanted or local


def _holders(graph: Graph, pool: str) -> str:
    return listed(dict.fromkeys(str(graph.launcher(node)) for node in graph.nodes.values() if node.host == pool))


def _has_key(graph: Graph, host: str) -> bool:
    return keyring.file(graph.folder, host).exists()


def _has_address(graph: Graph, host: str) -> bool:
    """Whether the address of `host` is one of this machine's own: those can be bound."""
    address = graph.hosts[host].address
    if address is None:
        return False
    try:
        family, _, _, _, place = socket.getaddrinfo(address, 0, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as test:
            test.bind(place)
    except OSError:  # another machine's, or a name that nobody knows here
        return False
    return True
