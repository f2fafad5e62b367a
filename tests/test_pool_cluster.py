"""A pool on a real cluster of Ray's, of several machines on this one: what runs there, dies, moves and waits."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from host import janitor
from host.pool import folder
from host.runfolder import base
from host.view import overview
from tests.conftest import need_modules, until
from tests.linked import ports
from tests.pools import Pooled, everyone
from tests.raycluster import Machines, machines, shared

pytestmark = pytest.mark.timeout(240)

EVER = ("splitter.source=test:forever", "splitter.size=64x64", "splitter.rate=20")
MOVED = 15.0  # seconds in which a replica has another machine
SOON = 40.0  # seconds for what takes a few on a machine that has nothing else to do

FRAGILE = '''"""Pass every frame on, crash at the eighth, and at the twenty-first take Ray's own process along."""

import os
import signal
import time

from bus import run


def fragile(frames):
    for frame in frames:
        if frame.number == 7:
            os.kill(os.getpid(), signal.SIGSEGV)
        if frame.number == 20:
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        yield frame


if __name__ == "__main__":
    run(fragile)
'''


VERSION = '''"""Pass every frame on, after a while, and say which version this is."""

import time

from bus import run


def versioned(frames):
    print("this is version 1", flush=True)
    for frame in frames:
        time.sleep(0.5)
        yield frame


if __name__ == "__main__":
    run(versioned)
