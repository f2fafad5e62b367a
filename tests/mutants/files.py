"""Mutants of the nodes that take and leave files."""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "results are written under their final names",
        "media/saving/atomic.py",
        "        descriptor = os.open(name, NEW_FILE, 0o666, dir_fd=self._partial)\n",
        "        descriptor = os.open(file.parts[-1], NEW_FILE & ~os.O_EXCL, 0o666, dir_fd=self._folders[()])\n"
        "        os.link(file.parts[-1], name, src_dir_fd=self._folders[()], dst_dir_fd=self._partial)\n",
        ("tests/test_atomic.py", "tests/test_results.py"),
    ),
    Mutant(
        "a node acknowledges before the group is saved",
        "nodes/saver.py",
        "        results.commit()\n",
        "",
        ("tests/nodes/test_saver.py",),
    ),
    Mutant(
        "a file is claimed while its writer has it open",
        "media/watched/lease.py",
        "        return Lease(fd)\n    except BlockingIOError:\n        raise\n",
        "        return Lease(fd)\n",
        ("tests/test_lease.py",),
    ),
    Mutant(
        "events that the kernel lost are not made up for",
        "media/watched/arrivals.py",
        "            self._lost_events = False\n            self.scan()\n",
        "            self._lost_events = False\n",
        ("tests/test_arrivals.py", "tests/nodes/test_watched_writers.py"),
    ),
    Mutant(
        "the watcher does not look once more when its splitter has ended",
        "nodes/watcher.py",
        "                        arrivals.scan()  # what",
        "                        pass  # what",
        ("tests/nodes/test_watcher.py", "tests/nodes/test_watcher_edges.py"),
    ),
    Mutant(
        "a full disk makes dead letters",
        "media/saving/results.py",
        "                wait(words, RETRY)\n",
        "                [file.refuse(words) for file in group]\n                return\n",
        ("tests/test_results.py",),
    ),
    Mutant(
        "what cannot be seen off is forgotten",
        "media/watched/finishing.py",
        "                self._stuck.append((name, verdict, reason))\n",
        "                self._over.append(name)\n",
        ("tests/test_finishing.py",),
    ),
)
