"""What a pusher sends: messages, skips and pings, as docs/wire.md lays them out."""

from typing import Any

from bus.header import MAX_ID, Malformed, check, check_some, unpack

DATA = {"kind": {"message", "skip", "ping"}, "epoch": str, "low": int}
PING = {"ping": int, "closed": bool, "end": bool}
EXTRAS = {"contract": str, "memory": (int, int, str), "left": int, "gone": str}  # a ping may do without
MESSAGE = {"n": int, "tries": int, "meta": dict}
LENT = {"memory": (int, int, int, int)}  # of a message whose payload lies in the pusher's arena


def read(parts: list[bytes]) -> dict[str, Any]:
    """The header of what came as `parts`; the other one is the payload. Raises Malformed."""
    if len(parts) != 2:
        raise Malformed("a message that is not two parts")
    header = unpack(parts[0])
    check(header, DATA, "a message")
    if len(header["epoch"]) > MAX_ID:
        raise Malformed(f"an epoch of more than {MAX_ID} characters")
    check(header, PING if header["kind"] == "ping" else MESSAGE, f"a {header['kind']}")
    check_some(header, EXTRAS if header["kind"] == "ping" else LENT, f"a {header['kind']}")
    return header
