"""media/storage/below.py: folders that stay the same ones, whoever changes their paths meanwhile."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.storage.below import Folder, exists, open_below


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Folder]:
    (tmp_path / "root/sub/folder").mkdir(parents=True)
    (tmp_path / "outside/folder").mkdir(parents=True)
    yield Folder(tmp_path / "root")


def opened(root: Folder, path: str) -> os.stat_result:
    fd = open_below(root.fd, path)
    try:
        return os.fstat(fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize("path", ["", "sub", "sub/", "sub/folder", "sub/folder/"])
def test_a_folder_is_found_by_its_path(root: Folder, tmp_path: Path, path: str) -> None:
    assert os.path.samestat(opened(root, path), (tmp_path / "root" / path).stat())


def descriptors() -> set[str]:
    return {file.name for file in Path("/proc/self/fd").iterdir()}


@pytest.mark.parametrize("path", ["link", "link/folder", "sub/link", "sub/link/folder"])
def test_no_path_leads_through_a_link(root: Folder, tmp_path: Path, path: str) -> None:
    for place in ("root/link", "root/sub/link"):
        (tmp_path / place).symlink_to(tmp_path / "outside")
    before = descriptors()
    with pytest.raises(NotADirectoryError):
        open_below(root.fd, path)
    assert descriptors() == before


def test_a_folder_that_has_gone_and_a_file_are_errors(root: Folder, tmp_path: Path) -> None:
    (tmp_path / "root/file").touch()
    with pytest.raises(FileNotFoundError):
        open_below(root.fd, "sub/gone")
    with pytest.raises(NotADirectoryError):
        open_below(root.fd, "file/folder")


def test_a_folder_stays_the_same_when_it_is_moved_and_is_closed_with_its_last_user(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    folder = Folder("a", (root := Folder(tmp_path)).fd)
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "b/c").symlink_to("nowhere")
    assert exists("c", folder.fd)
    assert not exists("a", root.fd)
    fd = folder.fd
    del folder
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
