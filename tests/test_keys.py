"""Private keys: made for their owner alone, and refused when others can read them."""

import stat
from pathlib import Path

import pytest
import zmq

from bus import keys


def test_a_new_key_is_for_its_owner_alone_and_its_public_half_belongs_to_it(tmp_path: Path) -> None:
    path = tmp_path / "keys/host.key"
    public = keys.make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert keys.read(path) == (public.encode(), path.read_bytes().strip())
    assert len(public) == keys.KEY_LENGTH


def test_a_key_that_exists_is_never_overwritten(tmp_path: Path) -> None:
    keys.make(tmp_path / "host.key")
    before = (tmp_path / "host.key").read_bytes()
    with pytest.raises(FileExistsError):
        keys.make(tmp_path / "host.key")
    assert (tmp_path / "host.key").read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "host.key"
    keys.make(path)
    path.chmod(mode)
    with pytest.raises(keys.BadKey, match=rf"can be read by others \(0{mode:o}\).* chmod 600 {path}"):
        keys.read(path)


@pytest.mark.parametrize("content", [b"", b"short", b"\0" * 40, b'"' * 40, b"x" * 41, b"\xff" * 40])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "host.key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(keys.BadKey, match="holds no private key"):
        keys.read(path)


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(keys.BadKey, match=r"host\.key: the private key cannot be read: No such file"):
        keys.read(tmp_path / "host.key")


def test_libzmq_has_curve() -> None:
    assert zmq.has("curve")
