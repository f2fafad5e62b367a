"""A dead letter goes back into its watched folder, in one step, and overwrites nothing there."""

import ctypes
import errno
import fcntl
import os
from contextlib import ExitStack, suppress
from pathlib import Path

from host.letters import DEAD_LETTERS, Letter, note_of, printable, returning

TAKEN = ".taken"  # in the watched folder: what its watcher has claimed; see media/watched/claims.py
FOLDER = os.O_RDONLY | os.O_DIRECTORY
RENAME_NOREPLACE = 1  # <linux/fs.h>
NOT_IN_ONE_STEP = (errno.EINVAL, errno.ENOSYS)  # what renameat2(2) says where it cannot do that

_libc = ctypes.CDLL(None, use_errno=True)


class Stays(Exception):
    """Why a dead letter stays where it is, and what helps."""


def put_back(letter: Letter) -> Path:
    """Move it back under the path that it had, remove its note and the folders that are empty now; the watched folder.

    Raises Stays.
    Before the move the note gets another name: the watcher may claim the file and set it aside again at once, with a
    note of its own. Killed in between, it leaves a dead letter with its note, or a note without one, which is none.
    """
    home_path = letter.place.home
    if home_path is None:
        raise Stays(f"it came from no folder: put {printable(str(letter.path))} into a watched one, or try it")
    with ExitStack() as stack:

        def opened(path: str | Path, root: int | None = None, flags: int = FOLDER) -> int:
            fd = os.open(path, flags, dir_fd=root)
            stack.callback(os.close, fd)
            return fd

        try:
            home = opened(home_path)
            if _exists(letter.own, home) or _exists(f"{TAKEN}/{letter.own}", home):
                raise FileExistsError
            dead = opened(DEAD_LETTERS, home)
            source, target = dead, home
            *above, name = letter.name.split("/")
            for part in above:
                source = opened(part, source, FOLDER | os.O_NOFOLLOW)
            *above_own, own = letter.own.split("/")
            for part in above_own:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=target)
                target = opened(part, target, FOLDER | os.O_NOFOLLOW)
            _move(source, name, target, own, letter.note)
            _clear(dead, above)
        except FileExistsError:
            raise Stays(f"{printable(letter.own)} waits there already; retry it when it is through") from None
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            raise Stays(f"it cannot be moved ({error.strerror}{where})") from None
    return home_path


def what_follows(home: Path) -> str:
    """What becomes of what went back to the watched folder: its watcher holds it locked while it is at work."""
    at_next_start = "no watcher is at work there, so they are done at its next start"
    try:
        folder = os.open(home, FOLDER)
    except OSError:
        return at_next_start
    try:
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)  # a watcher that comes in this moment asks again
    except BlockingIOError:
        return "its watcher takes them now"
    except OSError:  # no locks there
        return "its watcher takes them now, or at its next start"
    finally:
        os.close(folder)
    return at_next_start


def _move(source: int, name: str, target: int, own: str, note: str) -> None:
    """Raises FileExistsError, OSError; then all is as it was."""
    aside = returning(name)
    if note:
        os.rename(note, aside, src_dir_fd=source, dst_dir_fd=source)
    try:
        _rename_new(source, name, target, own)
    except OSError:
        if note:
            with suppress(OSError):  # it is found under that name, too
                _rename_new(source, aside, source, note_of(name))
        raise
    if note:
        with suppress(FileNotFoundError):  # another retry found it
            os.unlink(aside, dir_fd=source)


def _clear(dead: int, above: list[str]) -> None:
    """Remove the folders that are empty now."""
    with suppress(OSError):  # something is left in it
        while above:
            os.rmdir("/".join(above), dir_fd=dead)
            above.pop()


def _rename_new(source: int, name: str, target: int, place: str) -> None:
    """Rename `name` to `place` if nothing has that name. Raises FileExistsError if something has, OSError."""
    code = errno.ENOSYS
    if hasattr(_libc, "renameat2"):
        if not _libc.renameat2(source, os.fsencode(name), target, os.fsencode(place), RENAME_NOREPLACE):
            return
        code = ctypes.get_errno()
    if code not in NOT_IN_ONE_STEP:
        raise OSError(code, os.strerror(code), place)
    if _exists(place, target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place)
    os.rename(name, place, src_dir_fd=source, dst_dir_fd=target)


def _exists(name: str, folder: int) -> bool:
    """Whether the open `folder` has something of this name, be it a link to nothing."""
    with suppress(FileNotFoundError, NotADirectoryError):
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        return True
    return False
