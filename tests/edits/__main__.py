"""Edit a graph again and again while frames flow, and say whether anything was lost, or made by what was not current.

Every frame shows its number in its pixels, and every result who has had it in hand. The edits, the ways in which they
are saved and the kills in between follow from the seed. Exit code 1 if any invariant was broken.
"""

import argparse
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.edits.campaign import Campaign

PASSED, BROKEN = 0, 1
SHOWN = 20  # wrongs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.edits", description=__doc__.partition("\n")[0])
    parser.add_argument("--edits", type=int, default=200, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (%(default)s)")
    options = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="zg-edits-"))
    print(f"{options.edits} edits, seed {options.seed}, in {folder}", flush=True)
    campaign, began = Campaign(folder, options.edits, options.seed, partial(print, flush=True)), time.monotonic()
    try:
        campaign.run()
        wrongs = [*campaign.wrongs()]
    except AssertionError as error:
        wrongs = [str(error)]
    print("\n".join(wrongs[:SHOWN]))
    struck = sum(len(deed.struck) for deed in campaign.deeds)
    figures = (
        f"{len(campaign.flow.dropped)} frames, {len(campaign.flow.results)} results, {len(campaign.deeds)} edits,"
        f" {struck} kills, {time.monotonic() - began:.0f} s; gap in the flow for each edit without a kill: median"
        f" {campaign.median_gap:.2f} s"
    )
    print(f"{'BROKEN' if wrongs else 'PASSED'}: {figures}; {len(wrongs)} wrong")
    if not wrongs:
        shutil.rmtree(folder)
    return BROKEN if wrongs else PASSED


if __name__ == "__main__":
    sys.exit(main())
