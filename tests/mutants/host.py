"""Mutants of the launcher and its helpers."""

from tests.mutants.mutant import Mutant

MUTANTS = (
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
        "        elif held > stall:\n",
        "        elif False:\n",
        ("tests/test_limits.py",),
    ),
    Mutant(
        "retry writes over what has come in the last moment",
        "host/retry.py",
        "RENAME_NOREPLACE = 1",
        "RENAME_NOREPLACE = 0",
        ("tests/test_retry.py",),
    ),
    Mutant(
        "retry takes no notice of a claimed file of the same name",
        "host/retry.py",
        ' or _exists(f"{TAKEN}/{letter.own}", home)',
        "",
        ("tests/test_retry.py",),
    ),
    Mutant(
        "retry puts a letter back under the number that it was given",
        "host/retry.py",
        'letter.own.split("/")',
        'letter.name.split("/")',
        ("tests/test_retry.py",),
    ),
    Mutant(
        "retry leaves the reason of a letter that cannot go back under another name",
        "host/retry.py",
        "_rename_new(source, aside, source, note_of(name))",
        "pass",
        ("tests/test_retry.py",),
    ),
    Mutant(
        "retry moves a letter before its note is out of the way",
        "host/retry.py",
        "    if note:\n        os.rename(note, aside, src_dir_fd=source, dst_dir_fd=source)\n",
        "    aside = note\n",
        ("tests/test_retry.py",),
    ),
    Mutant(
        "retry leaves the note of what went back",
        "host/retry.py",
        "os.unlink(aside, dir_fd=source)",
        "pass",
        ("tests/test_retry.py",),
    ),
    Mutant(
        "a life that was superseded is followed by another at once, if it got on",
        "host/child.py",
        "code != SUPERSEDED and any(",
        "any(",
        ("tests/test_supervisor.py",),
    ),
)
