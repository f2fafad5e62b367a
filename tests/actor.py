"""A node that behaves as a test wants and knows nothing of wires: actor.py ROLE [VALUE] --name=REPLICA …"""

import faulthandler
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

ROLE, VALUE = sys.argv[1], next((word for word in sys.argv[2:3] if not word.startswith("--")), "")
OPTIONS = dict(word[2:].split("=", 1) for word in sys.argv if word.startswith("--"))
NAME, RUN = OPTIONS["name"], Path(os.environ["NOTIFY_SOCKET"]).parent


def ends() -> None:
    (RUN / f"{NAME}.done").write_text("{}")


def lives() -> None:
    """Until it is asked to leave, then for VALUE seconds more."""
    signal.signal(signal.SIGTERM, leave)
    ready()


def leave(number: int, frame: FrameType | None) -> None:
    print("asked to leave")
    time.sleep(float(VALUE or 0))
    sys.exit(0)


def stubborn() -> None:
    """Whatever it is asked, with a grandchild of the same kind that leaves its session and its parent."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        if os.fork() > 0:
            os._exit(0)
        Path("daemon.pid").write_text(str(os.getpid()))
        signal.pause()
    os.wait()
    ready()


def orphans() -> None:
    """Leaves a child that outlives its parent and dies later."""
    if os.fork() == 0:
        parent = os.getpid()
        if os.fork() == 0:
            while os.getppid() == parent:
                time.sleep(0.01)
            Path("orphan").write_text(f"{os.getpid()} {os.getppid()}")
        os._exit(0)
    os.wait()
    lives()


def hides() -> None:
    """With a grandchild that leaves its session, its parent and its environment."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() > 0:
            os._exit(0)
        Path("daemon.pid").write_text(str(os.getpid()))
        os.execve("/bin/sleep", ["sleep", "600"], {})
    os.wait()
    lives()


def helped() -> None:
    """By a child in a session of its own, which it has to say goodbye to itself."""
    helper = subprocess.Popen(["sleep", "600"], start_new_session=True)
    print("helper", helper.pid)
    lives()


def drains() -> None:
    """Until the replica VALUE has its end mark."""
    while not (RUN / f"{VALUE}.done").exists():
        time.sleep(0.02)
    ends()
    sys.exit(0)


def works(code: int = 1) -> None:
    """Makes progress and dies of it, until its VALUEth life."""
    from bus.books import Books  # here, because most actors need none of bus

    books = Books(RUN / f"{NAME}.books")
    books["sent"] += 1
    if books["sent"] >= int(VALUE):
        ends()
        sys.exit(0)
    sys.exit(code)


def yields() -> None:
    """The same, but what it dies of is another life of it."""
    works(75)


def hangs() -> None:
    """In user code, with a message in hand; it ends in its second life."""
    if (RUN / f"{NAME}.hand").exists():
        ends()
        sys.exit(0)
    from bus.hand import Hand

    faulthandler.enable()
    hand = Hand(RUN / f"{NAME}.hand")
    hand.hold([("splitter.1", "e", 1, "a.jpg")])
    hand.run()
    ready()


def eats() -> None:
    """Memory, in a child of its own; it ends in its second life."""
    if Path("eaten").exists():
        ends()
        sys.exit(0)
    Path("eaten").touch()
    subprocess.run([sys.executable, "-c", "import signal; hold = b'x' * 200_000_000; signal.pause()"], check=False)


def gorges() -> None:
    """Memory, all at once and in person, and is gone VALUE seconds later; it ends in its seventh life."""
    from bus.books import Books

    books = Books(RUN / f"{NAME}.books")
    books["sent"] += 1  # progress: it lives again at once
    if books["sent"] > 6:
        ends()
        sys.exit(0)
    hold = b"x" * 200_000_000
    time.sleep(float(VALUE))
    Path("survived").write_text(f"with {len(hold)} bytes")
    sys.exit(1)


def busy() -> None:
    """For a part of the time: half a processor, if there is that much."""
    while True:
        until = time.process_time() + 0.2
        while time.process_time() < until:
            pass
        time.sleep(0.2)


def exits() -> None:
    sys.exit(int(VALUE))


def first() -> None:
    """The first replica has bad data; the others live."""
    if NAME.endswith(".1"):
        sys.exit(65)
    lives()


def shows() -> None:
    for name in VALUE.split(","):
        print(f"{name}={os.environ.get(name, 'nothing')}")
    ends()
    sys.exit(0)


def ready() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1\nWATCHDOG=1", os.environ["NOTIFY_SOCKET"])
    while True:
        signal.pause()


if __name__ == "__main__":
    globals()[ROLE]()
