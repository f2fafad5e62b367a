"""A node that is killed again and again; `python -m tests.restarts` is the long form, with the bounds as promised."""

from pathlib import Path

import pytest

from tests.restarts import restart


def test_restarts_are_quick_and_leave_nothing(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    assert restart(tmp_path, 15).broken(seen=1.0, ready=10.0) == []  # on any machine, however busy it is
