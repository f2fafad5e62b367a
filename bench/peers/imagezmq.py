"""imagezmq as its README has it, REQ to REP, over ipc: `python -m bench.peers.imagezmq send|receive plan.json`.

`send_jpg` for what is encoded, `send_image` for raw pixels; the hub answers each, so that none is lost.
"""

import sys
import time
from pathlib import Path

import imagezmq
import numpy

from bench.peers.plan import Plan, Tally, sending


def send(plan: str, address: str) -> None:
    with imagezmq.ImageSender(connect_to=address) as sender:
        for step in sending(plan):
            if isinstance(step, float):
                time.sleep(step)
            elif isinstance(step, bytes):
                sender.send_jpg("frame", step)
            else:
                sender.send_image("frame", step)


def receive(plan: str, address: str) -> None:
    """imagezmq has a call for each kind, and who receives knows which it is: here from the order of the cases."""
    tally, cases = Tally(plan), Plan.read(plan).cases
    at, is_over = 0, False
    with imagezmq.ImageHub(open_port=address) as hub:
        while not is_over:
            payload = hub.recv_image()[1] if cases[at].shape else numpy.frombuffer(hub.recv_jpg()[1], numpy.uint8)
            is_over = tally.take(payload)
            hub.send_reply(b"OK")
            at = tally.coming


if __name__ == "__main__":
    {"send": send, "receive": receive}[sys.argv[1]](sys.argv[2], f"ipc://{Path(sys.argv[2]).with_name('hop.ipc')}")
