"""What a user can have done with a graph: run, check, print it, or a unit for it, try a node, see to dead letters."""

import os
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from host import keyring, place, runfolder
from host.command import Process, processes
from host.environment import python_paths
from host.follow import Follow
from host.graph import Graph, GraphError, load
from host.letters import Letters, printable
from host.listing import pasted, record, table
from host.plan import Wish
from host.reading import network
from host.reading.problems import COMMAND_LINE, Problems, quoted
from host.reading.section import refuse_bad_name
from host.retry import Stays, put_back, what_follows
from host.runfolder import Refused, RunFolder
from host.supervisor import Supervisor
from host.unit import text
from host.view.report import GRAPH
from host.view.reporting import Reporting

WIRING = ("--run=", "--pull=", "--push=", "--grant=", "--key=")  # what a node that is tried on a file goes without


def run(graph: Graph, wish: Wish, *, log: str = "text", follow: bool = True, reload: bool = False) -> bool:
    """Run the graph, or its part on `wish.host`, to the end; whether no node failed for good.

    `log`: whether lines are "text" or "json". `follow`: whether what is saved in the graph's file meanwhile is applied,
    and with `reload` what is saved in the modules of its nodes, too.
    Raises Refused if it cannot run here and now, GraphError if a host or node does not exist.
    """
    wish = replace(wish, host=place.here(graph, wish.host))
    place.only(graph, wish.host, wish.only)
    with RunFolder(graph.path, wish.host) as folder:
        plan = wish.plan(folder.path, graph)
        folder.keep_graph(graph.text)
        with Reporting(plan, folder.path, as_json=log == "json", trace=wish.trace) as reporting:
            report = reporting.report
            for wire in network.insecure(graph, {process.node.name for process in plan.processes}):
                report.line(GRAPH, f"the wire {quoted(wire)} is open to everybody who can reach it (insecure: true)")
            for name in network.unlinked(graph):
                report.line(GRAPH, f"the launcher on {name} has no key: it tells the others nothing, and hears nothing")
            followed = partial(Follow, wish, folder.path, plan, reload=reload) if follow else None
            return Supervisor(plan, folder, reporting, followed).supervise()


def check(graph: Graph) -> None:
    """Say in one line what the graph is. Raises Refused or GraphError if its processes could not be started."""
    plan = plan_by_hand(graph)
    most, spare = sum(map(len, plan.values())), sum(node.replicas - node.least for node in graph.nodes.values())
    parts = (len(graph.nodes), "node"), (len(graph.wires), "wire"), (most, "process")
    words = ", ".join(_number(*part) for part in parts)
    least = f" ({most - spare} at least)" if spare else ""
    print(f"{graph.path}: {words}{least} on {_number(len(plan), 'host')}: fine")
    for line in network.listeners(graph):
        print(line)


def show(graph: Graph, only: str | None = None) -> None:
    """Print the command line of every process, or of those on the host `only`, to be pasted into a shell and run.

    Raises GraphError if no node runs there.
    """
    chosen = place.here(graph, only) if only else None
    folder = shlex.quote(str(runfolder.by_hand(graph.path)))
    paths = shlex.join(f"{name}={value}" for name, value in python_paths(os.environ).items())
    for line in network.listeners(graph):
        print(f"# {line}")
    for host, plan in plan_by_hand(graph).items():
        if chosen and graph.launcher(plan[0].node) != chosen:
            continue
        if plan[0].there:
            print(f"# on machines that Ray gives to {host}, with --run and --key of theirs:")
            print("\n".join(f"# {shlex.join(process.there)}" for process in plan))
            continue
        where = f" on {host}" if host else ""
        print(f"# first, once{where}:\nrm -rf {folder}; mkdir -p -m 700 {folder}")
        print(f"# in each shell{where}:\n{shlex.join(['cd', str(graph.folder)])}; export {paths}")
        print(f"# the processes{where}; one that is to stay in front goes without its &:")
        for node in {process.node.name: process.node for process in plan if process.node.is_elastic}.values():
            print(f"# all of {node.name}, as only a launcher knows how many of {node.scale} are enough:")
        for process in plan:
            own = [f"{name}={value}" for name, value in process.env.items()]
            print(f"{shlex.join([*(['env', *own] if own else []), *process.argv])} &")


def unit(graph: Graph, host: str | None, words: Sequence[str]) -> None:
    """Print a unit of systemd's that runs the graph, or its part on `host`, with `words` on the command line.

    Raises what `run` does.
    """
    plan_by_hand(graph)
    host = place.here(graph, host)
    print(text(graph, [*([f"--host={host}"] if host else []), *words], host), end="")


