"""The recorder's files are read by others, lose nothing to a kill, and the splitter plays them again."""

import hashlib
import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from mcap.exceptions import EndOfFile
from mcap.reader import make_reader
from mcap.records import Channel, Schema
from mcap.records import Message as Recorded
from mcap.stream_reader import StreamReader
from PIL import Image

from bus import Message, encode
from media.mcap.recordings import Recordings
from nodes.recorder import recorder
from tests.conftest import until
from tests.launch import Launch, files
from tests.nodes.between import write_graph
from tests.nodes.test_sources import split

START = 1_700_000_000_123_456_789  # ns since the epoch
GAP = 40_000_000  # ns


def picture(number: int) -> Image.Image:
    """An image that is unlike every other, also as JPEG: a white block for each bit."""
    image = Image.new("RGB", (64, 48))
    for bit in range(8):
        if number >> bit & 1:
            image.paste("white", (8 * bit, 0, 8 * bit + 8, 48))
    return image


def shots(count: int, stream: str = "cam") -> list[Message]:
    """So many frames, each unlike the others."""
    return [
        Message(encode(picture(n)), stream=stream, number=n,
            captured=START + n * GAP)
        for n in range(count)
    ]  # fmt: skip


def recordings(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.mcap"))


def decoded(schema: Schema, message: Recorded) -> Any:
    """What protobuf itself reads in a message, by the schema that the recording holds."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(schema.data).file:
        pool.Add(file)
    assert schema.encoding == "protobuf"
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.name)).FromString(message.data)


def held(path: Path) -> list[tuple[str, int, bytes]]:
    """The stream, number and image of all that a file holds, whether it has an end or not, as mcap reads it."""
    schemas, channels, found = {}, {}, []
    with open(path, "rb") as file:
        try:
            for record in StreamReader(file, validate_crcs=True).records:
                if isinstance(record, Schema):
                    schemas[record.id] = record
                elif isinstance(record, Channel):
                    channels[record.id] = record
                elif isinstance(record, Recorded):
                    channel = channels[record.channel_id]
                    found.append((channel.topic, record.sequence, decoded(schemas[channel.schema_id], record).data))
        except EndOfFile:
            pass
    return found


def test_every_stream_is_a_channel_that_protobuf_and_mcap_read(tmp_path: Path) -> None:
    frames = [frame for pair in zip(shots(9, "left"), shots(9, "right"), strict=True) for frame in pair]
    recorder(frames, folder=str(tmp_path))

    [path] = recordings(tmp_path)
    assert re.fullmatch(r"node-\d{8}T\d{6}Z\.mcap", path.name)
    with open(path, "rb") as file:
        reader = make_reader(file, validate_crcs=True)
        read = list(reader.iter_messages())
        summary = reader.get_summary()
    assert summary is not None and summary.statistics is not None
    assert (summary.statistics.message_count, len(summary.chunk_indexes)) == (18, 18)
    for frame, (schema, channel, message) in zip(frames, read, strict=True):
        assert schema is not None and schema.name == "foxglove.CompressedImage"
        image = decoded(schema, message)
        assert (channel.topic, channel.message_encoding) == (frame.stream, "protobuf")
        assert (message.log_time, message.publish_time, message.sequence) == (frame.captured,) * 2 + (frame.number,)
        assert image.timestamp.seconds * 10**9 + image.timestamp.nanos == frame.captured
        assert (image.data, image.format, image.frame_id) == (frame.bytes, "jpeg", frame.stream)


def test_images_stay_as_they_are_and_pixels_become_jpeg(tmp_path: Path) -> None:
    image = Image.new("RGB", (20, 10), "red")
    bodies = [encode(image, format) for format in ("jpg", "png", "webp")]
    recorder([*map(Message, bodies), Message(image)], folder=str(tmp_path))

    found = [data for _, _, data in held(recordings(tmp_path)[0])]
    assert found == [*bodies, encode(image, "jpg")]


def test_what_is_no_image_is_rejected_and_the_rest_is_recorded(tmp_path: Path) -> None:
    frames = [*shots(2), Message(b"no image"), Message(name="facts"), *shots(2)]
    recorder(frames, folder=str(tmp_path))

    assert [frame.reason is not None for frame in frames] == [False, False, True, True, False, False]
    assert len(held(recordings(tmp_path)[0])) == 4


def test_files_are_rotated_by_size_and_age_and_never_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        recorder(shots(200), folder=str(tmp_path / "size"), rotate="0.02MB")
    by_size = recordings(tmp_path / "size")
    assert len(by_size) >= 8
    assert all(path.stat().st_size < 60_000 for path in by_size)
    assert sorted(number for path in by_size for _, number, _ in held(path)) == sorted([*range(200)] * 2)

    folder = Recordings(str(tmp_path / "age"), "node", ["1GB", "1h"], 90)
    clock = 0.0
    monkeypatch.setattr("media.mcap.recording.time.monotonic", lambda: clock)
    for frame in shots(4):
        folder.add(frame)
        folder.commit()
        clock += 1801
    folder.close()
    assert [len(held(path)) for path in recordings(tmp_path / "age")] == [2, 2]


def test_a_recording_that_was_removed_is_followed_by_another(tmp_path: Path) -> None:
    folder = Recordings(str(tmp_path / "deep"), "node", "1GB", 90)
    for number, frame in enumerate(shots(3)):
        folder.add(frame)
        folder.commit()
        if number == 0:
            recordings(tmp_path / "deep")[0].unlink()
            (tmp_path / "deep").rmdir()
    folder.close()

    assert [number for path in recordings(tmp_path / "deep") for _, number, _ in held(path)] == [1, 2]


def test_a_disk_that_fails_is_waited_for_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Recordings(str(tmp_path), "node", "1GB", 90)
    write, failures = os.pwrite, iter([3, 9, None, None, 7] + [None] * 9)

    def fails(descriptor: int, body: bytes, at: int) -> int:
        part = next(failures)
        if part is None:
            return write(descriptor, body, at)
        write(descriptor, body[:part], at)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("media.mcap.recordings.RETRY", 0.01)
    monkeypatch.setattr(os, "pwrite", fails)
    frames = shots(6)
    for frame in frames:
        folder.add(frame)
        folder.commit()
    folder.close()

    said = capsys.readouterr().out
    assert f"cannot record below {tmp_path}: No space left on device; waiting until it works" in said
    assert f"records below {tmp_path} again" in said
    assert [data for _, _, data in held(recordings(tmp_path)[0])] == [frame.bytes for frame in frames]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"rotate": "1 week"}, 'rotate is "1 week": write a size like 1GB, an age like 1h, or both, [1GB, 1h]'),
        ({"rotate": ["1GB", 7]}, 'rotate is "7": write a size like 1GB'),
        ({"quality": 0}, "quality is 0, but goes from 1 to 100"),
        ({"folder": "/proc/nothing"}, "cannot record below /proc/nothing: "),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(
    args: dict[str, Any], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit:
        recorder([], **{"folder": str(tmp_path), **args})

    assert exit.value.code == 2
    assert capsys.readouterr().out.startswith(words)


def test_without_mcap_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mcap.writer", None)
    with pytest.raises(SystemExit) as exit:
        recorder([], folder=str(tmp_path))

    assert exit.value.code == 2
    assert capsys.readouterr().out.endswith(": pip install -r requirements-recording.txt\n")


def record(folder: Path, count: int, kills: int) -> None:
    """Run a graph that records so many watched images, and kill the recorder now and then."""
    (folder / "photos").mkdir()
    watcher = {"run": "nodes.watcher", "push": "frames", "args": {"folder": "photos"}}
    tape = {"run": "nodes.recorder", "pull": "frames", "args": {"folder": "tapes", "rotate": "0.1MB"}}
    write_graph(folder, watcher=watcher, recorder=tape)

    def written() -> int:
        return sum(path.stat().st_size for path in recordings(folder / "tapes"))

    with Launch(folder) as launch:
        launch.says("records below")
        for part in range(kills + 1):
            size = written()
            for number in range(part * count // (kills + 1), (part + 1) * count // (kills + 1)):
                picture(number).save(folder / "next.jpg")
                (folder / "next.jpg").rename(folder / "photos" / f"{number}.jpg")
            until(partial(lambda before: written() > before, size), what="more is recorded")
            if part < kills:
                launch.kill("recorder.1")
        until(lambda: not files(folder / "photos") and not any((folder / "photos" / ".taken").iterdir()), 60)
        launch.interrupt()
        assert launch.ends() == 0, launch.output


def replayed(folder: Path, source: str, **args: Any) -> dict[str, str]:
    """The hash of every result of a graph that plays `source`, by its name."""
    folder.mkdir()
    args = {"source": source, "folder": "spool", "stream": "again", **args}
    write_graph(
        folder,
        splitter={"run": "nodes.splitter", "push": "streams", "args": args},
        watcher={"run": "nodes.watcher", "pull": "streams", "push": "frames", "args": {"folder": "spool"}},
        converter={
            "run": "nodes.converter", "pull": "frames", "args": {"filter": "emboss", "folder": "out"}, "replicas": 2,
        },
    )  # fmt: skip
    with Launch(folder) as launch:
        assert launch.ends() == 0, launch.output
    out = folder / "out"
    return {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in files(out)}


def test_a_recorder_that_is_killed_loses_nothing_and_what_it_recorded_plays_the_same_each_time(tmp_path: Path) -> None:
    count = 120
    record(tmp_path, count, kills=4)

    ends = [path.read_bytes().endswith(b"\x89MCAP0\r\n") for path in recordings(tmp_path / "tapes")]
    assert ends.count(False) >= 2  # some were cut off by the kills, and are read as the others
    bodies = {data for path in recordings(tmp_path / "tapes") for _, _, data in held(path)}
    assert len(bodies) == count

    once, again = (replayed(tmp_path / name, f"{tmp_path}/tapes/*.mcap") for name in ("once", "again"))
    assert list(once) == [f"again-{number:08d}.jpg" for number in range(count)]
    assert once == again
    assert len(set(once.values())) == count


def test_a_recording_is_split_again_where_it_was_and_by_the_time_of_then(tmp_path: Path) -> None:
    recorder(shots(50), folder=str(tmp_path / "tapes"))
    [tape] = recordings(tmp_path / "tapes")

    done = split(str(tape), tmp_path / "spool", "--rate=5", "--stream=cam")

    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [f"reads {tape}: 10 frames of 64x48", f"{tape} has ended, 10 frames"],
    )
    frames = [frame.bytes for frame in shots(50)[::5]]
    assert [(tmp_path / "spool" / name).read_bytes() for name in files(tmp_path / "spool")] == frames
