"""Records on a pipe, whatever pieces they come in."""

import os
import threading

import pytest

from media.records import Reader, write


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


def test_who_writes_is_told_that_nobody_reads() -> None:
    out, into = os.pipe()
    os.close(out)
    with pytest.raises(BrokenPipeError):
        write(into, {"is": "end"})
    os.close(into)
