"""What a process that the launcher keeps beside the nodes begins with."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def go_with_launcher() -> None:
    """Be killed when the launcher dies, however it does (prctl(2)); the janitor sees to the rest."""
    if "ZG_RUN" in os.environ:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
