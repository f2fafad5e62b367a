"""The resume mark."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from media.mark import Mark
from tests.conftest import make_clip
from tests.jobs import job


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


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"next": 3}', "\x00\xff", "null"])
def test_what_is_no_mark_counts_as_none_and_is_mentioned(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".clip.mark").write_text(content)
    assert Mark.read(tmp_path / ".clip.mark") is None
    assert f"{tmp_path}/.clip.mark is no mark of a splitter" in capsys.readouterr().out


def test_no_mark_is_none(tmp_path: Path) -> None:
    assert Mark.read(tmp_path / ".clip.mark") is None
