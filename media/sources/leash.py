"""Run a program that dies with its parent: `python leash.py PARENT PROGRAM ARGUMENT…`, PARENT being a process id.

A program of its own, because what subprocess can run between fork and exec is not safe beside other threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2); it lasts over exec


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # which Python ignores, and exec would hand on
    if os.getppid() == int(sys.argv[1]):  # it has not died already
        os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - an argument list, never a shell
