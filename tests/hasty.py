"""A launcher that looks more often, and decides sooner how many replicas are wanted.

python -m tests.hasty PYTHON launcher.py graph.yaml …
"""

import runpy
import sys

from host import demand, rounds

if __name__ == "__main__":
    rounds.LOOK, demand.UP_AFTER, demand.DOWN_AFTER = 0.5, 0.5, 1.5
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
