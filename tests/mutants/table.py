"""The mutants: what is broken, how, and the tests that are to catch it."""

from typing import NamedTuple


class Mutant(NamedTuple):
    broken: str  # in words
    file: str
    sound: str  # what stands there, exactly once …
    mutant: str  # … and what stands there instead
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "results are not fsynced",
        "media/atomic.py",
        "            os.fsync(descriptor)\n",
        "            pass\n",
        ("tests/test_atomic.py",),
    ),
    Mutant(
        "the folder of a result is not fsynced",
        "media/atomic.py",
        "            _sync_folder(self._folders[folder])\n",
        "            pass\n",
        ("tests/test_atomic.py",),
    ),
    Mutant(
        "results are written under their final names",
        "media/atomic.py",
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
        "an input is acknowledged without waiting for what was made of it",
        "bus/outputs.py",
        "            taken.unit.add()\n",
        "            pass\n",
        ("tests/test_crash_points.py",),
    ),
    Mutant(
        "what a dead puller had is not sent again",
        "bus/unfinished.py",
        "        self._queue.extendleft(reversed([n for n in numbers if n in self.all and n not in waiting]))\n",
        "",
        ("tests/test_push.py",),
    ),
    Mutant(
        "a message that was lost on the way is not noticed",
        "bus/push.py",
        "if ping < echo and n not in there])",
        "if False])",
        ("tests/test_push.py",),
    ),
    Mutant(
        "a silent puller keeps its messages",
        "bus/push.py",
        "self._take_back(puller, list(puller.sent))\n            if beat",
        "pass\n            if beat",
        ("tests/test_push.py",),
    ),
    Mutant(
        "a message that comes twice is taken twice",
        "bus/pull.py",
        "        elif n >= low and n not in pusher.open and n not in pusher.held:\n",
        "        else:\n",
        ("tests/test_pull.py",),
    ),
    Mutant(
        "a new life of the pusher is taken for the old one",
        "bus/pull.py",
        "            self._restart(pusher, epoch)\n",
        "            pusher.epoch = epoch\n",
        ("tests/test_pull.py",),
    ),
    Mutant(
        "all that a dead puller had is blamed",
        "bus/push.py",
        '            for n in [n for epoch, n in state["hand"] if epoch == self._epoch]:\n',
        "            for n in list(puller.sent) or list(self._unfinished.all):\n",
        ("tests/test_push.py",),
    ),
    Mutant(
        "nobody is ever blamed",
        "bus/push.py",
        "        out.tries += 1\n",
        "",
        ("tests/test_push.py",),
    ),
    Mutant(
        "the hand is not written before user code runs",
        "bus/hand.py",
        "        HEAD.pack_into(self._map, 0, 0, len(text))\n",
        "",
        ("tests/test_hand.py",),
    ),
    Mutant(
        "the end mark is left out",
        "bus/marks.py",
        "                fresh.replace(self.own)\n",
        "                pass\n",
        ("tests/test_run.py", "tests/test_wire.py"),
    ),
    Mutant(
        "a replica ends before what it sent is finished",
        "bus/program.py",
        "            node.drain()\n        with",
        "            pass\n        with",
        ("tests/test_node.py", "tests/test_run.py", "tests/test_wire.py"),
    ),
    Mutant(
        "credit is ignored",
        "bus/puller.py",
        "len(self.open) < (1 if out.caution else self.credit)",
        "True",
        ("tests/test_push.py",),
    ),
    Mutant(
        "the window of bytes is ignored",
        "bus/puller.py",
        "(not self.sent or self.bytes + len(out.payload) <= WINDOW_BYTES)",
        "True",
        ("tests/test_push.py",),
    ),
    Mutant(
        "keep: latest keeps all",
        "bus/unfinished.py",
        """                self._drop(old, "passed_over", f'a newer frame came on "{self._wire}"')\n""",
        "                pass\n",
        ("tests/test_latest.py",),
    ),
    Mutant(
        "what has become too old is sent",
        "bus/unfinished.py",
        "if out.expires < now]",
        "if False]",
        ("tests/test_max_age.py",),
    ),
    Mutant(
        "pixels are encoded before a puller has credit for them",
        "bus/push.py",
        '        self._unfinished.add("message", meta, payload, finish, form)\n',
        '        form and form.make()\n        self._unfinished.add("message", meta, payload, finish, form)\n',
        ("tests/test_encode.py",),
    ),
    Mutant(
        "what user code draws after its yield is sent",
        "bus/outputs.py",
        "            parcel.keep()\n",
        "            pass\n",
        ("tests/test_encode.py",),
    ),
    Mutant(
        "a file is claimed while its writer has it open",
        "media/lease.py",
        "        return Lease(fd)\n    except BlockingIOError:\n        raise\n",
        "        return Lease(fd)\n",
        ("tests/test_lease.py",),
    ),
    Mutant(
        "events that the kernel lost are not made up for",
        "media/arrivals.py",
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
        "the splitter notes a frame before it lies whole in its workspace",
        "media/frames.py",
        "            check_reserve(self._folder)\n",
        "            self._note(next=number + 1)\n            check_reserve(self._folder)\n",
        ("tests/nodes/test_splitter.py",),
    ),
    Mutant(
        "a full disk makes dead letters",
        "media/results.py",
        "                wait(words, RETRY)\n",
        "                [file.refuse(words) for file in group]\n                return\n",
        ("tests/test_results.py",),
    ),
    Mutant(
        "what cannot be seen off is forgotten",
        "media/finishing.py",
        "                self._stuck.append((name, verdict, reason))\n",
        "                self._over.append(name)\n",
        ("tests/test_finishing.py",),
    ),
    Mutant(
        "the janitor looks on",
        "host/janitor.py",
        "            signal.pidfd_send_signal(process, signal.SIGKILL)\n",
        "            pass\n",
        ("tests/test_janitor.py",),
    ),
    Mutant(
        "every death counts towards the crash loop",
        "host/deaths.py",
        "        if progress:\n",
        "        if False:\n",
        ("tests/test_deaths.py",),
    ),
    Mutant(
        "the limit of memory is not enforced",
        "host/limits.py",
        "        if limit and memory > limit:\n",
        "        if False:\n",
        ("tests/test_limits.py",),
    ),
    Mutant(
        "a hang is not noticed",
        "host/limits.py",
        "        if stall and not child.is_leaving and not child.is_aborted and (held := child.busy()) > stall:\n",
        "        if False and (held := 0.0):\n",
        ("tests/test_limits.py",),
    ),
)
