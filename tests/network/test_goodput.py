"""A wire between two hosts fills the link: `python -m tests.network.goodput` is the long form of this."""

import re
import subprocess
import sys

from tests.launch import ROOT
from tests.network.hosts import Host

Pair = tuple[Host, Host]
SHARE = 80  # percent of the link: the long form wants 90, on a machine that does nothing else


def test_frames_take_nearly_all_of_a_link_of_100_mbit_with_20_ms(pair: Pair) -> None:
    """`pair`: where there can be none the test is skipped, with the reason."""
    command = [sys.executable, "-m", "tests.network.goodput", "--frames=600", "--cuts", "--plain=1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)

    found = re.search(r"^frames: [\d.]+ Mbit/s, ([\d.]+)% of it$", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    assert SHARE < float(found[1]) < 100
