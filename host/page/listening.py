"""Where the page is found: its address, its port, its token, and the file that tells."""

import errno
import os
import re
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from host import runfolder

ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%a-z]+)\]|(?P<host>[^:\[\]/?#@\s]+)):(?P<port>\d{1,5})")
LAST_PORT = 65535
TRIES = 100  # ports, from the wanted one on
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (to tell the user what he has asked for)
SECRET_SIZE = 32  # bytes


class NoPlace(Exception):
    """Raised when the page can be found nowhere; the words say why."""


def parted(address: str) -> tuple[str, int]:
    """The host and the port in `HOST:PORT`. Raises NoPlace."""
    found = ADDRESS.fullmatch(address)
    if not found or int(found["port"]) > LAST_PORT:
        raise NoPlace(f"{address!r} is no address of the page. Write HOST:PORT, e.g. 127.0.0.1:8080")
    return found["six"] or found["host"], int(found["port"])


def listen(host: str, first: int, again: int | None) -> socket.socket:
    """A socket that listens at `host`: on the port `again`, where it was, else on the first free one from `first` on.

    Raises NoPlace.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(host, first, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise NoPlace(f"the page cannot be at {host}: {error.strerror}") from None
    ports = [first, *range(first + 1, min(first + TRIES, LAST_PORT + 1))] if first else [0]
    for port in ([again] if again else []) + ports:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((place[0], port, *place[2:]))
            sock.listen()
        except OSError as error:
            sock.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise NoPlace(f"the page cannot be at {host}:{port}: {error.strerror}") from None
        else:
            return sock
    raise NoPlace(f"the page cannot be at {host}: all ports from {first} to {ports[-1]} are taken")


def last_port(file: Path) -> int | None:
    """Where the page of this run was, before its process died."""
    with suppress(OSError, ValueError):
        return urlsplit(file.read_text()).port
    return None


def write(file: Path, address: str) -> None:
    """Write `address` into `file`, whole or not at all, for its owner's eyes alone. Raises OSError."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
        new.write(f"{address}\n")
    fresh.replace(file)


def secret() -> bytes:
    """What tokens of this user's pages are made of: an open page finds back after a restart of the launcher.

    It lies beside the run folders. Raises OSError, runfolder.Refused.
    """
    file = runfolder.base() / "page.secret"
    with suppress(FileExistsError):
        made = os.open(fresh := file.with_name(f"{file.name}.{secrets.token_hex(8)}"), os.O_WRONLY | os.O_CREAT, 0o600)
        with open(made, "wb") as new:
            new.write(secrets.token_bytes(SECRET_SIZE))
        try:
            os.link(fresh, file)  # never over one that is there, never half of one
        finally:
            fresh.unlink()
    kept = file.read_bytes()
    if len(kept) != SECRET_SIZE:
        raise runfolder.Refused(f"{file} is damaged, and tokens made of it could be guessed: remove it")
    return kept


def shown(host: str) -> str:
    """The name under which a page that listens at `host` is found."""
    return socket.gethostname() if host in EVERYWHERE else host
