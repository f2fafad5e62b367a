"""The shared memory of a replica: what lies there stays while anybody reads it, and goes with its processes."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy
import pytest

from bus import arena as arenas
from bus.arena import CALM, HEAD, Address, Arena, Slot
from bus.header import Malformed
from bus.shared import Shared

FRAME = bytes(range(256)) * 1000  # 256,000 bytes


@pytest.fixture
def arena() -> Iterator[Arena]:
    made = Arena()
    yield made
    made.close()


def address(arena: Arena) -> Address:
    assert arena.address
    return arena.address


def placed(arena: Arena, body: bytes) -> Slot:
    slot = arena.place(body)
    assert slot
    return slot


def view(shared: Shared, slot: Slot, loan: int) -> memoryview:
    return shared.view(slot.at, len(slot), slot.use, loan)


def memory(arena: Arena) -> int:
    """Bytes that it really takes."""
    return os.fstat(address(arena).fd).st_blocks * 512


def test_what_was_placed_is_read_by_another_process(arena: Arena) -> None:
    slot = placed(arena, FRAME)
    reader = (
        "import sys; from bus.arena import Address; from bus.shared import Shared\n"
        "pid, fd, token, at, length, use = sys.argv[1:]\n"
        "shared = Shared(Address(int(pid), int(fd), token))\n"
        "sys.stdout.buffer.write(shared.view(int(at), int(length), int(use), 1))\n"
    )
    where = map(str, (*address(arena), slot.at, len(slot), slot.use))
    ran = subprocess.run([sys.executable, "-c", reader, *where], capture_output=True, timeout=60, check=True)
    assert ran.stdout == FRAME == bytes(slot)


def test_what_is_read_stays_as_it_is_until_the_last_view_of_it_has_gone(arena: Arena) -> None:
    shared = Shared(address(arena))
    slot = placed(arena, FRAME)
    slot.hold()  # lent
    pixels = numpy.frombuffer(view(shared, slot, 7), numpy.uint8).reshape(-1, 256)[1:3]
    slot.let_go()  # its message is finished
    assert (shared.reading, shared.read()) == ([7], [])
    other = placed(arena, bytes(len(FRAME)))
    assert other.at != slot.at
    assert pixels.tobytes() == FRAME[256:768]
    assert not pixels.flags.writeable
    del pixels
    assert (shared.reading, shared.read(), shared.read()) == ([], [7], [])
    slot.let_go()
    assert placed(arena, FRAME).at == slot.at


def test_a_view_outlives_the_arena_and_who_reads_it(arena: Arena) -> None:
    shared = Shared(address(arena))
    seen = view(shared, placed(arena, FRAME), 1)
    arena.close()
    del shared
    gc.collect()
    assert seen == FRAME


def test_slots_grow_by_two_and_are_used_again(arena: Arena) -> None:
    slots = [placed(arena, bytes(size)) for size in (70_000, 131_000, 100_000)]
    assert len({slot.at for slot in slots}) == 3
    for slot in slots:
        slot.let_go()
    again = [placed(arena, bytes(size)) for size in (100_000, 70_000, 131_000)]
    assert {slot.at for slot in again} == {slot.at for slot in slots}


def test_memory_that_nobody_needs_is_given_back(arena: Arena) -> None:
    slots = [placed(arena, FRAME) for _ in range(8)]
    full = memory(arena)
    assert full >= 8 * len(FRAME)
    for slot in slots:
        slot.let_go()
    now = time.monotonic()
    arena.tick(now + CALM + 1, awake=True)
    placed(arena, FRAME).let_go()  # one is in use now and then
    arena.tick(now + 2 * CALM + 2, awake=True)
    assert len(FRAME) <= memory(arena) < full / 4
    assert bytes(placed(arena, FRAME)) == FRAME


def test_where_memory_is_short_nothing_is_placed(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    first = placed(arena, FRAME)
    monkeypatch.setattr(arenas, "spare", lambda: arenas.SHARE * len(FRAME))  # a little less than it takes
    assert arena.place(FRAME) is None
    first.let_go()
    assert bytes(placed(arena, FRAME)) == FRAME  # what it has it may use


def test_an_arena_that_is_full_takes_no_more(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arenas, "SIZE", 1 << 20)
    slots = []
    while slot := arena.place(FRAME):
        slots.append(slot)
    assert len(slots) == 3  # of 256 KiB each, and a page for the token
    slots.pop().let_go()
    assert arena.place(FRAME)


def test_a_process_that_may_not_have_so_many_addresses_does_without() -> None:
    limited = (
        "import resource; from bus.arena import Arena\n"
        "resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))\n"
        "arena = Arena(); print(arena.address, arena.place(b'x' * 100_000))\n"
    )
    ran = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "None None\n"


def test_nobody_can_cut_an_arena_off_below_its_readers(arena: Arena) -> None:
    pid, fd, _ = address(arena)
    with pytest.raises(PermissionError):
        os.truncate(f"/proc/{pid}/fd/{fd}", HEAD)


def test_what_is_not_the_arena_that_was_told_is_not_read(arena: Arena) -> None:
    pid, fd, token = address(arena)
    with pytest.raises(OSError, match="No such file"):
        Shared(Address(pid, 999_999, token))
    with pytest.raises(Malformed, match="another arena than it says"):
        Shared(Address(pid, fd, token[::-1]))
    with open(__file__, "rb") as file, pytest.raises(OSError, match="Invalid argument"):
        Shared(Address(pid, file.fileno(), token))


@pytest.mark.parametrize("place", ["before", "behind", "between", "nothing", "old"])
def test_a_payload_must_lie_in_a_slot_and_be_the_one_that_was_meant(arena: Arena, place: str) -> None:
    shared, slot = Shared(address(arena)), placed(arena, FRAME)
    at, length, use = {
        "before": (0, len(slot), slot.use),
        "behind": (arenas.SIZE - 65_536, len(slot), slot.use),
        "between": (slot.at + 1, len(slot), slot.use),
        "nothing": (slot.at, 0, slot.use),
        "old": (slot.at, len(slot), slot.use + 1),
    }[place]
    with pytest.raises(Malformed):
        shared.view(at, length, use, 1)
    assert shared.reading == []
