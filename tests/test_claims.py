"""media/spool.py: claims that fail."""

import errno
import os
from pathlib import Path

import pytest

from media import spool as spool_module
from media.arrivals import Sign
from media.spool import NotReady, Spool
from tests.test_spool import patiently, put, spool, take

__all__ = ["spool"]  # a fixture


def cannot_be_claimed(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(file: Path, to: Path) -> Path:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "rename", refuse)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENOENT, errno.ESTALE])
def test_a_claim_that_fails_is_tried_again_and_said_once_if_that_goes_on(
    spool: Spool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(spool, "a.jpg")
    with monkeypatch.context() as now:
        cannot_be_claimed(now, code)
        assert patiently(spool, "a.jpg", Sign.WRITTEN) is None
        assert capsys.readouterr().out == ""
        now.setattr(spool_module, "PATIENCE", 0.0)
        for _ in range(2):
            with pytest.raises(NotReady):
                spool.take("a.jpg", Sign.WRITTEN)
        assert capsys.readouterr().out == f"cannot claim a.jpg yet, tries again: {os.strerror(code)}\n"
    assert take(spool, "a.jpg").file.read_text() == "whole"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV])
def test_what_can_never_be_claimed_stays_and_is_said_once(
    spool: Spool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cannot_be_claimed(monkeypatch, code)
    for name in ("a.jpg", "b.jpg"):
        assert spool.take(put(spool, name).name, Sign.WRITTEN) is None
    words = f"files in {spool.folder} cannot be claimed, so they stay: {os.strerror(code)}\n"
    assert capsys.readouterr().out == words


def test_a_folder_of_the_name_of_a_claimed_file_waits_for_it(spool: Spool) -> None:
    put(spool, "a.jpg")
    take(spool, "a.jpg")
    for name in ("a.jpg/b.jpg", "a.jpg/sub/c.jpg"):
        put(spool, name)
        with pytest.raises(NotReady):
            spool.take(name, Sign.WRITTEN)
    spool.finish("a.jpg", "done", "")
    for name in ("a.jpg/b.jpg", "a.jpg/sub/c.jpg"):
        assert take(spool, name)
