"""--reload: a trial that is run again at each save of a Python file beside the node's."""

import ctypes
import os
import select
import signal
import subprocess
import sys
from contextlib import closing
from importlib.util import cache_from_source
from pathlib import Path

IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_TO = 0x2, 0x8, 0x80  # <sys/inotify.h>
STILL = 50  # milliseconds without an event after which a save is whole
LOOK = 1000  # milliseconds between two looks at folders that tell of no events, such as some mounts
PATIENCE = 2.0  # seconds that a trial has to leave


def again(source: Path) -> int:
    """Run this very command line without --reload, now and at each save in the folder of `source`, until Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    command = [sys.executable, *(word for word in sys.orig_argv[1:] if word != "--reload")]
    child = None
    with closing(Saves(source.parent)) as saves:
        try:
            while True:
                saves.forget_compiled()
                child = subprocess.Popen(command, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
                saves.wait(child)
                if child.poll() is None:
                    leave(child)
                else:
                    print("tried; again at the next save, Ctrl-C ends it")
                    saves.wait()
                print(f"---- {', '.join(saves.changed)} saved")
        except KeyboardInterrupt:
            if child:
                leave(child)
            return 0


def leave(child: "subprocess.Popen[bytes]") -> None:
    """End it, gently if it can."""
    child.send_signal(signal.SIGINT)
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class Saves:
    """Of the Python files in a folder, whichever way an editor writes them."""

    def __init__(self, folder: Path) -> None:
        self.changed: list[str] = []  # the names of what was saved last
        self._folder = folder
        libc = ctypes.CDLL(None, use_errno=True)
        self._events = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if libc.inotify_add_watch(self._events, os.fsencode(folder), IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO) < 0:
            raise OSError(ctypes.get_errno(), f"cannot watch {folder}")
        self._seen = self._stamps()

    def wait(self, child: "subprocess.Popen[bytes] | None" = None) -> None:
        """Wait until something is saved, or until `child` has ended."""
        ends = os.pidfd_open(child.pid) if child else -1
        waits = select.poll()
        for one in (self._events, ends):
            waits.register(one, select.POLLIN) if one >= 0 else None
        try:
            while not self._saved():
                if any(one == ends for one, _ in waits.poll(LOOK)):
                    return
        finally:
            if child:
                os.close(ends)

    def _saved(self) -> bool:
        """Whether something is, and nobody writes any more."""
        quiet = select.poll()
        quiet.register(self._events, select.POLLIN)
        while True:
            try:
                os.read(self._events, 65536)
            except BlockingIOError:
                pass
            else:
                quiet.poll(STILL)
                continue
            stamps = self._stamps()
            self.changed = sorted(name for name in stamps if stamps[name] != self._seen.get(name))
            self._seen = stamps
            return bool(self.changed)

    def forget_compiled(self) -> None:
        """What Python keeps of a file it takes for that of another one of the same size and second."""
        for name in self._seen:
            Path(cache_from_source(str(self._folder / name))).unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._events)

    def _stamps(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for file in self._folder.glob("*.py"):
            try:
                facts = file.stat()
            except FileNotFoundError:
                continue  # an editor is about to put it back
            found[file.name] = facts.st_ino, facts.st_mtime_ns, facts.st_size
        return found
