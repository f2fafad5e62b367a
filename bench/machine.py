"""Where it was measured: the machine, and the versions of all that took part."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from bench.family import ROOT

OURS = ("pyzmq", "Pillow", "numpy", "av", "pyinotify", "opencv-python-headless")


def facts(cache: Path) -> dict[str, Any]:
    """What the figures depend on; `load` is how busy others keep it now."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "disk": _disk(cache),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        "versions": _versions(),
        "commit": _said("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _disk(cache: Path) -> str:
    """The kind of file system that the cache lies on."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    place = cache.resolve()
    return max((mount for mount in mounts if place.is_relative_to(mount[0])), key=lambda mount: len(mount[0]))[1]


def _versions() -> dict[str, str]:
    found = {}
    for name in OURS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # it is not here, and what needs it is left out
    for program, flag in (("ffmpeg", "-version"), ("gst-launch-1.0", "--version")):
        if said := _said(program, flag):
            found[program] = next(word for word in said.split() if word[0].isdigit())
    return found


def _said(*command: str) -> str:
    """The first line of what a program says, or nothing where there is no such program."""
    if not shutil.which(command[0]):
        return ""
    said = subprocess.run(command, capture_output=True, text=True).stdout
    return said.partition("\n")[0]
