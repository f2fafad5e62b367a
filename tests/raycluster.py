"""A Ray cluster of several machines on this one, shared by all processes that run tests: `python -m tests.raycluster`.

It lives in a process of its own, so that none that tests imports Ray, and ends when nobody holds the file `users` any
longer. Over the socket `orders` machines are added and removed, a line of JSON for each.
"""

import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TURN = 0.2  # seconds between two looks at whether somebody needs it
STORE = 80 << 20  # bytes of shared memory of each machine, which nothing of ours uses: the least that Ray takes
QUICK = {"health_check_period_ms": 1000, "health_check_failure_threshold": 4, "health_check_timeout_ms": 3000}
PATIENT = {"RAY_raylet_start_wait_time_s": "120"}  # a machine that runs other tests, too, is slow


class Machines:
    """What a test sees of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = (folder / "address").read_text()

    def add(self, **resources: float) -> str:
        """Another machine, with resources of its own beyond a CPU; Ray's id of it."""
        return str(self._order(add=resources))

    def remove(self, machine: str) -> None:
        """Kill all of Ray's processes on it."""
        self._order(remove=machine)

    def raylet(self, machine: str) -> int:
        """The pid of that which leads the others on a machine."""
        return int(self._order(raylet=machine))

    def logs(self) -> Iterator[tuple[Path, str]]:
        """What Ray has written into its logs."""
        for file in (self.folder / "ray").rglob("*"):
            if file.is_file() and "logs" in file.parts:
                yield file, file.read_text(errors="replace")

    def _order(self, **words: Any) -> Any:
        with closing(socket.socket(socket.AF_UNIX)) as door:
            door.connect(str(self.folder / "orders"))
            door.sendall(json.dumps(words).encode() + b"\n")
            with door.makefile() as answers:
                answer = json.loads(answers.readline())
        assert "failed" not in answer, answer
        return answer["done"]


@contextmanager
def machines(folder: Path) -> Iterator[Machines]:
    """The cluster in `folder`, started by who comes first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with open(folder / "start", "w") as start, open(folder / "users", "w") as users:
        fcntl.flock(start, fcntl.LOCK_EX)  # one at a time
        fcntl.flock(users, fcntl.LOCK_SH)  # waits until one that ends has ended
        if not (folder / "address").exists():
            said = folder / "log"
            with open(said, "ab") as log:
                command = [sys.executable, "-m", "tests.raycluster", str(folder)]
                started = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, timeout=100)
            assert started.returncode == 0, said.read_text()
        fcntl.flock(start, fcntl.LOCK_UN)
        yield Machines(folder)


def shared(own: Path) -> Path:
    """Where all processes that run these tests have it; `own`: the base folder of one of them. Ray's paths are long."""
    common = own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own
    return Path(tempfile.gettempdir()) / f"zg-ray-{hashlib.sha256(os.fsencode(common)).hexdigest()[:8]}"


def main(folder: Path, is_ready: Callable[[], object]) -> None:
    os.environ.update(PATIENT, RAY_USAGE_STATS_ENABLED="0")
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE, "_system_config": QUICK}
    cluster = Cluster(initialize_head=True, head_node_args={**head, "temp_dir": str(folder / "ray")})
    others = {}

    def obey(add: dict[str, float] | None = None, remove: str = "", raylet: str = "") -> object:
        if add is not None:
            made = cluster.add_node(num_cpus=2, resources=add, object_store_memory=STORE, wait=True)
            others[made.node_id] = made
            return made.node_id
        if remove:
            cluster.remove_node(others.pop(remove), allow_graceful=False)
            return None
        return others[raylet].all_processes["raylet"][0].process.pid

    door = socket.socket(socket.AF_UNIX)
    door.bind(str(folder / "orders"))
    door.listen()
    door.settimeout(TURN)
    (folder / "address").write_text(cluster.address)
    is_ready()
    with open(folder / "users", "w") as users:
        while True:
            try:
                caller, _ = door.accept()
            except TimeoutError:
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    continue
            with closing(caller), caller.makefile("rw") as words:
                try:
                    answer: object = {"done": obey(**json.loads(words.readline()))}
                except Exception as error:  # of Ray's: it is that test's to fail
                    answer = {"failed": repr(error)}
                words.write(json.dumps(answer) + "\n")
        for name in ("address", "orders"):
            (folder / name).unlink()
        cluster.shutdown()
        shutil.rmtree(folder)


def apart(folder: Path) -> int:
    """Have it started by a process that is nobody's child; whether that could be done, as an exit code."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        main(folder, lambda: os.write(writing, b"\0"))
        return 0
    os.close(writing)
    return 0 if os.read(reading, 1) else 1


if __name__ == "__main__":
    sys.exit(apart(Path(sys.argv[1])))
