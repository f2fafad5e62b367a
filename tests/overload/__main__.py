"""Overload graphs with a source ten times faster than they are: `python -m tests.overload --seconds 600`.

Each shape runs for so many seconds under the real launcher. For each node: the most memory that it held, its bound
(twice its byte credit and 64 MiB; see tests/overload/memory.py), and how it grew. Then what the promises come to:
nothing lost and the source held, or how old frames were and whether each is accounted for. Exit code 1 if anything does
not hold.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.overload.memory import FREE, MIB
from tests.overload.painted import SIZES
from tests.overload.shapes import RATE, SHAPES, Load
from tests.overload.trial import Outcome, run


def main() -> int:
    words = argparse.ArgumentParser("python -m tests.overload", description=__doc__.partition("\n")[0])
    words.add_argument("--seconds", type=float, default=20.0, help="for each shape (default: 20)")
    words.add_argument("--conversion", type=float, default=0.3, help="seconds that a frame takes (default: 0.3)")
    words.add_argument("--size", choices=SIZES, default="1080p", help="of the frames (default: 1080p)")
    words.add_argument("shapes", nargs="*", choices=[[], *SHAPES], metavar="SHAPE", help=", ".join(SHAPES))
    wanted = words.parse_args()
    broken = 0
    for name in wanted.shapes or SHAPES:
        shape = SHAPES[name]
        rate = RATE if shape.live else 1 / wanted.conversion
        load = Load(max(20, round(wanted.seconds * rate)), *SIZES[wanted.size], wanted.conversion)
        print(f"{name}: {shape.words}; {load.count} frames of {wanted.size}, {wanted.conversion:g} s each", flush=True)
        with tempfile.TemporaryDirectory(prefix="zg-load-") as folder:
            outcome = run(shape, load, Path(folder))
        show(outcome)
        broken += len(outcome.broken)
    print("all holds" if not broken else f"{broken} promises are broken")
    return 1 if broken else 0


def show(outcome: Outcome) -> None:
    for name, verdict in outcome.memory.items():
        slope = "" if verdict.slope is None else f", {verdict.slope:+.2f} MiB/min"
        credit = (verdict.bound - FREE) / 2 / MIB
        bound = f"2 x {credit:.0f} + 64 = {verdict.bound / MIB:.0f} MiB"
        print(f"  {name:11} peak {verdict.peak / MIB:4.0f} MiB of {bound}{slope}{'' if verdict.holds else ': BROKEN'}")
    ages = outcome.ages
    print(
        f"  ages: median {ages[len(ages) // 2]:.3f} s, p95 {outcome.p95:.3f} s; at most {outcome.most_waiting} waited"
    )
    print(f"  {outcome.summary}")
    for words in outcome.broken:
        print(f"  BROKEN: {words}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
