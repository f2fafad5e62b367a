"""run(function): a node function becomes a program that obeys its command line and its supervisor."""

import ctypes
import faulthandler
import inspect
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, cast

from bus import descriptors
from bus.again import again
from bus.arguments import inputs, parser
from bus.badaddress import BadAddress
from bus.ending import drain, end
from bus.first import first
from bus.hiding import expand
from bus.hub import Stopped
from bus.marks import Marks
from bus.message import Message
from bus.node import Node
from bus.reuse import keep_memory
from bus.steps import step
from bus.superseded import SUPERSEDED
from bus.times import WAITING
from bus.trial import attempt

BAD_ARGUMENTS = 2  # exit code: a restart would not help
BAD_DATA = 65  # exit code: what could be read is finished, the rest cannot be (EX_DATAERR of sysexits.h)
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>

_node: Node | None = None  # the one that runs in this process


def run(function: Callable[..., Any]) -> None:
    """Be the node `function`: obey the command line, serve the wires, end when all is finished."""
    _die_with_launcher()
    keep_memory()
    faulthandler.enable()  # SIGABRT, from a supervisor that sees a hang, shows where
    for stream in (sys.stdout, sys.stderr):  # every line at once, and names of any bytes
        cast(io.TextIOWrapper, stream).reconfigure(line_buffering=True, errors="backslashreplace")
    parameters = inputs(function)
    command = parser(function, _program())
    options = command.parse_args()
    names = [name for name, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY]
    try:
        arguments = {name: expand(name, getattr(options, name)) for name in names}
        options.grant = expand("grant", options.grant)
    except ValueError as error:
        print(error)
        sys.exit(BAD_ARGUMENTS)
    if any(parameters.values()) and options.reload and not options.photo:
        command.error("--reload goes with --try")
    if any(parameters.values()) and options.photo:
        if options.reload:
            sys.exit(again(Path(inspect.getfile(function)).absolute()))
        sys.exit(attempt(function, len(parameters), arguments, options.photo))
    options.name = options.name or f"{Path(sys.argv[0]).stem}.1"
    if options.run and not options.run.is_dir():
        command.error(f"--run={options.run} is no folder")
    wired_inputs = {pipe.input or next(iter(parameters), "") for pipe in options.pull}
    if strange := wired_inputs - {*parameters}:
        command.error(f'there is no input "{strange.pop()}": this node pulls {", ".join(parameters) or "nothing"}')
    if missing := [name for name, required in parameters.items() if required and name not in wired_inputs]:
        command.error(f"the input {missing[0]} is not wired: give --pull=ADDRESS,input={missing[0]}")
    sys.exit(_live(function, options, parameters, arguments))


def _live(function: Callable[..., Any], options: Any, parameters: dict[str, bool], arguments: dict[str, Any]) -> int:
    """One life of the node; its exit code."""
    global _node
    count = descriptors.needed([*options.pull, *options.push])
    if count > descriptors.allowed():
        print(descriptors.too_few(options.name, count), file=sys.stderr)
        return BAD_ARGUMENTS
    descriptors.allow(descriptors.allowed())
    marks = Marks(options.run, options.name)
    is_over = marks.mine()
    if is_over and not any(pipe.far for pipe in options.push):
        return 0
    try:
        node = _node = Node(options, parameters, marks)
    except (ValueError, BadAddress) as error:
        print(error, file=sys.stderr)
        return 1 if isinstance(error, BadAddress) else BAD_ARGUMENTS
    signal.signal(signal.SIGTERM, lambda number, frame: _stop(node, frame))
    signal.signal(signal.SIGINT, lambda number, frame: _stop(node, frame))
    signal.signal(signal.SIGUSR1, lambda number, frame: None)  # the hub hears of it, and tells bus/leaving.py
    signal.set_wakeup_fd(node.hub.wakeup, warn_on_full_buffer=False)
    node.hub.start()
    try:
        if not is_over:
            node.work(function, arguments)
            with step("drain"):
                drain(node)
        with step("end"):  # of which an earlier life may not have told everyone
            end(node)
    except Stopped:
        node.notify.stopping()
        node.leaving.finish()
        return SUPERSEDED if node.superseded.by else 0
    except SystemExit as wish:
        code = wish.code if isinstance(wish.code, int) else int(wish.code is not None)
        if code == BAD_DATA:
            _drain_unless_stopped(node)
        return code
    finally:
        with step("close"):
            signal.set_wakeup_fd(-1)
            node.close()
    return 0


def _drain_unless_stopped(node: Node) -> None:
    try:
        drain(node)
    except Stopped:
        node.notify.stopping()


def _stop(node: Node, frame: FrameType | None) -> None:
    node.hub.stopping = True


def progress(made: int, total: int = 0) -> None:
    """Say how far a source has come, of how many (0: unknown). Outside of run it does nothing."""
    if _node:
        _node.books["made"], _node.books["total"] = made, total


def drop(count: int) -> None:
    """Count what a source had to let go before it became a message; say why in a line of its own."""
    if _node:
        _node.books["taken"] += count
        _node.books["dropped"] += count
        _node.books["lost"] += count


def called() -> str:
    """What the graph calls this node; `node` outside of run."""
    return (_node.name.rpartition(".")[0] or _node.name) if _node else "node"


def replica() -> int:
    """Which of its node's replicas this is, from 1; 1 outside of run."""
    number = _node.name.rpartition(".")[2] if _node else ""
    return int(number) if number.isdecimal() else 1


def recall(about: str, words: str) -> str:
    """What the first life of any node of this run has said `about` something: `words`, if that is this one.

    Outside of run, or of a run folder, it is always this one.
    """
    return first(_node.marks.run if _node else None, about, words)


def backlog(waiting: int, look: Callable[[], int] | None = None) -> None:
    """Say how many wait outside of the bus for a source to take them, such as files in a folder.

    While a yield is held up, `look` is called twice a second and tells how many wait behind it.
    """
    if _node:
        _node.lookout.say(waiting, look)


@contextmanager
def idle() -> Iterator[None]:
    """A block in which a source waits for what comes from outside: its time is that of waiting, not of work.

    In another thread than the node's own it does nothing.
    """
    if _node is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    with _node.measures.times.spent(WAITING):
        yield


def show(message: Message) -> None:
    """Let whoever looks at this node see what it made that it does not yield, such as a file that it saved."""
    if _node:
        with _node.hub.lock:  # the side thread takes what was kept, and closes its files
            _node.measures.made(message, message.name, is_source=False)


def wired() -> bool:
    """Whether a yield goes anywhere: False in a node that runs without an output wire."""
    return _node is None or bool(_node.outputs.wires)


def finished() -> bool:
    """Whether all that this node has sent is finished downstream. Outside of run it is."""
    return _node is None or all(push.idle for push in _node.outputs.wires)


def wait(words: str, seconds: float) -> None:
    """Wait for something outside, such as space on a disk, while the wires are served. Never counts as a hang.

    Raises Stopped when the node is to stop.
    """
    if _node is None:
        time.sleep(seconds)
        return
    until = time.monotonic() + seconds
    with _node.inside, _node.measures.times.spent(WAITING):
        _node.notify.status(words)
        while time.monotonic() < until:
            _node.leaving.check_idle()
            _node.hub.wait(until)
        _node.notify.status("")


def _program() -> str:
    spec = sys.modules["__main__"].__spec__
    return f"python -m {spec.name}" if spec else Path(sys.argv[0]).name


def _die_with_launcher() -> None:
    """A node that a launcher started goes when the launcher is killed (prctl(2)); the janitor sees to the rest."""
    if "ZG_RUN" in os.environ:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
