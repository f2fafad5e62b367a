"""Whether others could write a file: then they could have its owner's launcher run whatever they like."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

SHARED, EVERYBODY = stat.S_IWGRP, stat.S_IWOTH


def open_to_others(path: Path) -> str:
    """Who else can write the file or folder `path`, and the cure, in words; empty if nobody can, or if it is gone."""
    try:
        its = path.stat()
    except OSError:
        return ""
    if its.st_uid not in (0, os.geteuid()):
        return f"{path} belongs to {_user(its.st_uid)}, who can change it: make it yours with chown, or copy it"
    if its.st_mode & EVERYBODY or (its.st_mode & SHARED and not _is_private(its.st_gid)):
        return f"others can write {path} (mode {stat.S_IMODE(its.st_mode):o}): chmod go-w {path}"
    return ""


def _is_private(group: int) -> bool:
    """Whether it is the group of this user alone, as many systems give each user one of its own name."""
    try:
        facts, user = grp.getgrgid(group), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return facts.gr_name == user.pw_name and set(facts.gr_mem) <= {user.pw_name}


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
