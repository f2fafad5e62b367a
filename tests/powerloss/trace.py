"""System calls of a process and all its children, as strace saw them: which began when, and was through when."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NAMES = (
    "open,openat,creat,write,pwrite64,writev,truncate,ftruncate,fallocate,copy_file_range,sendfile,link,linkat,symlink,"
    "symlinkat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,sync_file_range,syncfs,"
    "sync,sendto,sendmsg"
)
STRACE = ["strace", "-f", "-qq", "-y", "-xx", "-s", "100000000", "-e", f"trace={NAMES}", "-e", "signal=none"]

LINE = re.compile(r"(\d+) +(.*)")
CALL = re.compile(r"(\w+)\((.*?)(?:( <unfinished \.\.\.>)|\) += (-?\d+|\?).*)")
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)")
HEX = r"(?:\\x[0-9a-f]{2})*"
ARGUMENT = re.compile(rf'"({HEX})"(\.\.\.)?|(-?\d+|AT_FDCWD)<({HEX})>(\(deleted\))?|([\w|]+)')

Argument = Path | bytes | str  # an open file or folder, a string, and all else as it is written


class Call(NamedTuple):
    """A system call that succeeded."""

    begin: int  # line of the trace
    end: int  # likewise: from here on it was done
    name: str
    arguments: list[Argument]

    @property
    def paths(self) -> list[Path]:
        """The paths that it names; relative ones to the folder in which the launcher and all nodes run."""
        found, folder = [], Path()
        for argument in self.arguments:
            if isinstance(argument, Path):
                folder = argument
            elif isinstance(argument, bytes):
                found.append(folder / argument.decode(errors="surrogateescape"))
                folder = Path()
        return found

    @property
    def file(self) -> Path:
        """The open file that it is about."""
        assert isinstance(self.arguments[0], Path), self
        return self.arguments[0]

    @property
    def content(self) -> bytes:
        return b"".join(argument for argument in self.arguments if isinstance(argument, bytes))


def traced(command: list[str], folder: Path, trace: Path) -> subprocess.CompletedProcess[str]:
    """Run `command` in `folder`, with its calls in the file `trace`."""
    whole = [*STRACE, "--seccomp-bpf", "-o", str(trace), *command]
    return subprocess.run(whole, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def calls(trace: Path) -> Iterator[Call]:
    """Those that succeeded, in the order in which they ended."""
    begun: dict[str, tuple[int, str]] = {}  # thread -> where its call began, and how
    with open(trace) as lines:
        for number, line in enumerate(lines):
            thread, text = LINE.fullmatch(line.rstrip("\n")).groups()  # type: ignore[union-attr]
            begin = number
            if resumed := RESUMED.fullmatch(text):
                begin, before = begun.pop(thread)
                text = before + resumed[2]
            found = CALL.fullmatch(text)
            if not found:
                continue  # an exit
            if found[3]:
                begun[thread] = number, text.removesuffix(found[3])
            elif found[4] != "?" and int(found[4]) >= 0:
                yield Call(begin, number, found[1], [_argument(each) for each in ARGUMENT.finditer(found[2])])


def _argument(found: "re.Match[str]") -> Argument:
    string, cut, _, path, _, other = found.groups()
    assert not cut, "strace has left something out"
    if string is not None:
        return _bytes(string)
    return Path(_bytes(path).decode(errors="surrogateescape")) if path is not None else other


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))
