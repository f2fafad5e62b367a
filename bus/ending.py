"""The end of a replica: its mark in the run folder, and the word to those who pull from it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bus.times import BLOCKED

if TYPE_CHECKING:
    from bus.node import Node

GOODBYE = 1.0  # seconds in which pullers are told that the end has come; the mark tells those who miss it
FAR_GOODBYE = 30.0  # … those on other hosts, who see no mark of ours


def drain(node: Node) -> None:
    """Wait until everything that was sent is finished. Raises Stopped."""
    with node.hub.lock, node.measures.times.spent(BLOCKED):
        while not node.outputs.idle:
            node.hub.wait()


def end(node: Node) -> None:
    """Leave the end mark: from now on this replica says nothing but that it has ended. Raises Stopped."""
    with node.hub.lock:
        _leave_mark(node)
        began = time.monotonic()
        for push in node.outputs.wires:
            push.end()
        while unaware := [puller.pipe for push in node.outputs.wires for puller in push.unaware]:
            if time.monotonic() - began > max(FAR_GOODBYE if pipe.far else GOODBYE for pipe in unaware):
                break
            node.hub.check()
            node.hub.serve(0.05)
    if far := [pipe.peer for pipe in unaware if pipe.far]:
        node.say(f"could not tell {', '.join(far)} that it has ended: they wait for it until they are stopped")


def _leave_mark(node: Node) -> None:
    """However long the disk of the run folder refuses."""
    said = False
    while True:
        try:
            node.marks.leave()
        except OSError as error:
            if not said:
                node.say(f"cannot write its end mark {node.marks.own}: {error.strerror}; waits until it works")
            said = True
            node.hub.wait()
        else:
            return
