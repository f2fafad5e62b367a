"""The resume mark."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from media.delivery.mark import Mark
from tests.conftest import make_clip
from tests.jobs import job
from tests.mounting import disk


def test_a_mark_comes_back_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZG_RUN", "17")
    clip = make_clip(tmp_path / "clip.mp4", frames=1, size="96x64")
    mark = replace(Mark.of(job(str(clip), size="64x36", rate=2.5)), next=7, placing=True)
    mark.write(tmp_path / ".clip.mark", tmp_path)
    assert Mark.read(tmp_path / ".clip.mark") == mark
    written = json.loads((tmp_path / ".clip.mark").read_text())
    assert {key: written[key] for key in ("source", "run", "next", "ended")} == {
        "source": str(clip), "run": "17", "next": 7, "ended": False,
    }  # fmt: skip
    assert written["size"] == clip.stat().st_size
    assert written["arguments"] == {"engine": "av", "rate": 2.5, "quality": 90, "limit": 0, "size": [64, 36]}


def test_another_file_or_another_way_to_split_it_is_another_clip(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=1, size="96x64")
    mark = Mark.of(job(str(clip)))
    assert mark.same_clip(replace(Mark.of(job(str(clip))), run="other", next=3, ended=True))
    assert not mark.same_clip(Mark.of(job(str(clip), rate=5.0)))
    assert not mark.same_clip(Mark.of(job(str(clip), quality=80)))
    make_clip(clip, frames=2, size="96x64")
    assert not mark.same_clip(Mark.of(job(str(clip))))


def test_images_with_another_among_them_are_other_images(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"one")
    mark = Mark.of(job(str(tmp_path / "*.png")))
    assert mark.same_clip(Mark.of(job(str(tmp_path / "*.png"))))
    (tmp_path / "2.png").write_bytes(b"two")
    assert not mark.same_clip(Mark.of(job(str(tmp_path / "*.png"))))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"next": 3}', "\x00\xff", "null"])
def test_what_is_no_mark_counts_as_none_and_is_mentioned(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".clip.mark").write_text(content)
    assert Mark.read(tmp_path / ".clip.mark") is None
    assert f"{tmp_path}/.clip.mark is no mark of a splitter" in capsys.readouterr().out


def test_no_mark_is_none(tmp_path: Path) -> None:
    assert Mark.read(tmp_path / ".clip.mark") is None


def test_a_mark_that_a_full_disk_does_not_take_leaves_the_old_one(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", options="size=32k") as folder:
        workspace, file = folder / ".clip.work", folder / ".clip.mark"
        workspace.mkdir()
        old = Mark.of(job("test"))
        old.write(file, workspace)
        with suppress(OSError), open(folder / "filler", "wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        with pytest.raises(OSError, match="No space left on device"):
            replace(old, next=7).write(file, workspace)
        assert Mark.read(file) == old
        assert list(workspace.iterdir()) == []
