"""A batch of cases in a process of its own, whose death tells which one it was: each is in a file before it runs."""

import argparse
import faulthandler
import json
import resource
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.cases import cases
from tests.fuzz.judge import Case, judge
from tests.memory import peak

HANG = 20  # seconds that any case may take; the node's stall is 30
SPACE = 4 * 1024**3  # bytes of address space: the largest image that is decoded takes 1.4 GiB


class TimeUp(KeyboardInterrupt):
    """Which hypothesis lets through."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cases", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--case", type=Path, required=True, help="where each case is written before it runs")
    given_ = parser.parse_args()
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
    counts: Counter[str] = Counter()
    worst, until = 0.0, time.monotonic() + given_.seconds

    @seed(given_.seed)
    @settings(
        max_examples=given_.cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(cases())
    def run(case: Case) -> None:
        nonlocal worst
        if time.monotonic() > until:
            raise TimeUp
        given_.case.write_bytes(case.dump())
        signal.alarm(HANG)  # its default is death, also inside of a decoder
        start = time.monotonic()
        try:
            counts[judge(case, given_.case.parent)] += 1
        finally:
            signal.alarm(0)
        worst = max(worst, time.monotonic() - start)

    with suppress(TimeUp):
        run()
    print(json.dumps({"counts": counts, "worst": worst, "peak": peak()}))


if __name__ == "__main__":
    main()
