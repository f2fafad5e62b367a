"""What recordings hold: the images of each stream in the order in which they were captured, each once."""

import os
import time
import zlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import IO, Any, NamedTuple

from media.mcap import foxglove
from media.sources.video import BEAT

LARGEST = 2**30  # bytes of a record, packed or not: what claims more is damaged
BEFORE = 9  # bytes of a record before its content: what it is, and how long
CHUNK, MESSAGE = 40, 22  # bytes of these records' content beside the compression's name and the data


class Shot(NamedTuple):
    """One image, and where it is. The earliest sorts first; those that are the same are neighbours."""

    captured: int  # ns since the epoch
    number: int  # of the frame that it was, modulo 2**32
    size: int  # bytes of its message
    crc: int  # of its message
    file: int  # in the list of files
    at: int  # byte of that file at which its record begins, or the chunk that it is in
    nth: int  # of the messages in that chunk, from 0; it is 0 outside of chunks, too


class Recorded:
    """The images in some recordings."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.streams: dict[str, list[Shot]] = {}  # by name, right once `scan` has ended
        self.others: set[str] = set()  # what else is in them: topics, each with its schema
        self.repeated = 0  # images that were recorded again, because their frames were redelivered
        self.cut: list[str] = []  # files that break off, as those do whose recorder is killed
        self.damage: list[str] = []  # where others are damaged, in words; what comes behind is not read
        self._files = files
        self._open: tuple[int, IO[bytes]] | None = None
        self._held: tuple[int, int, list[Any]] = (-1, -1, [])  # the last chunk: its file, place and messages

    def scan(self) -> Iterator[None]:
        """Find out what there is; gives way every BEAT seconds. Raises OSError."""
        due = time.monotonic() + BEAT
        for number, path in enumerate(self._files):
            schemas: dict[int, str] = {}
            streams: dict[int, list[Shot]] = {}  # by channel
            for at, records in self._contents(path):
                self._note(records, number, at, schemas, streams)
                if time.monotonic() > due:
                    yield
                    due = time.monotonic() + BEAT
        for stream, shots in self.streams.items():
            shots.sort()
            once = [next(same) for _, same in groupby(shots, key=lambda shot: shot[:4])]
            self.repeated += len(shots) - len(once)
            self.streams[stream] = once

    def read(self, shot: Shot) -> foxglove.Picture:
        """The image. Raises OSError, and ValueError if it is damaged."""
        from mcap.data_stream import ReadDataStream
        from mcap.records import Chunk, Message

        if self._held[:2] != (shot.file, shot.at):
            file = self._file(shot.file)
            kind = file.read(1) if file.seek(shot.at) else b""
            length = int.from_bytes(file.read(BEFORE - 1), "little")
            stream = ReadDataStream(file)
            records = _inside(Chunk.read(stream)) if kind == b"\6" else [Message.read(stream, length)]
            self._held = shot.file, shot.at, [record for record in records if isinstance(record, Message)]
        return foxglove.unpacked(self._held[2][shot.nth].data)

    def close(self) -> None:
        if self._open:
            self._open[1].close()
            self._open = None

    def _file(self, number: int) -> IO[bytes]:
        if self._open is None or self._open[0] != number:
            self.close()
            self._open = number, open(self._files[number], "rb")  # noqa: SIM115 - until `close`, or another is read
        return self._open[1]

    def _note(
        self, records: list[Any], file: int, at: int, schemas: dict[int, str], streams: dict[int, list[Shot]]
    ) -> None:
        """Take in what stands in a file at byte `at`: one record, or those in a chunk."""
        from mcap.records import Channel, Message, Schema

        messages = (record for record in records if isinstance(record, Message))
        for record in records:
            if isinstance(record, Schema):
                schemas[record.id] = record.name
            elif isinstance(record, Channel):
                kind = schemas.get(record.schema_id, "no schema"), record.message_encoding
                if kind == (foxglove.NAME, foxglove.ENCODING):
                    stream = record.topic.strip("/").replace("/", "-")
                    streams[record.id] = self.streams.setdefault(stream, [])
                else:
                    self.others.add(f"{record.topic} ({' as '.join(kind)})")
        for index, one in enumerate(messages):
            if one.channel_id in streams:
                what = one.log_time, one.sequence, len(one.data), zlib.crc32(one.data)
                streams[one.channel_id].append(Shot(*what, file, at, index))

    def _contents(self, path: Path) -> Iterator[tuple[int, list[Any]]]:
        """What stands where in a file, up to where that breaks off or is damaged."""
        from mcap.exceptions import InvalidMagic
        from mcap.records import Chunk
        from mcap.stream_reader import StreamReader

        with open(path, "rb") as file:
            records = StreamReader(file, emit_chunks=True, record_size_limit=LARGEST).records
            while True:
                try:
                    record = next(records, None)
                    inside = _inside(record) if isinstance(record, Chunk) else [record]
                except OSError:
                    raise
                except InvalidMagic:
                    self.damage.append(f"{path} is no MCAP file")
                    return
                except Exception as error:  # what the damage leads the parser, or a decompressor, to
                    if file.tell() >= os.fstat(file.fileno()).st_size:
                        self.cut.append(str(path))
                    else:
                        why = str(error) or type(error).__name__
                        self.damage.append(f"{path} is damaged before byte {file.tell()}: {why}")
                    return
                if record is None:
                    return
                yield file.tell() - _length(record), inside


def _inside(chunk: Any) -> list[Any]:
    """The records in a chunk. Raises ValueError, and whatever else damage leads to."""
    from mcap.stream_reader import breakup_chunk

    if chunk.uncompressed_size > LARGEST:
        raise ValueError(f"a chunk of {chunk.uncompressed_size} bytes")
    return list(breakup_chunk(chunk, validate_crc=True))


def _length(record: Any) -> int:
    """Bytes that a chunk, or a message, takes in its file; of others nobody asks."""
    data, packed = getattr(record, "data", b""), getattr(record, "compression", None)
    return BEFORE + len(data) + (MESSAGE if packed is None else CHUNK + len(packed))
