"""Mounts for a test: each is gone when its with-block ends; where they are not allowed the test is skipped."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import need, until

REFUSED = ("permission denied", "not permitted", "only root", "must be superuser")


@contextmanager
def disk(place: Path, kind: str = "tmpfs", options: str = "") -> Iterator[Path]:
    """An empty file system of its own at `place`: full when the test wants it."""
    with _mounted("mount", "-t", kind, *(["-o", options] if options else []), kind, str(place), at=place):
        yield place


def change(place: Path, options: str) -> None:
    """Give the file system at `place` other options, as soon as no open file stands in the way."""
    until(partial(_changed, place, options), 10, f"{place} as {options}")


def _changed(place: Path, options: str) -> bool:
    done = subprocess.run(
        ["mount", "-o", f"remount,{options}", str(place)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 or "busy" in done.stderr, done.stderr
    return done.returncode == 0


@contextmanager
def bound(source: Path, place: Path) -> Iterator[Path]:
    """The folder `source`, at a second place."""
    with _mounted("mount", "--bind", str(source), str(place), at=place):
        yield place


@contextmanager
def taken_away(source: Path, place: Path) -> Iterator[None]:
    """A block in which nothing is mounted at `place`, where `bound` has mounted `source`."""
    subprocess.run(["umount", "--lazy", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "--bind", str(source), str(place)], check=True)


@contextmanager
def overlay(place: Path) -> Iterator[Path]:
    """An overlay at `place`; yields its upper folder, in which one can write behind it."""
    lower, upper, work = (place.with_name(f".{place.name}.{part}") for part in ("lower", "upper", "work"))
    for folder in (lower, upper, work):
        folder.mkdir()
    parts = f"lowerdir={lower},upperdir={upper},workdir={work}"
    with _mounted("mount", "-t", "overlay", "overlay", "-o", parts, str(place), at=place):
        yield upper


@contextmanager
def passed_through(place: Path, *options: str) -> Iterator[Path]:
    """A FUSE file system at `place`; yields the folder that it passes through, in which one can write behind it."""
    need("bindfs", "fusermount")
    behind = place.with_name(f".{place.name}.behind")
    behind.mkdir()
    with _mounted("bindfs", *options, str(behind), str(place), at=place):
        yield behind


@contextmanager
def _mounted(*command: str, at: Path) -> Iterator[None]:
    at.mkdir(exist_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        refused = any(words in done.stderr.lower() for words in REFUSED)
        (pytest.skip if refused else pytest.fail)(f"{' '.join(command[:3])}: {done.stderr.strip()}")
    try:
        yield
    finally:
        end = ["umount", "--lazy"] if os.geteuid() == 0 else ["fusermount", "-u", "-z"]
        subprocess.run([*end, str(at)], check=True)
