"""Send frames through a pool while a machine is lost, one comes, and the pool grows and shrinks; was each right, once?

The machines are three of a real cluster of Ray's, all on this one. Exit code 1 if anything was lost, wrong or twice.
"""

import argparse
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.linked import ports
from tests.pool.campaign import Campaign
from tests.raycluster import machines

PASSED, BROKEN = 0, 1
SHOWN = 20  # wrongs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.pool", description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=5000, help="how many (%(default)s)")
    parser.add_argument("--low", type=int, default=2, help="replicas at first, and at last (%(default)s)")
    parser.add_argument("--high", type=int, default=6, help="replicas in between (%(default)s)")
    options = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="zg-pool-"))
    (folder / "graph").mkdir()
    print(f"{options.frames} frames, {options.low} to {options.high} replicas, in {folder}", flush=True)
    with machines(folder / "c") as cluster:
        campaign = Campaign(
            folder / "graph", cluster, ports(23_000, "master"), options.frames, options.low, options.high
        )
        began = time.monotonic()
        try:
            campaign.run(partial(print, flush=True))
            wrongs = [*campaign.wrongs()]
        except AssertionError as error:
            wrongs = [str(error)]
    print("\n".join(wrongs[:SHOWN]))
    for words, gap in campaign.gaps.items():
        print(f"{words}: at most {gap:.1f} s without a result")
    figures = f"{options.frames} frames in {time.monotonic() - began:.0f} s, {campaign.saves} saves"
    print(f"{'BROKEN' if wrongs else 'PASSED'}: {figures}; {len(wrongs)} wrong")
    if not wrongs:
        shutil.rmtree(folder / "graph")
    return BROKEN if wrongs else PASSED


if __name__ == "__main__":
    sys.exit(main())
