"""A janitor that is nobody's child: Ray kills the children of a worker that ends, and it must outlive that."""

import os
import subprocess
import sys
from io import FileIO
from pathlib import Path

from host import janitor

SCRIPT = 'exec 3<&0; "$@" <&3 3<&- >/dev/null 2>&1 &'  # the shell ends at once, and its child belongs to init


def start_apart(run_id: str, folder: Path) -> FileIO:
    """Start a janitor for `run_id`, which lives in `folder`; closing what is returned, or dying, sets it to work.

    Raises OSError.
    """
    reading, writing = os.pipe()
    strange = (*janitor.OURS, *janitor.SYSTEMD)
    subprocess.run(
        ["/bin/sh", "-c", SCRIPT, "sh", sys.executable, "-I", "-S", janitor.__file__, run_id, str(folder)],
        cwd="/",
        env={name: value for name, value in os.environ.items() if name not in strange},
        stdin=reading,
        start_new_session=True,
        check=True,
    )
    os.close(reading)
    return open(writing, "wb", buffering=0)
