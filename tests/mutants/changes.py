"""Mutants of the changes of a running graph: what is noticed, who restarts, and what becomes of those who leave."""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "half of a save is taken for all of it",
        "host/follow.py",
        "now - self._since < STILL",
        "now - self._since < 0",
        ("tests/test_follow.py",),
    ),
    Mutant(
        "a graph that others can write is followed",
        "host/follow.py",
        "            raise Refused(trouble)\n",
        "            pass\n",
        ("tests/test_follow.py",),
    ),
    Mutant(
        "the pusher of a wire that gets other ends goes on",
        "host/difference.py",
        "sorted(before.argv[start:]) == sorted(after.argv[start:])",
        "[one for one in before.argv if one[:6] != '--push'] == [one for one in after.argv if one[:6] != '--push']",
        ("tests/test_difference.py",),
    ),
    Mutant(
        "what a replica that leaves had on the way is lost in the books",
        "host/view/ledger.py",
        '            left["taken"] = sum(counters[verdict] for verdict in ("done", "dead", "dropped"))\n',
        "",
        ("tests/test_ledger.py",),
    ),
    Mutant(
        "who was killed because it did not leave in time is blamed",
        "host/remains.py",
        "        hand.write(bytes(SINCE.size))\n",
        "        pass\n",
        ("tests/test_remains.py",),
    ),
    Mutant(
        "what has ended never lives again",
        "host/change.py",
        '        if child.over == "ended":\n',
        "        if False:\n",
        ("tests/test_changes.py",),
    ),
    Mutant(
        "a replica that is to be another one begins as what it was",
        "host/child.py",
        "        self.process, self.successor = self.successor, None\n",
        "        self.successor = None\n",
        ("tests/test_edits.py",),
    ),
)
