"""Which GPU a replica takes."""

import os

import pytest

from tests.torched import torch, with_torch


@with_torch
@pytest.mark.parametrize(
    ("listed", "count", "taken"),
    [(None, 4, ["0", "1", "2", "3", "0"]), ("2,3", 4, ["2", "3", "2", "3", "2"]), ("GPU-5a", 1, ["GPU-5a"] * 5)],
)
def test_each_replica_has_a_gpu_of_its_own_out_of_those_that_the_user_allows(
    listed: str | None, count: int, taken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from media.imaging import devices

    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    found = []
    for replica in range(1, 6):
        monkeypatch.delenv(devices.ORDER, raising=False)
        monkeypatch.delenv(devices.VISIBLE, raising=False)
        if listed is not None:
            monkeypatch.setenv(devices.VISIBLE, listed)
        devices.claim(replica)
        devices.claim(replica)  # a second call finds what the first one left
        found.append(os.environ[devices.VISIBLE])

    assert found == taken


@with_torch
def test_gpus_that_are_hidden_stay_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    from media.imaging import devices

    monkeypatch.setenv(devices.VISIBLE, "")
    assert devices.choose("auto", 1).type == "cpu"
    assert os.environ[devices.VISIBLE] == ""
