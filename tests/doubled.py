"""A replica with two lives at once: what believes it dead has started it anew elsewhere, and the old life goes on.

The node `far` dials its wires, as one on another machine does; the nodes at their other ends bind them. Each life of
each node has a run folder of its own, as on a host of its own.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from bus import books
from bus.link import Pipe
from host import keyring
from tests.conftest import until
from tests.linked import ports
from tests.wiring import PATIENCE, Graph


class Doubled(Graph):
    def __init__(self, folder: Path, worker: str, far: str, *, tcp: bool) -> None:
        super().__init__(folder)
        self._far = far
        self._old: list[subprocess.Popen[bytes]] = []
        self._port = ports(21000, worker) if tcp else 0
        self._ports: dict[tuple[str, str, str], int] = {}
        self._keys = {host: keyring.make(folder, host) for host in ("here", "there")} if tcp else {}

    def __enter__(self) -> "Doubled":
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._old:
            process.kill()
            process.wait()
        super().__exit__(*error)

    def begin_anew(self, replica: str) -> subprocess.Popen[bytes]:
        """Start another life of it beside the one that it has, which is returned."""
        self._old.append(self._processes.pop(replica))
        self.start_replica(replica)
        return self._old[-1]

    def restart(self, replica: str) -> None:
        """Kill the life that it has, and wait until the next one has sent something."""
        lives = len(self.places(replica))
        self.signal(replica)

        def is_at_work() -> bool:
            self.tend()
            file = self.places(replica)[-1] / f"{replica}.books"
            is_there = len(self.places(replica)) > lives and file.exists() and file.stat().st_size > 0
            return is_there and books.read_whole(file, ["out"]).wires["out"]["sent"] > 0

        until(is_at_work, PATIENCE, f"another life of {replica}")

    def start_replica(self, replica: str, more: object = ()) -> None:
        place = tempfile.mkdtemp(prefix=f"{replica}-", dir=self.run)
        key = [f"--key={self.folder}/keys/{self._host(replica)}.key"] if self._keys else []
        super().start_replica(replica, [f"--run={place}", *key])

    def places(self, replica: str) -> list[Path]:
        """The run folders of its lives, the oldest first."""
        return sorted(self.run.glob(f"{replica}-*"), key=os.path.getctime)

    def ended(self, replica: str) -> bool:
        return any((place / f"{replica}.done").exists() for place in self.places(replica))

    def books(self, replica: str) -> dict[str, int]:
        """Those of its last life."""
        read = books.read(self.places(replica)[-1] / f"{replica}.books")
        assert read["taken"] == read["done"] + read["dead"] + read["dropped"] + read["on_the_way"]
        return read

    def port(self, wire: str, pusher: str, puller: str) -> int:
        """Where that end of the wire is bound."""
        return self._ports[wire, pusher, puller]

    def _host(self, replica: str) -> str:
        return "there" if replica.startswith(self._far) else "here"

    def _pipe(self, wire: str, pusher: str, puller: str, *, bind: bool, end: str) -> str:
        mine, other = (puller, pusher) if bind else (pusher, puller)
        binds = self._host(mine) == "here" and (bind or self._host(other) == "there")
        address, key = f"ipc://{self.run}/{wire}-{pusher}-{puller}", ""
        if self._keys:
            port = self._ports.setdefault((wire, pusher, puller), self._port + 2 * len(self._ports))
            address, key = f"tcp://127.0.0.1:{port}", self._keys[self._host(other)]
        feeds, output = (end, "") if bind else ("", end)
        return str(Pipe(address, binds, wire, other, input=feeds, output=output, key=key))
