"""What a replica makes of each message that comes and of what its user code yields, between peers in a test's hand."""

import gc
import os
import weakref
from pathlib import Path
from typing import Any

import pytest

from bus import Undecodable
from tests.peers import META, FarPuller, Node, node

JPEG = b"\xff\xd8 not really, but nobody looks"


def beyond(n: Node, puller: FarPuller, count: int, **fields: Any) -> list[tuple[dict[str, Any], bytes]]:
    """What `count` messages and skips have brought a puller downstream, once it has spoken."""
    puller.say(open=[], **fields)
    n.until(lambda: len(puller.hear()) == count)
    return puller.got


def all_done(puller: FarPuller) -> None:
    puller.say(done=[(number, "done", "") for number in puller.hear()])


def test_a_frame_that_nobody_touched_travels_on_as_the_very_same_bytes() -> None:
    with node(outputs=1) as n:
        n.far.give(1, JPEG, meta={**META, "data": {"a": [1, None]}, "hops": [["source.1", 5]]})
        n.send(next(n.frames))
        [(header, payload)] = beyond(n, n.beyond[0], 1)
        assert payload == JPEG
        sent = header["meta"]
        assert sent.pop("hops")[0] == ["source.1", 5]
        assert sent == {key: value for key, value in META.items() if key != "hops"} | {"data": {"a": [1, None]}}


def test_a_message_is_done_when_all_that_was_made_of_it_is() -> None:
    with node(outputs=1) as n:
        n.far.give(1)
        frame = next(n.frames)
        n.send(frame.replace(b"one"))
        n.beyond[0].say(open=[])
        n.until(lambda: n.beyond[0].hear() == [1])
        n.send(frame.replace(b"two"))
        n.until(lambda: n.beyond[0].hear() == [1, 2])
        n.frames.here()
        n.beyond[0].say(done=[(2, "dropped", "late")])
        n.until(lambda: n.far.last().get("held") == [1])
        assert n.verdicts() == {}
        n.beyond[0].say(done=[(1, "done", "")])
        n.until(lambda: n.verdicts() == {1: ("done", "")})
        assert n.books["sent"] == 2


def test_what_user_code_has_let_go_of_is_not_kept_while_what_was_made_of_it_is_on_its_way() -> None:
    with node(outputs=1) as n:
        n.far.give(1)
        frame = next(n.frames)
        n.send(frame.replace(b"small"))
        n.beyond[0].say(open=[])
        n.until(lambda: n.beyond[0].hear() == [1])
        large = weakref.ref(frame)
        del frame
        assert n.frames.here() is None
        gc.collect()
        assert large() is None
        assert n.verdicts() == {}
        all_done(n.beyond[0])
        n.until(lambda: n.verdicts() == {1: ("done", "")})


def test_a_skip_is_passed_on_to_every_wire_with_its_whole_range_and_acknowledged_after_it_was() -> None:
    with node(outputs=2) as n:
        n.far.give(1, b"", kind="skip", meta={"stream": "s", "number": 4, "last": 9})
        n.until(lambda: n.frames.queue)
        assert n.frames.here() is None
        for puller in n.beyond:
            [(header, payload)] = beyond(n, puller, 1)
            assert (header["kind"], payload) == ("skip", b"")
            assert header["meta"] == {"stream": "s", "number": 4, "last": 9}
        all_done(n.beyond[0])
        n.until(lambda: n.far.last().get("held") == [1])
        all_done(n.beyond[1])
        n.until(lambda: n.verdicts() == {1: ("done", "")})
        assert n.books["received"] == 0, "user code never saw it"


def test_what_is_passed_on_to_one_wire_is_skipped_on_the_other_and_the_skip_has_no_say() -> None:
    with node(outputs=2) as n:
        for number in (1, 2):
            n.far.give(number)
        message = next(n.frames)
        n.outputs.send(message, n.outputs.wires[:1], n.holding())
        next(n.frames)
        n.until(lambda: n.frames.here() is None)
        kinds = [[header["kind"] for header, _ in beyond(n, puller, 2)] for puller in n.beyond]
        assert kinds == [["message", "skip"], ["skip", "skip"]]
        for puller in n.beyond:
            all_done(puller)
        n.until(lambda: len(n.verdicts()) == 2)
        assert n.verdicts()[1] == ("done", "")
        assert n.verdicts()[2][0] == "dropped"


WRONG_META: dict[str, list[Any]] = {
    "stream": [None, 5], "number": [-1, 2**63, "1", 1.0, True], "name": [None, ["a"], "\ud800", "%ff\ud800"],
    "captured": [-1, 2**63, "now", None], "time": ["tomorrow", 5], "hops": [None, {}, [["a"]], [["a", "b"]]],
    "data": [[], "x", None], "raw": [["RGB", 1, 1], ["P", 1, 1], ["L", 0, 0], [["L"], 1, 1], "L11"],
    "file": [5, None, "relative", "/proc/self/environ", "/%00"], "empty": ["yes", 1],
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [(f, value) for f, wrong in WRONG_META.items() for value in wrong])
def test_a_message_that_is_wrong_in_itself_is_rejected_and_the_node_goes_on(field: str, value: Any) -> None:
    with node(outputs=1) as n:
        n.far.give(1, meta={**META, field: value})
        n.far.give(2)
        assert next(n.frames).number == 2
        n.beyond[0].say(open=[])
        n.until(lambda: n.beyond[0].hear() or 1 in n.verdicts())
        all_done(n.beyond[0])  # a skip, if it could be told which number this was
        n.until(lambda: 1 in n.verdicts())
        verdict, reason = n.verdicts()[1]
        assert verdict == "rejected"
        assert reason.startswith("node on ")


