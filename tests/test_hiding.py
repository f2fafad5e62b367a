"""Secrets: expanded for the node function alone, and shown as they were written wherever anything leaves."""

from pathlib import Path

from tests.test_run import python
from tests.wiring import SINK, SOURCE, Graph

PASSWORD = "p@ss'word/1"  # what repr and a URL write in another way

LEAKY = """
import sys
from bus import Message, shown

def leaky(*, source, areas: list | None = None, plain=""):
    assert source == "rtsp://me:" + {password!r} + "@camera/1", "it is expanded"
    assert areas == [{password!r}] and plain == "$HOME"
    print("opens", source, repr(source), shown(source))
    print("opens", source, file=sys.stderr)
    yield Message(b"1", name="1.bin")
    raise RuntimeError("cannot open " + source)
""".replace("{password!r}", repr(PASSWORD))
ARGUMENTS = ("--source=rtsp://me:${CAM_PASSWORD}@camera/1", '--areas=["${CAM_PASSWORD}"]', "--plain=$HOME")


def test_a_secret_is_shown_as_it_was_written_in_lines_and_tracebacks(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.env["CAM_PASSWORD"] = PASSWORD
        graph.node("leaky", LEAKY, *ARGUMENTS, push="frames")
        graph.node("sink", SINK, pull="frames")
        graph.start()
        assert graph.wait("leaky.1") == 1
        log = graph.log("leaky.1")
        assert "word/1" not in log
        shown = "rtsp://me:${CAM_PASSWORD}@camera/1"
        assert f"opens {shown} " in log
        assert f"opens {shown}\n" in log
        assert f"RuntimeError: cannot open {shown}\n" in log


def test_a_secret_travels_with_no_verdict(tmp_path: Path) -> None:
    failing = """
def failing(frames, *, source):
    for frame in frames:
        if frame.number:
            frame.reject("no answer from " + source)
        else:
            raise RuntimeError("no answer from " + source)
"""
    with Graph(tmp_path) as graph:
        graph.env["CAM_PASSWORD"] = PASSWORD
        graph.node("source", SOURCE, "--count=2", push="frames")
        graph.node("failing", failing, ARGUMENTS[0], pull="frames")
        graph.start()
        graph.finish()
        for name in ("s-000000.bin", "s-000001.bin"):
            reason = (tmp_path / "dead-letters/source" / f"{name}.txt").read_text()
            assert "no answer from rtsp://me:${CAM_PASSWORD}@camera/1" in reason
        assert "word/1" not in graph.log("source.1") + graph.log("failing.1")


def test_a_variable_that_is_not_set_is_final_and_named(tmp_path: Path) -> None:
    (tmp_path / "leaky.py").write_text(LEAKY + "\nfrom bus import run\nrun(leaky)\n")
    code, said = python(tmp_path, "leaky.py", *ARGUMENTS)
    assert code == 2
    assert "--source needs the environment variable CAM_PASSWORD, which is not set" in said


def test_of_two_secrets_that_overlap_the_longer_one_is_hidden_whole(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text("""
from bus import run

def two(*, short, long):
    print(short, long)

run(two)
""")
    code, said = python(tmp_path, "two.py", "--short=${SHORT}", "--long=${LONG}", SHORT="abc", LONG="abcdef")
    assert (code, said) == (0, "${SHORT} ${LONG}\n")
