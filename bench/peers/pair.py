"""Two programs at once, a receiver and a sender: `python -m bench.peers.pair bench.peers.pyzmq plan.json`."""

import subprocess
import sys


def main(module: str, plan: str) -> int:
    """The exit code of the one that fails, or 0."""
    commands = [[sys.executable, "-m", module, verb, plan] for verb in ("receive", "send")]
    children = [subprocess.Popen(command) for command in commands]
    return max(abs(child.wait()) for child in children)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