@pytest.mark.parametrize("meta", [{}, {"stream": "s", "number": 1}, {"stream": [], "number": 1, "last": "x"}])
def test_a_skip_that_is_wrong_in_itself_is_rejected_and_the_node_goes_on(meta: dict[str, Any]) -> None:
    with node(outputs=1) as n:
        n.far.give(1, b"", kind="skip", meta=meta)
        n.far.give(2)
        next(n.frames)
        n.until(lambda: 1 in n.verdicts())
        assert n.verdicts()[1][0] == "rejected"


# ---- files


def taken_with_file(n: Node, file: Path) -> tuple[str, str]:
    """The verdict on a message that names `file`."""
    n.far.give(1, b"", meta={**META, "file": str(file)})
    n.until(lambda: n.frames.here() is None and 1 in n.verdicts())
    return n.verdicts()[1]


def test_a_file_below_a_granted_folder_is_opened_before_user_code_sees_it(tmp_path: Path) -> None:
    with node() as n:
        (n.folder / "a.jpg").write_bytes(JPEG)
        n.far.give(1, b"", meta={**META, "file": str(n.folder / "a.jpg")})
        message = next(n.frames)
        (n.folder / "a.jpg").unlink()
        assert message.bytes == JPEG
        assert not message.empty


def test_a_granted_folder_may_be_reached_through_a_link(tmp_path: Path) -> None:
    with node() as n:
        (n.folder / "a.jpg").write_bytes(JPEG)
        (tmp_path / "link").symlink_to(n.folder)
        n.far.give(1, b"", meta={**META, "file": str(tmp_path / "link/a.jpg")})
        assert next(n.frames).bytes == JPEG


def test_a_file_that_has_vanished_was_finished_elsewhere() -> None:
    with node() as n:
        assert taken_with_file(n, n.folder / "a.jpg") == ("gone", "")


def test_a_file_outside_of_the_granted_folders_is_rejected_however_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    for count, path in enumerate(
        ("{outside}/secret", "{inside}/../{name}/secret", "{inside}/link", "{inside}/folder/secret")
    ):
        with node() as n:
            (n.folder / "link").symlink_to(tmp_path / "secret")
            (n.folder / "folder").symlink_to(tmp_path)
            inside = f"{n.folder}/{os.path.relpath(tmp_path, n.folder)}/.." if count == 1 else str(n.folder)
            file = Path(path.format(outside=tmp_path, inside=inside, name=tmp_path.name))
            verdict, reason = taken_with_file(n, file)
            assert verdict == "rejected", file
            assert "lies below no granted folder" in reason


def test_what_is_no_file_is_rejected() -> None:
    with node() as n:
        os.mkfifo(n.folder / "pipe")
        verdict, reason = taken_with_file(n, n.folder / "pipe")
        assert verdict == "rejected"
        assert reason.endswith("which is no file")


# ---- failures


def test_one_of_a_batch_that_cannot_be_decoded_is_rejected_and_the_others_come_again_without_blame() -> None:
    with node() as n:
        for number in (1, 2, 3):
            n.far.give(number, b"no image")
        n.until(lambda: len(n.frames.queue) == 3)
        batch = n.frames.batch(3, 0.0)
        with pytest.raises(Undecodable) as caught:
            batch[1].image  # noqa: B018
        n.failed(caught.value)
        n.until(lambda: n.verdicts())
        assert n.verdicts()[2][0] == "rejected"
        returned = [entry for state in n.far.hear() for entry in state["returned"]]
        assert [(number, guilty) for number, guilty, _ in returned] == [(1, False), (3, False)]


def test_a_failure_counts_against_what_user_code_held_and_what_was_yielded_matters_to_nobody(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with node(outputs=1) as n:
        n.far.give(1)
        n.send(next(n.frames).replace(b"half"))
        n.failed(RuntimeError("no"))
        n.until(lambda: any(state["returned"] for state in n.far.hear()))
        [(number, guilty, words)] = [entry for state in n.far.hear() for entry in state["returned"]]
        assert (number, guilty) == (1, True)
        assert words.endswith(": RuntimeError: no")
        assert "failed on a.bin" in capsys.readouterr().out
        beyond(n, n.beyond[0], 1)
        all_done(n.beyond[0])
        n.until(lambda: all(push.idle for push in n.outputs.wires))
        assert n.verdicts() == {}
        assert n.books["received"] == 0
