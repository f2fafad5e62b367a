"""When it is said that replicas wait for a machine, and why."""

from typing import Any

from host.view.waiting import SAID_AFTER, Waiting

FULL = "it needs 1 CPU, and the cluster is full: free are 0 CPU"


def node(name: str, *reasons: str) -> dict[str, Any]:
    """One whose replicas wait for these; those without a reason run."""
    return {"name": name, "replicas": [{"state": "pending" if one else "runs", "words": one} for one in reasons]}


class Told:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self._waiting, self._now = Waiting(lambda name, words: self.lines.append(f"{name} | {words}")), 0.0

    def passes(self, seconds: float, *nodes: dict[str, Any]) -> list[str]:
        """What is said in so many seconds in which this is so."""
        self.lines.clear()
        for _ in range(int(seconds) + 1):
            self._waiting.look(nodes, self._now)
            self._now += 1
        return [*self.lines]


def test_it_is_said_once_for_all_that_wait_for_the_same() -> None:
    told = Told()

    assert told.passes(SAID_AFTER - 1, node("converter", FULL, FULL, ""), node("saver", "")) == []
    assert told.passes(60, node("converter", FULL, FULL, "")) == [f"converter | 2 replicas wait for a machine: {FULL}"]


def test_another_reason_is_said_too_and_other_numbers_are_none() -> None:
    told = Told()
    told.passes(10, node("converter", FULL))

    assert told.passes(20, node("converter", FULL.replace("are 0", "are 0.5"))) == []
    assert told.passes(20, node("converter", "the cluster has no machine")) == [
        "converter | waits for a machine: the cluster has no machine"
    ]


def test_what_flutters_is_not_said_and_who_waits_anew_is() -> None:
    told = Told()

    for reason in ("a", "b") * 20:
        assert told.passes(SAID_AFTER - 2, node("converter", reason)) == []
    assert len(told.passes(20, node("converter", "a"))) == 1
    assert told.passes(20, node("converter", "")) == []
    assert len(told.passes(20, node("converter", "a"))) == 1
