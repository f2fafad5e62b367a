"""Show a running graph on a web page: `python -m host.page graph.yaml --run=FOLDER --address=127.0.0.1:8080`.

A process of its own, which only reads what lies in the run folder: nothing that happens to it touches the graph.
The launcher starts it, and starts it again when it dies.
"""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from host.beside import go_with_launcher, in_force
from host.graph import Graph, GraphError
from host.page import listening
from host.page.door import Door, address_with, token_for
from host.page.listening import NoPlace
from host.page.server import Server
from host.page.watch import Watch
from host.runfolder import Refused

OK, BAD_USE = 0, 2
DISPENSABLE = "500"  # of 1000
PATIENCE = 1.0  # seconds that open requests have at the end


def main(words: Sequence[str]) -> int:
    options = parse(words)
    logging.getLogger("aiohttp.server").addFilter(is_ours)
    be_the_first_to_go()
    try:
        reading = partial(in_force, options.graph, options.run, options.overrides)
        graph = reading()
        go_with_launcher()
        asyncio.run(show(graph, options.run, options.address, options.host, reading))
    except (GraphError, NoPlace, Refused) as error:
        print(error)
        return BAD_USE
    except OSError as error:
        print(f"the page ends: {error}")
        return 1
    return OK


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m host.page", description=__doc__, allow_abbrev=False)
    parser.add_argument("graph", type=Path, help="the graph's file")
    parser.add_argument("overrides", nargs="*", metavar="node.key=value", help="as the launcher was given them")
    parser.add_argument("--run", type=Path, required=True, help="the run folder of the graph's launcher")
    parser.add_argument("--address", default="127.0.0.1:8080", help="where it listens; default %(default)s")
    parser.add_argument("--host", default="", help="which of the graph's hosts this machine is")
    return parser.parse_intermixed_args(words)


def is_ours(record: logging.LogRecord) -> bool:
    """Whether it is a fault of this process: what strangers send is none, may hold a token, and may fill the log."""
    return not record.exc_info or not isinstance(record.exc_info[1], HttpProcessingError | web.RequestPayloadError)


def be_the_first_to_go() -> None:
    """Where memory runs out, the page goes, and not a node (proc_pid_oom_score_adj(5))."""
    with suppress(OSError):  # some containers do not let it
        Path("/proc/self/oom_score_adj").write_text(DISPENSABLE)


async def show(graph: Graph, run: Path, address: str, name: str, reading: Callable[[], Graph]) -> None:
    """Serve the page until the run folder is gone, or until a signal. Raises NoPlace, OSError."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host, port = listening.parted(address)
    token = token_for(listening.secret(), str(graph.path.resolve()), name)
    with listening.listen(host, port, listening.last_port(run / "page.url")) as sock:
        port = sock.getsockname()[1]
        watch = Watch(run, graph, reading)
        server = Server(watch, Door(token, host, port))
        runner = web.AppRunner(server.application, access_log=None, shutdown_timeout=PATIENCE)
        await runner.setup()
        assert runner.server
        await web.SockSite(runner, sock).start()
        listening.write(run / "page.url", address_with(token, listening.shown(host), port))
        await until_the_end(watch, server.crowd.thin_out(runner.server), stop)
        watch.close()
        await runner.cleanup()


async def until_the_end(watch: Watch, thinning: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Watch until the run folder is gone, or until `stop`."""
    deeds = stop.wait(), watch.look_on(), watch.draw_on(), watch.walk_on(), thinning
    tasks = [asyncio.ensure_future(one) for one in deeds]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    for task in done:
        task.result()  # raises what went wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