'''


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    need_modules("ray")
    with machines(shared(tmp_path_factory.getbasetemp())) as found:
        yield found


@pytest.fixture
def pooled(tmp_path: Path, worker_id: str, cluster: Machines) -> Pooled:
    return Pooled(tmp_path, cluster.address, ports(20_000, worker_id))


def test_frames_go_through_machines_that_ray_gives_and_come_back(pooled: Pooled, cluster: Machines) -> None:
    """With code of the user's beside the graph, frames that kill it, and a key that only its machines have."""
    here = [cluster.add(here=1) for _ in range(2)]
    (pooled.folder / "fragile.py").write_text(FRAGILE)
    pooled.write(node={"run": "fragile", "args": {}}, resources={"resources": {"here": 1}})
    secret = (pooled.folder / "keys" / "pool.key").read_text().strip()
    with pooled.launch() as graph:
        pooled.node("converter.1")
        place = until(lambda: (one := pooled.place("converter.1"))["state"] == "running" and one, SOON)
        assert place["machine"]
        assert not [pid for pid, words in everyone().items() if any(secret in word for word in words)]
        assert graph.ends() == 0

    lost = ["clip-00000007.jpg", "clip-00000020.jpg"]
    letters = pooled.folder / "spool" / "dead-letters"
    assert pooled.saved == [name for name in pooled.expected if name not in lost]
    assert sorted(path.name for path in letters.glob("*.jpg")) == lost
    assert "converted 58, dead letters 2, dropped 0" in graph.output
    assert "was killed by SIGSEGV" in (letters / "clip-00000007.jpg.txt").read_text()
    assert "Ray's worker on " in (letters / "clip-00000020.jpg.txt").read_text()
    assert "Traceback" not in graph.output
    assert not pooled.nodes()
    [sent] = [path.parent for path in cluster.folder.glob("ray/session_*/runtime_resources/**/fragile.py")][:1]
    assert {path.name for path in sent.iterdir()} <= {"graph.yaml", "fragile.py", "launcher-0.log", "__pycache__"}
    assert [str(file) for file, text in cluster.logs() if secret in text] == []
    for machine in here:
        cluster.remove(machine)


def test_whatever_dies_comes_back_and_with_the_launcher_all_goes(pooled: Pooled, cluster: Machines) -> None:
    machine = cluster.add(deaths=2)
    pooled.write(resources={"resources": {"deaths": 1}})
    with pooled.launch(*EVER) as graph:
        first, worker = pooled.node("converter.1"), pooled.worker("converter.1")
        until(lambda: len(pooled.saved) > 5, SOON, "frames")

        pooled.kill(first)
        second = pooled.node("converter.1", first)
        assert pooled.worker("converter.1") == worker, "the node begins again with the same actor"

        pooled.kill(pooled.stand_in("converter.1"))
        third = pooled.node("converter.1", second)
        assert pooled.worker("converter.1") == worker
        until(lambda: pooled.nodes("converter.1") == [third], SOON, "only the new one")

        pooled.kill(worker)
        until(lambda: third not in pooled.nodes(), SOON, "a node goes with its actor")
        fourth = pooled.node("converter.1", third)
        graph.says(r"converter.1 .*Ray's worker on [\d.]+ died; Ray starts it again\n")

        before = pooled.nodes()
        pooled.kill(pooled.placer())
        until(lambda: not {*before} & {*pooled.nodes()}, SOON, "nodes go with the placer")
        pooled.node("converter.1", fourth)
        count = len(pooled.saved)
        until(lambda: len(pooled.saved) > count + 20, SOON, "frames")

        run_id = pooled.run.name
        graph.process.kill()
        graph.process.wait()
        until(lambda: not pooled.nodes(), SOON, "nobody outlives the launcher")
        old = time.time() - 2 * janitor.KEPT

        def left() -> list[Path]:
            """Run folders on the machine, as if nobody had taken them over for long."""
            found = [*base().glob(f"{folder.PREFIX}{run_id}.*")]
            for one in found:
                with suppress(FileNotFoundError):  # just gone
                    os.utime(one, (old, old))
            return found

        until(lambda: not left(), SOON, lambda: f"nothing is left: {left()}")
    cluster.remove(machine)


def test_a_replica_waits_for_a_machine_and_moves_when_that_is_lost(pooled: Pooled, cluster: Machines) -> None:
    moves = {"resources": {"moves": 1}}
    pooled.write(1, resources=moves, folder=str(pooled.folder))  # it is on every machine: nothing is sent
    with pooled.launch(*EVER) as graph:
        until(
            lambda: "1 moves (the most that one has: 0 moves)" in pooled.place("converter.1").get("why", ""),
            SOON,
            "why it waits",
        )
        assert pooled.place("converter.1")["state"] == "pending"
        one = cluster.add(moves=2)
        pooled.node("converter.1")
        until(lambda: len(pooled.saved) > 5, SOON, "frames")

        pooled.write(3, resources=moves, folder=str(pooled.folder))
        until(lambda: pooled.place("converter.3") or pooled.place("converter.2"), SOON)
        until(
            lambda: "the cluster is full: free are 0 moves" in (waits(pooled, 2) + waits(pooled, 3)), SOON, "it is full"
        )
        pooled.write(1, resources=moves, folder=str(pooled.folder))
        graph.says("converter.3 .*has left")
        until(lambda: len(pooled.nodes()) == len(pooled.nodes("converter.1")) == 1, SOON, "those not wanted go")
        first = pooled.node("converter.1")

        two = cluster.add(moves=2)
        pooled.kill(cluster.raylet(one))
        second = pooled.node("converter.1", first)
        until(lambda: pooled.nodes() == [second], MOVED, "it has moved")
        graph.says(r"converter .*its machine [\d.]+ is lost\n")
        count = len(pooled.saved)
        until(lambda: len(pooled.saved) > count + 5, SOON, "frames")

        graph.interrupt()
        assert graph.ends() == 0
        assert not pooled.nodes()
    assert overview.running(pooled.folder / "graph.yaml", "station") is None
    cluster.remove(two)


def test_of_a_node_that_lacks_a_package_it_is_said_which_and_how_it_comes_there(
    pooled: Pooled, cluster: Machines
) -> None:
    machine = cluster.add(lacks=2)
    (pooled.folder / "fragile.py").write_text(FRAGILE.replace("import os", "import os\n\nimport of_no_package"))
    pooled.write(node={"run": "fragile", "args": {}}, resources={"resources": {"lacks": 1}})
    cure = r"runtime_env: {pip: \[of_no_package\]} under pool, or install it there"
    with pooled.launch(*EVER) as graph:
        graph.says(f" pool +\\| a package is missing on the machines of pool, for of_no_package: {cure}\n")
        graph.says(r"converter.2 +\| exited with 1, restarts in")
        words = "exited with 1: ModuleNotFoundError: No module named 'of_no_package'"
        until(lambda: words in told(pooled), SOON, "its last line")
        graph.interrupt()
        assert graph.ends() == 0
    assert graph.output.count("a package is missing") == 1
    cluster.remove(machine)


def told(pooled: Pooled) -> list[str]:
    """What is said of each replica."""
    [node] = [node for node in overview.read(pooled.run)["nodes"] if node["name"] == "converter"]
    return [replica["words"] for replica in node["replicas"]]


def test_who_has_other_code_leaves_for_it_and_others_on_the_pool_go_on(pooled: Pooled, cluster: Machines) -> None:
    machine = cluster.add(code=4)
    module = pooled.folder / "versioned.py"
    module.write_text(VERSION)
    resources = {"num_cpus": 0, "resources": {"code": 1}}
    other = {"run": "nodes.saver", "resources": resources, "args": {"folder": str(pooled.folder / "copied")}}
    graph_is = partial(pooled.write, 2, resources, node={"run": "versioned", "args": {}}, more={"other": other})
    graph_is()
    with pooled.launch("--reload", *EVER) as graph:
        firsts = [pooled.node(f"converter.{number}") for number in (1, 2)]
        before, placer = pooled.node("other.1"), pooled.placer()
        until(lambda: len(pooled.saved) > 5, SOON, "frames")

        module.write_text(VERSION.replace("version 1", "version 2"))
        for number in (1, 2):
            graph.says(f"converter.{number} .*this is version 2")
        assert not {*firsts} & {*pooled.nodes("converter.1"), *pooled.nodes("converter.2")}
        assert pooled.nodes("other.1") == [before], "it has not changed"
        assert len(pooled.placers()) == 2
        count = len(pooled.saved)
        until(lambda: len(pooled.saved) > count + 5, SOON, "frames")

        graph_is(runtime_env={"env_vars": {"MOOD": "good"}})
        after = pooled.node("other.1", before)
        graph.says("other: its pool changes; restarts")
        assert b"MOOD=good" in Path(f"/proc/{after}/environ").read_bytes()
        until(lambda: placer not in pooled.placers() and len(pooled.placers()) == 1, SOON, "one placer")
        count = len(pooled.saved)
        until(lambda: len(pooled.saved) > count + 5, SOON, "frames")

        graph.interrupt()
        assert graph.ends() == 0
    # These machines share one folder for code, and Ray on one may clear away what another one uses.
    assert not re.search("is gone: (?!the code that Ray has brought)", graph.output)
    assert "killed" not in graph.output
    assert not pooled.nodes()
    cluster.remove(machine)


def waits(pooled: Pooled, number: int) -> str:
    """Why that replica waits."""
    return str(pooled.place(f"converter.{number}").get("why", ""))
