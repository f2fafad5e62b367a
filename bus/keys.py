"""One CURVE key pair per host: the private half in a file that only its owner can read."""

import os
import stat
from pathlib import Path

import zmq

KEY_LENGTH = 40  # characters of a key in Z85, https://rfc.zeromq.org/spec/32/


class BadKey(ValueError):
    """Raised when a key or its file cannot be used; the words name the file and the cure."""


def make(path: Path) -> str:
    """Write a new private key to `path` (0600, its folder 0700) and return the public key. Raises FileExistsError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    public, private = zmq.curve_keypair()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private + b"\n")
    return public.decode()


def read(path: Path) -> tuple[bytes, bytes]:
    """The (public, private) key pair of the private key in `path`. Raises BadKey."""
    try:
        its, private = path.stat(), path.read_bytes().strip()
    except OSError as error:
        raise BadKey(f"{path}: the private key cannot be read: {error.strerror}") from None
    mode = stat.S_IMODE(its.st_mode)
    # What root has put there for a group, as Kubernetes mounts secrets, is not this user's to change.
    is_lent = its.st_uid == 0 and os.geteuid() != 0
    if mode & (0o037 if is_lent else 0o077):
        raise BadKey(f"{path} can be read by others ({mode:04o}): a private key must be 0600. chmod 600 {path}")
    try:
        return zmq.curve_public(private), private
    except (ValueError, zmq.ZMQError):
        raise BadKey(f"{path} holds no private key: {KEY_LENGTH} characters of Z85 are expected") from None
