"""Which kind of file system a folder is on, whether all that write there are heard of, and whether it is mounted."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from bus import recall

MOUNTS = Path("/proc/self/mountinfo")
DISKS = ("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jffs2", "jfs", "minix", "nilfs2", "ubifs", "xfs", "zfs")
CARDS = ("exfat", "hfs", "hfsplus", "msdos", "ntfs", "ntfs3", "udf", "vfat")
MEMORY = ("devtmpfs", "ramfs", "rootfs", "tmpfs")
# Only this kernel writes to these, so it tells of every writer. On any other (a network's, a host's, FUSE, overlay)
# others may write behind its back, of whom it tells nothing, though it tells of our own files there.
LOCAL = frozenset((*DISKS, *CARDS, *MEMORY))
UNKNOWN = "an unknown file system"


def kind(folder: int) -> str:
    """The type of the file system that the open directory `folder` is on: ext4, nfs4, fuse.sshfs, …

    Source: proc_pid_mountinfo(5), `44 27 0:39 / /spool rw … - overlay overlay rw,…`, and mnt_id of proc_pid_fdinfo(5).
    """
    lines = os.fsdecode(MOUNTS.read_bytes()).split("\n")  # splitlines would end one within the names of some mounts
    mounts = dict(line.split(" ", 1) for line in lines if " " in line)
    for line in Path(f"/proc/self/fdinfo/{folder}").read_text().splitlines():
        if line.startswith("mnt_id:"):
            mount = mounts.get(line.split()[1], "")
            return mount.partition(" - ")[2].split(" ", 1)[0] or UNKNOWN
    return UNKNOWN


class Mounted:
    """Where the disk of a folder is mounted. While it is not, the same path leads to another disk, below the mount.

    What the first life of a run finds holds for all nodes and lives of that run: a disk that has gone meanwhile is
    missed. Without a run folder each life finds out anew.
    """

    def __init__(self, folder: Path) -> None:
        place = Path(os.path.realpath(folder))
        point = next(path for path in (place, *place.parents) if os.path.ismount(path))
        self._point = recall(f"the mount of {folder.absolute()}", str(point))
        self._disk: int | None = None  # the device that was mounted there when that was asked last

    def check(self) -> None:
        """Raises OSError while nothing is mounted there any longer."""
        with suppress(OSError):
            if os.lstat(self._point).st_dev == self._disk:  # which that of the folder above is not
                return
        if not os.path.ismount(self._point):
            raise OSError(errno.ENODEV, f"nothing is mounted at {self._point} any longer")
        self._disk = os.lstat(self._point).st_dev