def attempt(graph: Graph, node: str, file: Path, *, reload: bool) -> None:
    """Become the node, without wires, on an image, a folder or a clip: it does not return.

    Raises GraphError if it is no node that can be tried, Refused if its program cannot be started.
    """
    problems = Problems(str(graph.path))
    if node not in graph.nodes:
        known = problems.did_you_mean(node, graph.nodes)
        cure = f"A node of no graph tries itself: python {node}.py --try {file}"
        problems.mistake(COMMAND_LINE, f"there is no node {quoted(node)}. {known} {cure}")
    elif (signature := graph.nodes[node].signature) and not any(signature.inputs.values()):
        words = f"{quoted(node)} makes its messages itself. Try a node that is given some."
        problems.mistake(COMMAND_LINE, words)
    problems.stop()
    plan = [process for processes in plan_by_hand(graph).values() for process in processes]
    process = next(process for process in plan if process.node.name == node)
    given = (sys.executable, *process.there[1:]) if process.there and process.node.run else process.there
    argv = [word for word in given or process.argv if not word.startswith(WIRING)]
    argv += [f"--try={file.absolute()}", *(["--reload"] if reload else [])]
    environment = {**os.environ, **process.env}
    os.chdir(graph.folder)
    try:
        os.execvpe(argv[0], argv, {**environment, **python_paths(environment)})  # noqa: S606 (no shell)
    except OSError as error:
        raise Refused(f"{argv[0]} cannot be started in {graph.folder}: {error.strerror}") from None


def make_keys(graph: Path, hosts: Sequence[str]) -> None:
    """Make the private keys of `hosts` that are not beside `graph` yet, and print what to write under `hosts:`.

    The graph is not read: it cannot be right before it has these lines. Raises GraphError for a name that none can be.
    """
    problems = Problems(str(graph))
    for name in hosts:
        refuse_bad_name("a host", name, COMMAND_LINE, problems)
    problems.stop()
    lines = [f'  {name}: {{key: "{keyring.make(graph.parent, name)}"}}' for name in hosts]
    files = ", ".join(str(keyring.file(graph.parent, name)) for name in hosts)
    print(f"# private, for that machine and nobody else: {files}")
    print(f"# for every copy of {graph.name}, where what else a host has stays in its line (address, port, ray):")
    print("\n".join(["hosts:", *lines]))


def dead_letters(graph: Graph, as_json: bool) -> bool:
    """List what was set aside, and why; whether all folders could be looked into."""
    letters = _letters(graph)
    for line in map(record, letters.found) if as_json else table(letters.found):
        print(line)
    if letters.found and not as_json:
        count = _number(len(letters.found), "dead letter")
        print(f"{count}; retry in place of dead-letters puts back all of them, or those whose names follow it")
    elif not as_json:
        _say_none(letters)
    return not letters.troubles


def retry(graph: Graph, names: Sequence[str]) -> bool:
    """Put dead letters back, all or those that `names` name; whether none of them stays.

    Raises GraphError if a name is of none, before the first goes back.
    """
    letters = _letters(graph)
    chosen = letters.named(names, Problems(str(graph.path))) if names else letters.found
    for note in letters.left:
        note.unlink(missing_ok=True)
    back: Counter[Path] = Counter()  # how many went back, by their watched folder
    for letter in chosen:
        name, own = pasted(letter.shown), pasted(printable(letter.own))
        try:
            back[put_back(letter)] += 1
        except Stays as stays:
            print(f"{name} stays: {stays}")
        else:
            print(f"{name} is back{f' as {own}' if own != name else ''}")
    for home, count in back.items():
        print(f"{_number(count, 'dead letter')} back in {printable(str(home))}: {what_follows(home)}")
    if not chosen:
        _say_none(letters)
    return sum(back.values()) == len(chosen) and not letters.troubles


def is_letter(path: Path, name: str) -> bool:
    """Whether the graph in the file `path`, as it is written there, has a dead letter of this very name."""
    try:
        return any(name in (letter.name, letter.shown) for letter in Letters(load(path)).found)
    except GraphError:  # which is said of the whole command line
        return False


def plan_by_hand(graph: Graph) -> Mapping[str | None, Sequence[Process]]:
    """The processes of each host, None where the graph names none, as they can be started by hand."""
    plan: dict[str | None, list[Process]] = {node.host: [] for node in graph.nodes.values()}
    for process in processes(graph, runfolder.by_hand(graph.path)):
        plan[process.node.host].append(process)
    return plan


def _letters(graph: Graph) -> Letters:
    """Those of the graph. Says where it could not be looked for some."""
    letters = Letters(graph)
    for words in (*letters.missing, *letters.troubles):
        print(words, file=sys.stderr)
    return letters


def _say_none(letters: Letters) -> None:
    print(f"there are no dead letters{' elsewhere' * bool(letters.troubles)}")


def _number(count: int, thing: str) -> str:
    plural = "es" if thing.endswith("s") else "s"
    return f"{count} {thing}{'' if count == 1 else plural}"
