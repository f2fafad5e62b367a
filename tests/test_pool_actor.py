"""The actor of a pool as a plain object, with real nodes: what it starts, tells, ends and leaves behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.hand import HEAD
from host import janitor, keyring
from host.pool import folder, life
from host.runfolder import SINCE
from tests.berths import RUN_ID, Berth, berth
from tests.conftest import until
from tests.launch import ROOT, processes_in

SLEEPER = ("sh", "-c", "exec sleep 600")  # behind it comes --run
SPLITTER = ("-m", "nodes.splitter", "--name=filter.1", "--source=test:forever", "--size=64x64", "--folder=spool")


@pytest.fixture(autouse=True)
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run folders of this test alone, under a short path: that of a socket ends at 107 characters."""
    with tempfile.TemporaryDirectory(prefix="zg-test-") as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        yield Path(runtime) / f"zg-{os.getuid()}"


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    folder = tmp_path / "graph"
    folder.mkdir()
    return folder


@pytest.fixture
def one(graph: Path) -> Iterator[Berth]:
    with berth(graph) as made:
        yield made
    until(lambda: not processes_in(graph), 10, "what it has started is gone")


def script(graph: Path, text: str) -> str:
    (graph / "program.py").write_text(text)
    return "program.py"


def test_a_node_runs_in_the_graphs_folder_and_its_lines_and_end_are_told(one: Berth, graph: Path) -> None:
    one.begin(
        script(graph, "import os\nprint(os.getcwd(), os.environ['LEVEL'])\nraise SystemExit(7)"), env={"LEVEL": "3"}
    )

    assert one.hears("exit") == 7
    assert one.lines == [f"{graph} 3"]


def test_a_node_outlives_the_thread_that_asked_for_it(one: Berth, graph: Path) -> None:
    """The kernel kills it when the thread that has started it ends: that must be the actor's own."""
    asking = threading.Thread(target=one.begin, args=SPLITTER)
    asking.start()
    asking.join()
    assert one.hears("ready")
    [pid] = processes_in(graph)

    count = len([*(graph / "spool").iterdir()])
    until(lambda: len([*(graph / "spool").iterdir()]) > count + 20, 30, "more frames")
    assert [*processes_in(graph)] == [pid]


def test_a_death_is_told_and_the_next_life_begins_with_the_same_actor(one: Berth, graph: Path) -> None:
    one.begin(*SPLITTER)
    one.hears("ready")
    [pid] = processes_in(graph)
    os.kill(pid, signal.SIGKILL)
    assert one.hears("exit") == -signal.SIGKILL

    one.begin(*SPLITTER)
    one.hears("started")
    one.hears("ready")
    assert one.hears("books")


def test_a_life_that_is_not_over_is_ended_by_the_next_one(one: Berth, graph: Path) -> None:
    sleep(one)
    one.begin(script(graph, "print('second')"))
    one.hears("started")

    assert one.hears("exit") == 0
    assert "second" in one.lines
    assert not processes_in(graph)


def test_a_signal_reaches_the_node(one: Berth, graph: Path) -> None:
    one.begin(*SPLITTER)
    one.hears("ready")
    one.actor.signal(1, signal.SIGTERM)

    assert one.hears("exit") == 0


def test_an_end_mark_is_told_and_taken_back_where_it_was_here(one: Berth, graph: Path) -> None:
    ends = (*SPLITTER, "--limit=3")
    one.begin(*ends)
    mark = one.hears("mark")
    assert one.hears("exit") == 0
    assert json.loads(mark)["hash"]
    assert len([*(graph / "spool").glob("*.jpg")]) == 3

    one.begin(*ends, past={"mark": mark})  # it has ended, wherever that was
    one.hears("started")
    assert one.hears("exit") == 0
    assert len([*(graph / "spool").glob("*.jpg")]) == 3

    one.begin(*ends)  # here it is gone: it is to begin again
    one.hears("started")
    assert one.hears("exit") == 0
    assert len([*(graph / "spool").glob("*.jpg")]) == 6


def test_pushers_that_have_ended_are_known_on_the_machine(one: Berth) -> None:
    one.begin(*SLEEPER, pushers=["watcher.1", "watcher.2"], past={"ended": ["watcher.1"]})
    one.hears("started")
    heard = [one.run / f"filter.1.heard.watcher.{number}" for number in (1, 2)]
    until(heard[0].exists, 10)
    assert not heard[1].exists()

    one.actor.tell(1, ["watcher.1", "watcher.2"], ["watcher.2"])
    until(lambda: heard[1].exists() and not heard[0].exists(), 10)


def test_what_the_node_takes_back_while_a_pusher_was_just_heard_is_told_again(one: Berth) -> None:
    one.begin(*SLEEPER, pushers=["watcher.1"], past={"ended": ["watcher.1"]})
    one.hears("started")
    heard = one.run / "filter.1.heard.watcher.1"
    until(heard.exists, 10)
    heard.unlink()

    until(heard.exists, 10)


