"""media/storage/mounts.py against real mounts."""

import os
from pathlib import Path

import pytest

from media.storage.mounts import LOCAL, kind
from tests.mounting import bound, disk, overlay, passed_through


def kind_of(folder: Path) -> str:
    fd = os.open(folder, os.O_RDONLY)
    try:
        return kind(fd)
    finally:
        os.close(fd)


def test_what_is_mounted_is_known_by_its_type_wherever_one_looks_into_it(tmp_path: Path) -> None:
    place = tmp_path / "a place\u2028that goes\x85on"
    with disk(place):
        (place / "sub").mkdir()
        assert kind_of(place) == kind_of(place / "sub") == "tmpfs"
        with bound(place / "sub", tmp_path / "bound"):
            assert kind_of(tmp_path / "bound") == "tmpfs"
        with overlay(place / "layered"):
            assert kind_of(place / "layered") == "overlay"
    assert kind_of(place) == kind_of(tmp_path)


def test_a_fuse_file_system_is_none_that_only_this_kernel_writes_to(tmp_path: Path) -> None:
    with passed_through(tmp_path / "through"):
        assert kind_of(tmp_path / "through").startswith("fuse")
        assert kind_of(tmp_path / "through") not in LOCAL


def test_a_folder_of_no_mount_that_we_can_see_is_of_an_unknown_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.storage.mounts.MOUNTS", Path(os.devnull))  # as in some containers
    assert kind_of(Path("/")) == "an unknown file system"
