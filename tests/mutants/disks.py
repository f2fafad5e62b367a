"""Mutants of what is to outlive a power cut."""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "contents are not fsynced",
        "bus/durable.py",
        "def sync_files(descriptors: Sequence[int]) -> None:\n",
        "def sync_files(descriptors: Sequence[int]) -> None:\n    return\n",
        ("tests/test_durable.py",),
    ),
    Mutant(
        "folders are not fsynced",
        "bus/durable.py",
        "def sync_folder(descriptor: int) -> None:\n",
        "def sync_folder(descriptor: int) -> None:\n    return\n",
        ("tests/test_durable.py",),
    ),
    Mutant(
        "the way to a folder is not fsynced",
        "bus/durable.py",
        "def sync_way(folder: Path) -> None:\n",
        "def sync_way(folder: Path) -> None:\n    return\n",
        ("tests/test_durable.py",),
    ),
    Mutant(
        "results are not fsynced",
        "media/atomic.py",
        "group.sync_files()",
        "pass",
        ("tests/test_atomic.py",),
    ),
    Mutant(
        "the folder of a result is not fsynced",
        "media/atomic.py",
        "group.sync_folders()",
        "pass",
        ("tests/test_atomic.py",),
    ),
    Mutant(
        "the mark is written before its frames are fsynced",
        "media/mark.py",
        "for file in (*frames, draft)]",
        "for file in (draft,)]",
        ("tests/test_durable.py",),
    ),
    Mutant(
        "the mark is written before it is fsynced itself",
        "media/mark.py",
        "for file in (*frames, draft)]",
        "for file in frames]",
        ("tests/test_durable.py",),
    ),
    Mutant(
        "the mark is written before the names of its frames are fsynced",
        "media/mark.py",
        "for folder in (workspace, path.parent):",
        "for folder in ():",
        ("tests/test_durable.py",),
    ),
    Mutant(
        "the mark is written without a word of the frames that it tells of",
        "media/placing.py",
        "self._workspace, parts.values()",
        "self._workspace",
        ("tests/test_durable.py",),
    ),
    Mutant(
        "the splitter notes a frame before it lies whole in its workspace",
        "media/placing.py",
        "        part = self._part(number)\n        size",
        "        part = self._part(number)\n"
        "        replace(self.mark, next=number + 1).write(self.mark_file, self._workspace)\n"
        "        size",
        ("tests/nodes/test_splitter.py",),
    ),
    Mutant(
        "a dead letter is acknowledged before it is written",
        "bus/deadletters.py",
        "                where = set_aside(",
        "                through()\n                where = set_aside(",
        ("tests/test_durable.py",),
    ),
    Mutant(
        "a dead letter that the disk refuses is acknowledged",
        "bus/deadletters.py",
        "                now = time.monotonic()\n",
        "                self._waiting.popleft()\n                through()\n                now = time.monotonic()\n",
        ("tests/test_durable.py",),
    ),
    Mutant(
        "a dead letter is acknowledged before its contents are fsynced",
        "bus/deadletters.py",
        "sync_files([file.fileno()])",
        "pass",
        ("tests/test_durable.py",),
    ),
    Mutant(
        "a dead letter is acknowledged before its names are fsynced",
        "bus/deadletters.py",
        "sync_folder(descriptor)",
        "pass",
        ("tests/test_durable.py",),
    ),
    Mutant(
        "a dead letter is acknowledged before the way to it is fsynced",
        "bus/deadletters.py",
        "        sync_way(folder)",
        "        pass",
        ("tests/test_durable.py",),
    ),
    Mutant(
        "a claimed file becomes a dead letter before its reason is fsynced",
        "media/archive.py",
        "            _sync_note(folder, note)",
        "            pass",
        ("tests/test_archive.py",),
    ),
)
