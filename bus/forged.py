"""What a puller says of messages that it was never given: another one may hold them, or nobody yet."""

from collections.abc import Mapping
from typing import Any

from bus.puller import Outgoing, Puller


def strip(state: dict[str, Any], puller: Puller, epoch: str, undone: Mapping[int, Outgoing], newest: int) -> int:
    """Take it out of the `state` that `puller` has sent; how much that was. What is finished may be said again."""

    def may_say(n: int) -> bool:
        out = undone.get(n)
        return puller in out.given if out else n <= newest

    before = sum(map(len, (state["done"], state["returned"], state.get("hand", ()))))
    if state["epoch"] == epoch:
        for field in ("done", "returned"):
            state[field] = [one for one in state[field] if may_say(one[0])]
    if "hand" in state:
        hand = dict.fromkeys((life, n) for life, n in state["hand"])  # each is guilty once
        state["hand"] = [(life, n) for life, n in hand if life != epoch or may_say(n)]
    return before - sum(map(len, (state["done"], state["returned"], state.get("hand", ()))))
