"""Run a graph of nodes on this machine, or look at it."""

import os
import signal

if __name__ == "__main__":  # as long as nothing is started, while Python imports what follows, too, these are the end
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # which process 1 of a container would not hear otherwise

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from host import graph, schema, verbs
from host.export.verb import FORMATS, export
from host.graph import GraphError
from host.plan import Wish
from host.reading import overrides
from host.reading.problems import listed
from host.runfolder import Refused
from host.view import watch

OK = 0  # all done, or stopped as asked
FAILED = 1  # a node failed for good, or a dead letter could not be looked into or put back
BAD_USE = 2  # a bad graph or command line

PAGE, NO_PAGE = "127.0.0.1:8080", "off"
STANDARD_ERROR = 2  # the last of the standard files' descriptors
VERBS = ("check", "print", "status", "unit", "export", "keys", "try", "dead-letters", "retry", "schema")
RUN = {"run": "running the graph"}
FLAGS = {  # with which verbs each goes, in words
    "only": RUN,
    "log": RUN,
    "trace": RUN,
    "page": RUN,
    "no_follow": RUN,
    "reload": {**RUN, "try": "try"},
    "host": {**RUN, "print": "print", "unit": "unit", "status": "status"},
    "json": {"status": "status", "dead-letters": "dead-letters"},
    "watch": {"status": "status"},
    "image": {"export": "export"},
}
HELP = """\
verbs:
  (none)          run the graph until all is done, or until Ctrl-C
  check           say every mistake in the graph at once, or in one line that it is fine
  print           show the command line of every process, ready to paste, or of those on --host; start nothing
  status          show how the graph is that runs in another terminal; --watch: again and again, --json: for programs
  unit            show a unit for systemd that runs the graph as a service, overrides included
  export FORMAT   show what runs each node in a container of its own: compose, for Docker, or k8s, for Kubernetes
  keys HOST …     make the private keys of hosts, and print the lines for graph.yaml
  try NODE FILE   run one node on an image, each of a folder or the start of a clip; results lie beside it;
                  with --reload again at each save of its module
  dead-letters    list what was set aside, when and why; with --json one object a line
  retry [NAME …]  put dead letters back to be done again: all, or by the names (or globs, in quotes) that are listed
  schema          show what a graph.yaml may hold, as a JSON Schema for editors; it stands alone: launcher.py schema

examples:
  # half a minute of a test camera, as graph.yaml says
  $ python launcher.py graph.yaml
  # another source and more converters, without touching the file
  $ python launcher.py graph.yaml splitter.source=clip.mp4 converter.replicas=4
  # what a filter makes of one photo
  $ python launcher.py graph.yaml try converter photo.jpg converter.filter=contour
  # what flows and what waits, once a second, from a second terminal
  $ python launcher.py graph.yaml status --watch
  # after its cause is mended, do again what was set aside
  $ python launcher.py graph.yaml retry 'cam1/*'

exit codes:
  0  all done, or stopped as asked
  1  a node failed for good, or a dead letter could not be looked into or put back
  2  a bad graph or command line
"""


