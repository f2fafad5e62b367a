"""Files that appear whole or not at all, and stay: temporary name, fsync, rename, fsync of the folder, in groups."""

import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bus import step
from bus.durable import FOLDER, opened, sync_files, sync_folder, sync_way
from media.storage.mounts import Mounted

PARTIAL = ".partial"  # the folder at the root in which files are written; it is there only while somebody writes
RIVALS = 16  # processes whose `retain` may each just now remove the folder, emptied by it, in which we write
MARK = "user.zg.result"  # the extended attribute that says: a node saved this

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

# What a file's own name can be guilty of; any other failure is the disk's.
NAME_FAULTS = (errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
NO_ATTRIBUTES = (errno.ENOTSUP, errno.ENOSYS)

Parts = tuple[str, ...]  # a path below the root; no part is empty, hidden or `..`


class File(NamedTuple):
    """What is to be written, and where."""

    parts: Parts
    content: bytes
    refuse: Callable[[str], None]  # called with the reason if it can never be written under this name


class AtomicFolder:
    """A folder in which files appear whole or not at all. Several processes may write into it at once."""

    def __init__(self, path: Path, sync: bool) -> None:
        """Without `sync` nothing is fsynced: files outlive the death of any process, but not a power cut."""
        self.path, self.sync = path, sync
        self._mounted = Mounted(path)
        self._known: tuple[int, ...] = ()  # of which folder the way is on the disk

    def make(self) -> None:
        """Make the folder, see that it can be written to, remove what the dead left half-written. Raises OSError."""
        self._mounted.check()
        self._make(self.path)
        with opened(self.path, FOLDER) as root, _partial_folder(root):
            self._mounted.check()
            self._sync_way(root)

    def write(self, files: Sequence[File]) -> None:
        """Put every file in place, over what has its name.

        Raises OSError if the disk fails; then nothing half-written is left, and the same call may be made again.
        """
        for _ in range(RIVALS):
            with contextlib.suppress(FileNotFoundError):
                self._write(files)
                return
        self._write(files)

    def _write(self, files: Sequence[File]) -> None:
        self._mounted.check()
        if self._make(self.path):
            print(f"{self.path} was removed, with what was saved in it: makes it again and goes on")
        with (
            opened(self.path, FOLDER) as root,
            _partial_folder(root) as partial,
            contextlib.closing(_Group(root, partial)) as group,
        ):
            self._mounted.check()  # what was opened is the folder that was meant, and not one below the mount
            for file in files:
                with step("write"):
                    group.write(file)
            if self.sync:
                with step("sync"):
                    group.sync_files()
            group.place()
            if self.sync:
                with step("sync the folders"):
                    group.sync_folders()
                    self._sync_way(root)
        for file, words in group.refused:  # only now: the next try might have placed it
            file.refuse(words)

    def _sync_way(self, root: int) -> None:
        """Bring the folder's own name to the disk, again if another process may have made the folder anew."""
        its, above = os.fstat(root), self.path.parent.stat()  # a new folder may have the inode of the last one
        seen = its.st_dev, its.st_ino, above.st_ino, above.st_mtime_ns
        if self.sync and seen != self._known:
            sync_way(self.path)
            self._known = seen

    def _make(self, folder: Path) -> bool:
        """Make the folder, and those above it; False if it is there."""
        if folder.is_dir():
            return False
        if folder.exists():
            raise NotADirectoryError(errno.ENOTDIR, f"{folder} is not a folder")
        self._make(folder.parent)
        folder.mkdir(exist_ok=True)
        if self.sync:
            try:
                with contextlib.suppress(PermissionError), opened(folder.parent, FOLDER) as parent:  # as in sync_way
                    sync_folder(parent)
            except OSError:
                with contextlib.suppress(OSError):  # else its name would count as being on the disk at the next try
                    folder.rmdir()
                raise
        return True


class _Group:
    """Files on their way into place, and the folders they go to: all by descriptor, never through a symbolic link."""

    def __init__(self, root: int, partial: int) -> None:
        self._partial = partial
        self._folders: dict[Parts, int] = {(): root}
        self._files: dict[str, tuple[int, File]] = {}  # by temporary name: its descriptor, and what it will be
        self._placed: set[str] = set()  # of their temporary names
        self.refused: list[tuple[File, str]] = []  # with the reason

    def write(self, file: File) -> None:
        """Write it under a temporary name, unless there is no way to where it belongs."""
        try:
            self._enter(file.parts[:-1])
        except OSError as error:
            self._refuse(file, error)
            return
        name = secrets.token_hex(8)
        descriptor = os.open(name, NEW_FILE, 0o666, dir_fd=self._partial)
        self._files[name] = (descriptor, file)
        _mark(descriptor)
        rest = memoryview(file.content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def sync_files(self) -> None:
        """Bring the contents to the disk."""
        sync_files([descriptor for descriptor, _ in self._files.values()])

    def place(self) -> None:
        """Give every file its own name."""
        for name, (_, file) in self._files.items():
            try:
                with step("place"):
                    os.rename(name, file.parts[-1], src_dir_fd=self._partial, dst_dir_fd=self._enter(file.parts[:-1]))
                self._placed.add(name)
            except OSError as error:
                self._refuse(file, error)

    def sync_folders(self) -> None:
        """Bring the names to the disk, those of the folders on the way included: who made them may not have yet."""
        for folder in self._folders.values():
            sync_folder(folder)

    def close(self) -> None:
        """Remove what was not placed."""
        for name in self._files.keys() - self._placed:
            with contextlib.suppress(OSError):  # the disk refuses: whoever leaves last tries again
                os.unlink(name, dir_fd=self._partial)
        with contextlib.ExitStack() as descriptors:  # closes all of them, whatever a disk that fails says of one
            for descriptor, _ in self._files.values():
                descriptors.callback(os.close, descriptor)
            for folder in self._folders.keys() - {()}:
                descriptors.callback(os.close, self._folders[folder])

    def _enter(self, folder: Parts) -> int:
        if folder not in self._folders:
            parent = self._enter(folder[:-1])
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder[-1], dir_fd=parent)
            self._folders[folder] = os.open(folder[-1], FOLDER | os.O_NOFOLLOW, dir_fd=parent)
        return self._folders[folder]

    def _refuse(self, file: File, error: OSError) -> None:
        if error.errno not in NAME_FAULTS:
            raise error
        self.refused.append((file, f"cannot save as {'/'.join(file.parts)!r}: {error.strerror}"))


@contextlib.contextmanager
def _partial_folder(root: int) -> Iterator[int]:
    """The folder of temporary names. The last to leave it removes it, with all that dead writers left in it."""
    partial = _join_partial(root)
    try:
        yield partial
    finally:
        with contextlib.suppress(OSError):  # somebody writes; or there are no locks here, and it stays
            fcntl.flock(partial, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with os.scandir(partial) as leftovers:
                for leftover in leftovers:
                    os.unlink(leftover.name, dir_fd=partial)
            os.rmdir(PARTIAL, dir_fd=root)
        os.close(partial)


def _join_partial(root: int) -> int:
    while True:
        with contextlib.suppress(FileExistsError):
            os.mkdir(PARTIAL, dir_fd=root)
        with contextlib.suppress(FileNotFoundError):  # removed by the last to leave, just now
            partial = os.open(PARTIAL, FOLDER | os.O_NOFOLLOW, dir_fd=root)
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(partial, fcntl.LOCK_SH)
            if os.fstat(partial).st_nlink:
                return partial
            os.close(partial)


def _mark(descriptor: int) -> None:
    try:
        os.setxattr(descriptor, MARK, b"")
    except OSError as error:
        if error.errno not in NO_ATTRIBUTES:
            raise
