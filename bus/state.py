"""A state: what a puller says back to one pusher, as docs/wire.md lays it out."""

from typing import Any

from bus.chain import RANK
from bus.header import MAX_ID, Malformed, check, unpack

STATE = {
    "kind": {"state"},
    "incarnation": str,
    "epoch": str,
    "credit": int,
    "echo": int,
    "ended": bool,
    "released": [int],
    "done": [(int, set(RANK), str)],
    "returned": [(int, bool, str)],
}
WHOLE = {"open": [int], "held": [int], "hand": [(str, int)]}
# A state may do without these.
EXTRAS = {"death": str, "leaving": int, "gone": str, "contract": str, "memory": str, "read": [int], "reading": [int]}


def read(parts: list[bytes]) -> dict[str, Any]:
    """The state that came as `parts`. Raises Malformed."""
    if len(parts) != 1:
        raise Malformed("a state that is not one part")
    state = unpack(parts[0])
    extras = {field: kind for field, kind in EXTRAS.items() if field in state}
    check(state, {**STATE, **(WHOLE if "open" in state else {}), **extras}, "a state")
    if len(state["incarnation"]) > MAX_ID:
        raise Malformed(f"an incarnation of more than {MAX_ID} characters")
    return state
