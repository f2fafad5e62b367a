"""Damaged and foreign files become dead letters with a reason; all others are converted and no node restarts."""

import io
from pathlib import Path

from PIL import Image

from tests.conftest import until
from tests.launch import Launch, files

GRAPH = """\
nodes:
  watcher:
    run: nodes.watcher
    push: frames
    args: {folder: inbox}
  converter:
    run: nodes.converter
    pull: frames
    args: {filter: emboss, folder: converted}
"""


def jpeg(number: int) -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (64, 48), (number, 255 - number, 7)).save(body, "JPEG")
    return body.getvalue()


def gif() -> bytes:
    body = io.BytesIO()
    Image.new("P", (8, 8)).save(body, "GIF")
    return body.getvalue()


BAD = {
    "empty.jpg": b"",
    "one.jpg": b"\xff",
    "half.jpg": jpeg(1)[: len(jpeg(1)) // 2],
    "text.jpg": b"this is no image\n",
    "gif.jpg": gif(),
    "zeros.png": bytes(5000),
    "header.png": b"\x89PNG\r\n\x1a\n",
}


def test_damaged_files_among_good_ones_become_dead_letters(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (tmp_path / "graph.yaml").write_text(GRAPH)

    with Launch(tmp_path) as graph:
        for number in range(100):
            (inbox / f"good-{number}.jpg").write_bytes(jpeg(number))
            if number % 10 == 0 and BAD.keys() - {path.name for path in inbox.glob("*")}:
                name = sorted(BAD)[number // 10 % len(BAD)]
                (inbox / name).write_bytes(BAD[name])
        until(lambda: len(files(tmp_path / "converted")) == 100, 60, "a hundred results")
        until(lambda: len(files(inbox / "dead-letters")) == 2 * len(BAD), 30, "a reason beside each dead letter")
        graph.interrupt()
        assert graph.ends(10) == 0

    assert set(files(inbox / "dead-letters")) == {*BAD, *(f"{name}.txt" for name in BAD)}
    for name, body in BAD.items():
        assert (inbox / "dead-letters" / name).read_bytes() == body
        reason = (inbox / "dead-letters" / f"{name}.txt").read_text()
        assert "cannot decode" in reason
        assert "converter" in reason
    assert f"converted 100, dead letters {len(BAD)}, dropped 0, lost 0" in graph.output
    assert "restarts" not in graph.output