@pytest.mark.parametrize("telling", [3, 1])
def test_of_what_is_told_of_pushers_the_latest_counts_in_whichever_order_it_comes(one: Berth, telling: int) -> None:
    one.actor.tell(2, ["watcher.1", "watcher.2"], ["watcher.2"])
    one.begin(*SLEEPER, pushers=["watcher.1", "watcher.2"], past={"telling": telling, "ended": ["watcher.1"]})
    one.hears("started")
    latest, other = (1, 2) if telling == 3 else (2, 1)
    until((one.run / f"filter.1.heard.watcher.{latest}").exists, 10)
    assert not (one.run / f"filter.1.heard.watcher.{other}").exists()

    one.actor.tell(0, ["watcher.1", "watcher.2"], [f"watcher.{other}"])
    one.begin(*SLEEPER, pushers=["watcher.1", "watcher.2"])
    one.hears("started")
    until(lambda: processes_in(one.graph), 10)
    assert (one.run / f"filter.1.heard.watcher.{latest}").exists()
    assert not (one.run / f"filter.1.heard.watcher.{other}").exists()


def test_a_signal_is_for_one_life_even_if_it_comes_before_that_or_late(one: Berth, graph: Path) -> None:
    one.actor.signal(1, signal.SIGTERM)
    one.begin(*SPLITTER)
    assert one.hears("exit") == -signal.SIGTERM
    assert not (graph / "spool").exists()

    one.begin(*SPLITTER)
    one.actor.signal(1, signal.SIGKILL)
    one.hears("ready")
    one.actor.signal(2, signal.SIGTERM)
    assert one.hears("exit") == 0


def test_who_is_not_asked_for_long_ends_its_node(one: Berth, graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "LEASE", 0.5)
    sleep(one)

    until(lambda: not processes_in(graph), 10, "it is cut off")
    assert one.hears("exit") == -signal.SIGKILL
    assert any("10.0.0.9 was not asked" in line for line in one.lines)


def test_what_takes_too_much_memory_is_ended(one: Berth, graph: Path) -> None:
    one.begin(script(graph, "import time\nheld = b'1' * 300_000_000\ntime.sleep(600)"), memory=100_000_000)

    assert one.hears("exit") == -signal.SIGKILL
    assert any("(memory: 100 MB): killed" in line for line in one.lines)


def test_what_holds_a_message_for_too_long_is_ended(one: Berth, graph: Path) -> None:
    holding = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom pathlib import Path\nimport time\n"
    holding += "from bus.hand import Hand\nrun = sys.argv[-1].removeprefix('--run=')\n"
    holding += (
        "hand = Hand(Path(run) / 'filter.1.hand')\nhand.hold([('w.1', 'e', 1, 'x')])\nhand.run()\ntime.sleep(600)"
    )
    one.begin(script(graph, holding), stall=0.5)

    assert one.hears("exit") == -signal.SIGABRT
    assert any("(stall: 0.5): aborted" in line for line in one.lines)


def test_a_key_that_is_not_on_the_machine_is_said_with_the_cure(one: Berth, graph: Path) -> None:
    one.begin(*SLEEPER, key="x" * 40)

    assert one.hears("exit") == 1
    assert "pool.key: the private key cannot be read: No such file or directory. Copy it there" in one.lines[-1]


