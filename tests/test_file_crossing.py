"""A file crosses to another host as its bytes: read once, when they are about to be sent, and never if dropped."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import bus.parcel
from bus import Message
from bus.contents import contents_of
from bus.link import MAX_PART
from bus.outputs import Outputs
from tests.peers import Bench, FarPuller, bench
from tests.test_curve import free_ports
from tests.test_encode import yields


@pytest.fixture
def b() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    asked = list[str]()

    def counted(path: str) -> bytes:
        asked.append(Path(path).name)
        return contents_of(path)

    monkeypatch.setattr(bus.parcel, "contents_of", counted)
    return asked


def file(folder: Path, name: str, body: bytes = b"content") -> Message:
    (folder / name).write_bytes(body)
    return Message(file=folder / name, name=name, number=1)


def payloads(far: FarPuller) -> list[bytes]:
    far.hear()
    return [payload for header, payload in far.got if header["kind"] == "message"]


def test_only_what_is_sent_is_read_and_once_though_it_is_sent_twice(b: Bench, tmp_path: Path, read: list[str]) -> None:
    push, [far] = b.push("far.1", port=free_ports(), keep="latest")
    for number in range(5):
        yields(b, file(tmp_path, f"{number}.jpg", b"%d" % number), push)
    assert read == []
    far.say(open=[])
    b.until(lambda: payloads(far) == [b"4"])
    assert "file" not in far.got[-1][0]["meta"]
    far.say(open=[], incarnation="two")
    b.until(lambda: payloads(far) == [b"4", b"4"])
    assert read == ["4.jpg"]


def test_it_goes_by_its_name_on_this_host_and_as_its_bytes_to_another(
    b: Bench, tmp_path: Path, read: list[str]
) -> None:
    near, [here] = b.push("here.1", wire="near")
    distant, [there] = b.push("there.1", wire="distant", port=free_ports())
    for far in (here, there):
        far.say(open=[])
    yields(b, file(tmp_path, "a.jpg"), near, distant)
    b.until(lambda: here.hear() and there.hear())
    assert (here.got[0][0]["meta"]["file"], here.got[0][1]) == (f"{tmp_path}/a.jpg", b"")
    assert ("file" in there.got[0][0]["meta"], there.got[0][1]) == (False, b"content")
    assert read == ["a.jpg"]


def test_a_file_that_user_code_had_in_hand_is_the_one_that_is_sent_whatever_has_its_name_then(
    b: Bench, tmp_path: Path
) -> None:
    push, [far] = b.push("far.1", port=free_ports())
    message = file(tmp_path, "a.jpg")
    message.open([tmp_path])
    yields(b, message, push)
    message.close()
    (tmp_path / "a.jpg").rename(tmp_path / "b.jpg")
    (tmp_path / "a.jpg").write_bytes(b"another")
    far.say(open=[])
    b.until(lambda: far.hear() == [1])
    assert far.got[0][1] == b"content"
    assert not any(fd.name == "b.jpg" for fd in (one.resolve() for one in Path("/proc/self/fd").iterdir()))


def test_one_that_is_gone_was_finished_elsewhere_and_downstream_hears_that_it_will_not_come(
    b: Bench, tmp_path: Path
) -> None:
    push, [far] = b.push("far.1", port=free_ports())
    heard = yields(b, file(tmp_path, "a.jpg"), push)
    (tmp_path / "a.jpg").unlink()
    far.say(open=[])
    b.until(lambda: far.hear())
    assert far.got[0][0]["kind"] == "skip"
    far.say(done=[(far.hear()[0], "done", "")])
    b.until(lambda: heard)
    assert heard == {"verdict": "gone", "reason": ""}


def test_one_that_is_too_large_for_a_network_is_a_dead_letter(b: Bench, tmp_path: Path) -> None:
    push, [far] = b.push("far.1", port=free_ports())
    message = file(tmp_path, "a.bag")
    os.truncate(tmp_path / "a.bag", MAX_PART + 1)
    heard = yields(b, message, push)
    far.say(open=[])
    b.until(lambda: far.hear())
    far.say(done=[(far.hear()[0], "done", "")])
    b.until(lambda: heard)
    words = f'on "frames": has {MAX_PART + 1} bytes, and at most {MAX_PART} cross a network'
    assert heard == {"verdict": "rejected", "reason": words}


def test_while_its_disk_fails_others_go_first_and_then_it_is_sent(
    b: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push, [far] = b.push("far.1", port=free_ports())
    failing = {"bad.jpg"}

    def read(path: str) -> bytes:
        if Path(path).name in failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return contents_of(path)

    monkeypatch.setattr(bus.parcel, "contents_of", read)
    far.say(open=[])
    yields(b, file(tmp_path, "bad.jpg", b"bad"), push)
    b.until(lambda: b.said)
    assert b.said == ['cannot read a file that is to go on "frames": Input/output error; tries again']
    assert push.room()
    Outputs("node.1", b.measures, b.said.append).send(file(tmp_path, "good.jpg", b"good"), [push], [])
    b.until(lambda: payloads(far) == [b"good"])
    failing.clear()
    b.until(lambda: payloads(far) == [b"good", b"bad"])
