"""Records on a pipe, whatever pieces they come in."""

import os
import threading
import time

import pytest

from media.decoding.records import HEAD, Reader, write


@pytest.mark.parametrize("size", [1, 7, 100, 1 << 20])
def test_records_come_out_as_they_went_in_whatever_the_pieces(size: int) -> None:
    sent = [({"is": "Frame", "number": number}, bytes([number]) * number * 50) for number in range(60)]
    out, into = os.pipe()

    def send() -> None:
        for words, body in sent:
            write(into, words, body)
        os.close(into)

    thread = threading.Thread(target=send)
    thread.start()
    reader, received = Reader(), []
    with open(out, "rb", buffering=0) as pipe:
        while chunk := pipe.read(size):
            received += [(words, body) for words, body in reader.read(chunk)]
    thread.join()
    assert received == sent


def test_many_small_records_in_one_piece_take_no_longer_than_in_many() -> None:
    def seconds(count: int) -> float:
        piece, reader = record * count, Reader()
        began = time.process_time()
        assert sum(1 for _ in reader.read(piece)) == count
        return time.process_time() - began

    words = b'{"is": "Dropped"}'
    record = HEAD.pack(len(words), 100) + words + bytes(100)
    few, many = (min(seconds(count) for _ in range(3)) for count in (2000, 32000))
    assert many < 4 * 16 * few  # 16 times as many; if each cost a copy of all, 256 times as long


def test_who_writes_is_told_that_nobody_reads() -> None:
    out, into = os.pipe()
    os.close(out)
    with pytest.raises(BrokenPipeError):
        write(into, {"is": "end"})
    os.close(into)