def test_a_key_of_another_host_is_refused(one: Berth, graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    public = keyring.make(graph, "pool")
    monkeypatch.setenv("ZG_KEYS", str(graph / "keys"))
    one.begin(*SLEEPER, key="x" * 40)

    assert one.hears("exit") == 1
    assert one.lines[-1].endswith(f"is not the private key of pool: its public half is {public}")


def test_a_folder_or_a_program_that_is_not_there_is_said(one: Berth, graph: Path) -> None:
    one.begin("no-such-program")
    assert one.hears("exit") == 2
    one.graph = graph / "nowhere"
    one.begin(*SLEEPER)

    assert one.hears("exit") == 1
    assert one.lines[-1] == f"10.0.0.9: the graph's folder {graph / 'nowhere'} is not on this machine"


def test_nothing_is_left_when_it_is_let_go(graph: Path, base: Path) -> None:
    with berth(graph) as one:
        sleep(one)
        assert one.run.is_dir()
    until(lambda: not processes_in(graph) and not janitors(), 10, f"nobody: {janitors()}")

    assert [*base.iterdir()] == []


def test_what_a_node_has_started_goes_with_it_and_with_the_actors_process(graph: Path, base: Path) -> None:
    """Killed with -9, so that only the janitor can see to it: the kernel knows of programs of ours alone."""
    script(
        graph, "import subprocess, time\nsubprocess.Popen(['sleep', '600'], start_new_session=True)\ntime.sleep(600)"
    )
    (graph / "berth.py").write_text(
        "import sys\nfrom pathlib import Path\nfrom tests.berths import Berth\none = Berth(Path(sys.argv[1]))\n"
        "one.begin('program.py')\nwhile True: one.hear()"
    )
    command = [sys.executable, str(graph / "berth.py"), str(graph)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        until(lambda: len(processes_in(graph)) == 2, 20, "the node, and what it has started")
    finally:
        process.kill()
        process.wait()

    until(lambda: not processes_in(graph), 10, f"{processes_in(graph)}")
    [left] = base.iterdir()
    run_id = f"{process.pid:012x}"
    assert janitors(run_id), "it keeps what the next actor is to know"
    long_ago = time.time() - 2 * janitor.KEPT
    os.utime(left, (long_ago, long_ago))
    until(lambda: not left.exists() and not janitors(run_id), 10, f"{left} {janitors(run_id)}")


def test_the_janitor_of_an_actor_leaves_a_folder_to_the_one_who_has_taken_it_over(graph: Path, base: Path) -> None:
    with berth(graph) as one:
        sleep(one)
        one.actor.close(keep=True)
        waiting = janitors()
    with berth(graph) as one:
        sleep(one)
        until(lambda: not {*waiting} & {*janitors()}, 10, "the first one has gone")
        assert one.run.is_dir()


def test_the_next_actor_on_the_machine_has_what_the_last_life_held(graph: Path, base: Path) -> None:
    with berth(graph) as one:
        sleep(one)
        write_hand(one.run / "filter.1.hand")
        one.actor.close(keep=True)
    with berth(graph) as one:
        one.begin(*SLEEPER, past={"hand": None})
        one.hears("started")
        until(lambda: processes_in(graph), 10)
        assert SINCE.unpack((one.run / "filter.1.hand").read_bytes()[: SINCE.size]) == (77,)


def test_another_machine_is_given_what_the_last_life_held_and_then_it_is_there_no_longer(graph: Path) -> None:
    with berth(graph) as one:
        sleep(one)
        write_hand(one.run / "filter.1.hand")
        one.actor.close(keep=True)
    held = folder.inherit(RUN_ID, "filter.1", one.machine)
    assert SINCE.unpack(held[: SINCE.size]) == (77,)
    assert folder.inherit(RUN_ID, "filter.1", one.machine) == b""

    with berth(graph, "machine2") as two:
        two.begin(*SLEEPER, past={"hand": held, "death": "was killed by SIGSEGV"})
        two.hears("started")
        until(lambda: processes_in(graph), 10)
        assert (two.run / "filter.1.hand").read_bytes() == held
        assert (two.run / "filter.1.death").read_text() == "was killed by SIGSEGV"


def test_what_a_replica_held_here_long_ago_is_not_held_against_it(graph: Path) -> None:
    """It was on another machine since: what it was killed with there counts."""
    with berth(graph) as one:
        sleep(one)
        write_hand(one.run / "filter.1.hand")
        one.begin(*SLEEPER, past={"hand": b""})
        one.hears("started")
        until(lambda: not (one.run / "filter.1.hand").exists(), 10)


def test_books_go_on_from_those_that_count_more(graph: Path) -> None:
    fewer, more = (count.to_bytes(8, "little") + bytes(8 * 800) for count in (5, 9))
    with berth(graph) as one:
        one.begin(*SLEEPER, past={"books": fewer})
        assert one.hears("books") == fewer
        one.begin(*SLEEPER, past={"books": more})
        one.hears("started")
        assert one.hears("books") == more
        one.begin(*SLEEPER, past={"books": fewer})  # as they were mirrored, before it was killed
        one.hears("started")
        assert one.hears("books") == more
        one.begin(*SLEEPER, past={"books": fewer, "is_whole": True})  # the launcher has arranged them anew
        one.hears("started")
        assert one.hears("books") == fewer


def test_folders_that_nobody_has_held_for_long_are_swept(graph: Path, base: Path) -> None:
    with berth(graph) as one:
        sleep(one)
        one.actor.close(keep=True)
    old = time.time() - 2 * folder.ABANDONED
    os.utime(one.run, (old, old))
    held = folder.Folder(RUN_ID, "filter.2", "machine1")
    try:
        assert [path.name for path in base.iterdir()] == [held.path.name]
    finally:
        held.release(keep=False)


def sleep(one: Berth) -> None:
    """Begin a life that does nothing, and wait until it has begun."""
    one.begin(*SLEEPER)
    one.hears("started")
    until(lambda: processes_in(one.graph), 10)


def write_hand(path: Path) -> None:
    body = json.dumps([["watcher.1", "epoch", 3, "x.jpg"]]).encode()
    path.write_bytes(HEAD.pack(77, len(body)) + body)


def janitors(run_id: str = RUN_ID) -> list[str]:
    """Those of the actors of that run."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_text().split("\0") if entry.name.isdigit() else []
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        found += [word for word in words if word.startswith(f"{run_id}.filter.1.")]
    return found
