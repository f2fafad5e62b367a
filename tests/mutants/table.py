"""The mutants: what is broken, how, and the tests that are to catch it."""

from tests.mutants import changes, disks, files, host, wires

MUTANTS = (*wires.MUTANTS, *disks.MUTANTS, *files.MUTANTS, *host.MUTANTS, *changes.MUTANTS)
