"""A wire between two hosts fills the link: `python -m tests.network.goodput` is the long form of this."""

import re
import subprocess
import sys

import pytest

from tests.launch import ROOT
from tests.network.hosts import Host

Pair = tuple[Host, Host]
LINE = r"^{}: [\d.]+ Mbit/s, ([\d.]+)% of it"
SHARE, PLAIN = 60, 90  # percent of the link; the long form wants 90, on a machine that does nothing else


def test_frames_fill_a_link_of_100_mbit_with_20_ms(pair: Pair) -> None:
    """`pair`: where there can be none the test is skipped, with the reason."""
    command = [sys.executable, "-m", "tests.network.goodput", "--frames=600", "--cuts", "--plain=2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)

    frames, plain = (
        re.search(LINE.format(what), done.stdout, re.MULTILINE) for what in ("frames", "plain ZeroMQ with CURVE")
    )
    assert frames and plain, done.stdout + done.stderr
    if float(plain[1]) < PLAIN:
        pytest.skip(
            f"this machine is so busy that plain ZeroMQ takes {plain[1]} % of the link, and frames {frames[1]} %"
        )
    assert SHARE < float(frames[1]) < 100
