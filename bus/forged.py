"""What a puller says of messages that it was never given: another one may hold them, or nobody yet."""

from functools import partial
from typing import Any

from bus.puller import Puller
from bus.unfinished import Unfinished


def strip(state: dict[str, Any], puller: Puller, epoch: str, unfinished: Unfinished) -> int:
    """Take it out of the `state` that `puller` has sent; how much that was. What is finished may be said again."""
    may_say = partial(unfinished.was_given, puller)
    before = sum(map(len, (state["done"], state["returned"], state.get("hand", ()))))
    if state["epoch"] == epoch:
        for field in ("done", "returned"):
            state[field] = [one for one in state[field] if may_say(one[0])]
    if "hand" in state:
        hand = dict.fromkeys((life, n) for life, n in state["hand"])  # each is guilty once
        state["hand"] = [(life, n) for life, n in hand if life != epoch or may_say(n)]
    return before - sum(map(len, (state["done"], state["returned"], state.get("hand", ()))))
