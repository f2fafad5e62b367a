"""nodes/watcher.py at the kernel's limits on inotify, in a user namespace that has its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import need

ROOT = Path(__file__).parents[2]

DRIVER = """
import sys
from pathlib import Path
from nodes.watcher import watcher
from tests.nodes.playing import nothing, some

limit, most, enough, spool = Path("/proc/sys/user", sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4])
limit.write_text(most)
for sub in ("a", "b", "c"):
    (spool / sub).mkdir(parents=True)
    (spool / sub / "before.jpg").write_text("whole")
flow = watcher(folder=str(spool))
some(flow, 3)

(spool / "d").mkdir()
for sub in ("a", "b", "c", "d"):
    (spool / sub / "after.jpg").write_text("whole")
print("looked into:", *sorted(message.name for message in some(flow, 4)))
assert nothing(flow)

limit.write_text(enough)
assert nothing(flow, 8)  # a look, and the folders are watched
for sub in ("a", "b", "c", "d"):
    (spool / sub / "later.jpg").write_text("whole")
assert all([next(flow) for _ in range(4)])  # at once, so they were told
"""


def run(spool: Path, limit: str, most: int, enough: int) -> list[str]:
    """What the driver says, where `limit` is `most` first and `enough` later."""
    need("unshare")
    in_namespace = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*in_namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may make no user namespace")
    driver = [sys.executable, "-c", DRIVER, limit, str(most), str(enough), str(spool)]
    done = subprocess.run(
        [*in_namespace, *driver], cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.replace(str(spool), "spool").splitlines()


@pytest.mark.parametrize("most", [0, 3])
def test_folders_beyond_the_limit_of_watches_are_looked_into_until_it_is_raised(tmp_path: Path, most: int) -> None:
    first, *rest = run(tmp_path / "spool", "max_inotify_watches", most, 100)
    place = "spool/" if most else "spool"
    assert first.startswith(f"cannot watch {place}")
    assert first.endswith(
        f": this user's limit of {most} watched folders is used up: sysctl user.max_inotify_watches=… raises it; "
        "until then it is looked into every second"
    )
    assert rest == [
        "watches spool: 3 waiting",
        "looked into: a/after.jpg b/after.jpg c/after.jpg d/after.jpg",
    ]


def test_without_an_inotify_instance_the_folder_is_looked_into_until_there_is_one(tmp_path: Path) -> None:
    assert run(tmp_path / "spool", "max_inotify_instances", 0, 1) == [
        "cannot watch spool: this user's limit of 0 watching programs is used up: "
        "sysctl user.max_inotify_instances=… raises it; until then it is looked into every second",
        "watches spool: 3 waiting",
        "looked into: a/after.jpg b/after.jpg c/after.jpg d/after.jpg",
    ]
