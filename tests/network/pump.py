"""Plain ZeroMQ with CURVE, as fast as it goes: what a wire of ours is held against.

`python -m tests.network.pump push ADDRESS BYTES` sends messages of that size until it is killed; `… pull ADDRESS
SECONDS` binds there and writes how many bytes came a second, from the first message on. The first line of the input has
the keys: this end's public and private one, and the public one of the end that binds.
"""

import sys
import time

import zmq


def main() -> None:
    kind, address, amount = sys.argv[1:]
    public, private, server = (key.encode() for key in sys.stdin.readline().split())
    with zmq.Context[zmq.Socket[bytes]]() as context, context.socket(zmq.PUSH if kind == "push" else zmq.PULL) as end:
        end.curve_publickey, end.curve_secretkey = public, private
        end.linger = 0
        if kind == "push":
            end.curve_serverkey = server
            end.connect(address)
            _push(end, bytes(int(amount)))
        else:
            end.curve_server = True
            end.bind(address)
            print(_pull(end, float(amount)), flush=True)


def _push(end: "zmq.Socket[bytes]", payload: bytes) -> None:
    while True:
        end.send(payload, copy=False)


def _pull(end: "zmq.Socket[bytes]", seconds: float) -> float:
    """Bytes a second."""
    end.recv()
    began, count = time.monotonic(), 0
    while (took := time.monotonic() - began) < seconds:
        count += len(end.recv())
    return count / took


if __name__ == "__main__":
    main()
