"""What a stand-in asks for: a replica, and all that its machine needs to know of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bus import keys
from host import keyring
from host.runfolder import Refused

KEYS = "ZG_KEYS"  # the variable that names the folder of a machine's private keys


@dataclass(frozen=True)
class Order:
    """As it stands on the stand-in's command line, see host/command.py."""

    replica: str
    pool: str
    argv: tuple[str, ...]  # without the interpreter where it is a module, and without --run and --key
    folder: str  # of the graph, where its launcher runs
    is_module: bool = True
    env: Mapping[str, str] = field(default_factory=dict)
    key: str = ""  # the pool's public one
    resources: Mapping[str, Any] = field(default_factory=dict)  # Ray's own words
    memory: int | None = None  # bytes
    stall: float | None = None  # seconds
    pushers: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Order:
        """Raises TypeError if something that it needs is not given."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in given.items() if name in known})

    @property
    def command(self) -> tuple[str, ...]:
        """The command line on this machine, without --run and --key."""
        return (*([sys.executable] if self.is_module else []), *self.argv)

    def private_key(self) -> Path | None:
        """The file of the pool's private key on this machine; None if the graph has no keys. Raises Refused."""
        if not self.key:
            return None
        named = os.environ.get(KEYS)
        path = Path(named) / f"{self.pool}.key" if named else keyring.file(Path(self.folder), self.pool)
        try:
            public = keys.read(path)[0].decode()
        except keys.BadKey as error:
            cure = f"Copy it there, with a mode of 0600, or set {KEYS} where Ray is started to the folder that it is in"
            raise Refused(f"{error}. {cure}") from None
        if public != self.key:
            raise Refused(f"{path} is not the private key of {self.pool}: its public half is {public}")
        return path
