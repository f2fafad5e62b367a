"""A program at work for the splitter: heard with patience, and gone with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from media.sources.video import BEAT
from media.sources.worker import CHUNK, Patience, Worker, at_work, ending, heard
from tests.conftest import until

ROOT = Path(__file__).parent.parent
SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]
UNPRIVILEGED = ["setpriv", "--bounding-set=-sys_resource,-sys_admin"]  # root has no limit of pipes
ONE_USER_WITH_ALL_ITS_PIPES = """
import fcntl, os, sys
from media.sources.worker import at_work, heard
pipes = []
try:
    while len(pipes) < 5000:
        pipes.append(os.pipe())
        fcntl.fcntl(pipes[-1][0], fcntl.F_SETPIPE_SZ, 1 << 20)
except PermissionError:
    with at_work([sys.executable, "-c", "print('well')"]) as worker:
        print(b"".join(news[1] for news in heard(worker) if news).decode())
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def all_of(worker: Worker) -> tuple[bytes, bytes]:
    """All that comes out of its two pipes."""
    pieces = [news for news in heard(worker) if news]
    out = b"".join(chunk for pipe, chunk in pieces if pipe is worker.stdout)
    return out, b"".join(chunk for pipe, chunk in pieces if pipe is worker.stderr)


def runs(process: int) -> bool:
    """Whether it is there, and not just a name that waits for its parent."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_hears_what_it_is_told_and_says_it_on_either_pipe(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.stdin.read() + os.getcwd()); print(os.environ['MORE'], file=sys.stderr)"
    with at_work(python(code), tmp_path, {"MORE": "more"}, b"told, ") as worker:
        assert all_of(worker) == (f"told, {tmp_path}\n".encode(), b"more\n")
        assert ending(worker) == ""


def test_more_than_a_pipe_holds_comes_out_whole() -> None:
    with at_work(python(f"import sys; sys.stdout.buffer.write(bytes(range(256)) * {CHUNK // 64})")) as worker:
        assert all_of(worker)[0] == bytes(range(256)) * (CHUNK // 64)


def test_one_that_says_nothing_is_heard_of_every_beat() -> None:
    with at_work(SLEEPS) as worker:
        news = heard(worker)
        beats = []
        for _ in range(3):
            asked = time.monotonic()
            assert next(news) is None
            beats.append(time.monotonic() - asked)
        assert BEAT * 0.9 < min(beats) < BEAT + 0.2


@pytest.mark.parametrize(
    "code, words",
    [("raise SystemExit(3)", "ended with 3"), ("import os; os.kill(os.getpid(), 11)", "killed by SIGSEGV")],
)
def test_how_it_ended_is_said_in_words(code: str, words: str) -> None:
    with at_work(python(code)) as worker:
        all_of(worker)
        assert words in ending(worker)


def test_one_that_closes_its_pipes_and_lives_on_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.sources.worker.LAST", 0.2)
    with at_work(python("import os, time; os.close(1); os.close(2); time.sleep(60)")) as worker:
        assert all_of(worker) == (b"", b"")
        assert ending(worker) == "said its last word, and did not end"
        assert worker.returncode is None


@pytest.mark.parametrize("more", [False, True], ids=["all", "for now"])
def test_one_that_ends_before_it_is_told_anything_is_no_error(more: bool) -> None:
    with at_work(["/bin/true"], told=b"x" * CHUNK, more=more) as worker:
        assert all_of(worker) == (b"", b"")
        assert ending(worker) == ""


def test_one_that_ends_before_it_is_told_more_is_no_error() -> None:
    with at_work(["/bin/true"], more=True) as worker:
        assert ending(worker) == ""
        assert worker.stdin
        with pytest.raises(BrokenPipeError):
            worker.stdin.write(b"more")
            worker.stdin.flush()
    assert worker.stdin.closed


def test_it_and_its_own_children_go_at_the_end_though_they_are_stopped() -> None:
    child = f"import subprocess, time; print(subprocess.Popen({SLEEPS}).pid, flush=True); time.sleep(60)"
    with at_work(python(child)) as worker:
        grandchild = int(next(news for news in heard(worker) if news)[1])
        os.killpg(worker.pid, signal.SIGSTOP)
    assert worker.returncode == -signal.SIGKILL
    until(lambda: not runs(grandchild), 5, "the grandchild gone")


def test_it_dies_with_its_parent() -> None:
    program = (
        "import time; from media.sources.worker import at_work\n"
        f"with at_work({SLEEPS}) as worker: print(worker.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(python(program), cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        worker = int(parent.stdout.readline())
        parent.kill()
    until(lambda: not runs(worker), 5, "the worker gone")


def test_a_user_who_has_all_the_wide_pipes_that_linux_grants_gets_a_narrow_one() -> None:
    command = [*([] if os.getuid() else UNPRIVILEGED), *python(ONE_USER_WITH_ALL_ITS_PIPES)]
    seen = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (seen.stdout.strip(), seen.stderr) == ("well", "")


def test_one_that_cannot_even_be_killed_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    # A process that hangs in a driver cannot be had here: so the signal is kept from it.
    monkeypatch.setattr("media.sources.worker.LAST", 0.2)
    with monkeypatch.context() as patched:
        patched.setattr(os, "killpg", lambda process, number: None)
        began = time.monotonic()
        with at_work(SLEEPS) as worker:
            pass
        assert 0.2 <= time.monotonic() - began < 2
    assert worker.poll() is None
    worker.kill()
    worker.wait()


def test_patience_counts_from_the_last_renewal() -> None:
    patience = Patience(0.1)
    assert not patience.lost
    until(lambda: patience.lost, 1, "patience lost")
    patience.renew()
    assert not patience.lost