def main(words: Sequence[str]) -> int:
    open_standard_files()
    try:
        return obey(parse(words))
    except (GraphError, Refused) as error:
        print(error, file=sys.stderr)
        return BAD_USE
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def open_standard_files() -> None:
    """Open those that a shell has closed, as with `>&-`, or files of ours would take their places."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command line: `graph`, `verb` ("run" if none is given) and what belongs to that, and `overrides`."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("graph", type=Path, help="the graph's file, e.g. graph.yaml")
    parser.add_argument("words", nargs="*", default=[], metavar="verb | node.key=value", help="see below")
    parser.add_argument("--host", metavar="NAME", help="which of the graph's hosts this machine is")
    parser.add_argument("--only", action="append", default=[], metavar="NODE", help="start this node, and no others")
    parser.add_argument("--json", action="store_true", help="status, dead-letters: JSON objects, one a line")
    parser.add_argument("--watch", action="store_true", help="status: once a second, until the graph has ended")
    parser.add_argument("--image", metavar="NAME", help="export: the image with this project; else it is built of it")
    parser.add_argument("--log", choices=("text", "json"), default="text", help="run: each line as a JSON object")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="run: the way of each frame, for ui.perfetto.dev")
    parser.add_argument("--page", default=PAGE, metavar="ADDRESS", help="run: where its page is (%(default)s), or off")
    parser.add_argument(
        "--no-follow", action="store_true", help="run: leave what is saved in the graph's file for the next start"
    )
    parser.add_argument(
        "--reload",
        action="store_true",
        help="run: apply what is saved in modules of its nodes, too; try: again at each save of one beside the node's",
    )
    options = parser.parse_intermixed_args(words)
    rest = options.words
    if str(options.graph) == "schema":  # of all graphs: it needs none
        rest.insert(0, "schema")
    options.verb = rest.pop(0) if rest and "=" not in rest[0] else "run"
    options.names = []
    for flag, verbs_of_it in FLAGS.items():
        if getattr(options, flag) != parser.get_default(flag) and options.verb not in verbs_of_it:
            hint = "; check looks at all hosts" if (flag, options.verb) == ("host", "check") else ""
            parser.error(f"--{flag.replace('_', '-')} goes with {listed(verbs_of_it.values())}{hint}")
    if options.reload and options.no_follow:
        parser.error("--reload follows the graph and its modules, and --no-follow neither: keep one of them")
    if options.verb not in ("run", *VERBS):
        parser.error(f'there is no verb "{options.verb}": they are {", ".join(VERBS)}; without one the graph runs')
    if options.verb == "try":
        if len(rest) < 2:
            parser.error("try what on what? Give a node and an image, a folder or a clip: try converter photo.jpg")
        options.node, options.file = rest.pop(0), Path(rest.pop(0))
    if options.verb == "export":
        if not rest or rest[0] not in FORMATS:
            parser.error(f"export to what? Write export {' or export '.join(FORMATS)}")
        options.format = rest.pop(0)
    if options.verb == "keys":
        if not rest:
            parser.error("keys of which hosts? Give their names: keys robot")
        options.names, rest = rest, []
    if options.verb == "retry":
        options.names = [
            word for word in rest if not overrides.OVERRIDE.match(word) or verbs.is_letter(options.graph, word)
        ]
        rest = [word for word in rest if word not in options.names]
    if strange := [word for word in rest if "=" not in word]:
        cure = "behind the verb stands node.key=value, in quotes if it has spaces"
        if options.verb == "run" and strange[0] in VERBS:
            cure = f"the verb comes first: python launcher.py {options.graph} {strange[0]} {rest[0]}"
        parser.error(f'"{strange[0]}" is not understood: {cure}')
    options.overrides = rest
    return options


def obey(options: argparse.Namespace) -> int:
    if options.verb == "keys":
        verbs.make_keys(options.graph, options.names)
        return OK
    if options.verb == "schema":
        print(schema.text())
        return OK
    wanted = (
        watch.known(options.graph, options.overrides, options.host)
        if options.verb == "status"
        else graph.load(options.graph, options.overrides)
    )
    for warning in wanted.warnings:
        print(warning, file=sys.stderr)
    went_well = True
    if options.verb == "check":
        verbs.check(wanted)
    elif options.verb == "print":
        verbs.show(wanted, options.host)
    elif options.verb == "status":
        went_well = watch.status(wanted, options.host, as_json=options.json, watch=options.watch)
    elif options.verb == "unit":
        verbs.unit(wanted, options.host, options.overrides)
    elif options.verb == "export":
        export(wanted, options.format, options.overrides, options.image, partial(print, file=sys.stderr))
    elif options.verb == "try":
        verbs.attempt(wanted, options.node, options.file, reload=options.reload)
    elif options.verb == "dead-letters":
        went_well = verbs.dead_letters(wanted, options.json)
    elif options.verb == "retry":
        went_well = verbs.retry(wanted, options.names)
    else:
        page = "" if options.page == NO_PAGE else options.page
        wish = Wish(options.graph, options.overrides, options.host, options.only, options.trace, page)
        how = {"follow": not options.no_follow, "reload": options.reload}
        return OK if verbs.run(wanted, wish, log=options.log, **how) else FAILED
    print(end="", flush=True)  # what nobody reads any more is noticed here
    return OK if went_well else FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
