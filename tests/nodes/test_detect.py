"""Detect understands the outputs of the usual exports: each is tried with a small model that is made here.

The models find white: they average the picture over cells, and call a cell that is bright enough a thing.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from bus import Message, encode
from nodes.detect import detect
from tests.launch import Launch, files
from tests.nodes.between import write_graph

CELL = 16  # pixels across
SIDE = 64  # of the models' input
CELLS = SIDE // CELL
N = CELLS * CELLS
KINDS = ("v8", "v5", "sorted", "ssd", "parts", "y first", "by class", "bytes")


def save_model(path: Path, kind: str, names: str = "{0: 'white', 1: 'never'}") -> Path:
    """A model of two classes, the second of which it never finds."""
    cells = np.stack(np.meshgrid(np.arange(CELLS), np.arange(CELLS)), -1).reshape(N, 2).astype(np.float32)
    corners = np.concatenate((cells * CELL, cells * CELL + CELL), 1)
    middles = np.concatenate((cells * CELL + CELL / 2, np.full((N, 2), CELL, np.float32)), 1)
    boxes = {
        "v8": middles, "v5": middles, "sorted": corners, "parts": corners / SIDE,
        "y first": corners[:, [1, 0, 3, 2]] / SIDE,
    }.get(kind, corners)  # fmt: skip
    held = {"boxes": boxes[None], "one": np.ones((1, N, 1)), "none": np.zeros((1, N, 1)), "shape": [1, N, 1]}
    held |= {"flat": [1, N], "third": np.array(1 / 3), "255": np.array(255), "axes": [1]}
    types = dict.fromkeys(("shape", "flat", "axes"), np.int64)
    initial = [numpy_helper.from_array(np.asarray(v, types.get(k, np.float32)), k) for k, v in held.items()]

    nodes = [("Identity", ["images"], "float")]
    if kind == "bytes":
        nodes = [("Cast", ["images"], "cast"), ("Div", ["cast", "255"], "scaled"), ("Transpose", ["scaled"], "float")]
    nodes += [
        ("ReduceSum", ["float", "axes"], "sum"), ("Mul", ["sum", "third"], "grey"), ("AveragePool", ["grey"], "mean"),
        ("Reshape", ["mean", "shape"], "white"), ("Reshape", ["mean", "flat"], "level"),
    ]  # fmt: skip
    if kind in ("v8", "v5", "sorted"):
        rows = {"v8": ["boxes", "white", "none"], "v5": ["boxes", "white", "one", "none"]}
        nodes.append(("Concat", rows.get(kind, ["boxes", "white", "none"]), "rows"))
        nodes.append(("Transpose" if kind == "v8" else "Identity", ["rows"], "output0"))
        outputs = ["output0"]
    else:
        before = "detection_" if kind == "y first" else ""
        nodes += [("Identity", ["boxes"], f"{before}boxes_"), ("Concat", ["white", "none"], "by")]
        nodes.append(("Identity", ["by" if kind == "by class" else "level"], f"{before}scores"))
        nodes.append(("Reshape", ["none", "flat"], f"{before}classes"))
        outputs = [f"{before}boxes_", f"{before}scores", *([] if kind == "by class" else [f"{before}classes"])]
    more: dict[str, dict[str, Any]] = {
        "AveragePool": {"kernel_shape": [CELL, CELL], "strides": [CELL, CELL]},
        "Concat": {"axis": 2}, "Transpose": {"perm": [0, 3, 1, 2] if kind == "bytes" else [0, 2, 1]},
        "Cast": {"to": TensorProto.FLOAT},
    }  # fmt: skip
    shape = [1, SIDE, SIDE, 3] if kind == "bytes" else [1, 3, SIDE, SIDE]
    graph = helper.make_graph(
        [helper.make_node(op, ins, [out], **more.get(op, {})) for op, ins, out in nodes],
        "white",
        [helper.make_tensor_value_info("images", TensorProto.UINT8 if kind == "bytes" else TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        initial,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    model.metadata_props.add(key="names", value=names)
    onnx.save(model, path)
    return path


def scene(*cells: tuple[int, int], size: int = SIDE) -> Image.Image:
    """A black picture in which these cells are white."""
    image = Image.new("RGB", (SIDE, SIDE))
    for x, y in cells:
        image.paste("white", (x * CELL, y * CELL, x * CELL + CELL, y * CELL + CELL))
    return image.resize((size, size), Image.Resampling.NEAREST)


def boxes(frame: Message) -> list[Any]:
    found: list[Any] = frame.data["boxes"]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_output_is_understood(tmp_path: Path, kind: str) -> None:
    model = save_model(tmp_path / "model.onnx", kind)
    [frame] = detect([Message(scene((1, 2)), number=7)], model=str(model), device="cpu")

    assert boxes(frame) == [{"label": "white", "score": 1.0, "box": [16.0, 32.0, 32.0, 48.0]}]
    assert frame.number == 7


def test_boxes_are_in_the_pixels_of_the_frame_whatever_its_shape(tmp_path: Path) -> None:
    wide = Image.new("RGB", (256, 128))
    wide.paste("white", (64, 64, 128, 128))  # a cell of the 64x64 that the model gets: 16 grey rows above
    [frame] = detect([Message(wide)], model=str(save_model(tmp_path / "model.onnx", "v8")), threshold=0.6)

    [box] = boxes(frame)
    assert (box["label"], box["box"]) == ("white", [64.0, 64.0, 128.0, 128.0])
    assert box["score"] > 0.9  # its edges are soft


def test_boxes_are_drawn_on_a_copy_and_frames_without_any_go_on_as_they_came(tmp_path: Path) -> None:
    model = str(save_model(tmp_path / "model.onnx", "v8"))
    full, empty = encode(scene((1, 1), size=320), "png"), encode(scene())

    drawn, same = detect([Message(full), Message(empty)], model=model)
    assert np.abs(np.asarray(drawn.image, int) - np.asarray(Message(full).image, int)).max() > 100
    assert (same.bytes, boxes(same)) == (empty, [])
    [plain] = detect([Message(full)], model=model, draw=False)
    assert (plain.bytes, boxes(plain)) == (full, boxes(drawn))


def test_the_surest_of_those_that_overlap_remains() -> None:
    from media.imaging.boxes import Candidates, best

    corners = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [50, 50, 60, 60], [5, 5, 5, 9]], float)
    found = Candidates(corners, np.array([0.6, 0.9, 0.8, 0.3, 0.9]), np.array([0, 0, 1, 0, 0]))

    assert best(found, 0.25, 0.5, 100) == [1, 2, 3]
    assert best(found, 0.5, 0.9, 100) == [1, 2, 0]
    assert best(found, 0.25, 0.5, 1) == [1]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"model": "none.onnx"}, "there is no model "),
        ({"model": __file__}, f"cannot load {__file__}: "),
        ({"threshold": 0.0}, "threshold is 0.0 and overlap 0.5, but go"),
        ({"device": "gpu"}, 'there is no device "gpu". There are: auto, cpu, cuda'),
        ({"names": "{0: 'a', 1: 'b', 2: 'c'}"}, "cannot detect with "),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(
    args: dict[str, Any], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_model(tmp_path / "model.onnx", "v8", args.get("names", "{}"))
    args = {name: value for name, value in args.items() if name != "names"}
    with pytest.raises(SystemExit) as exit:
        list(detect([], **{"model": str(model), **args}))

    assert exit.value.code == 2
    assert capsys.readouterr().out.startswith(words)


def test_cuda_where_there_is_none_and_no_onnxruntime_are_said_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import onnxruntime

    model = str(save_model(tmp_path / "model.onnx", "v8"))
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(SystemExit):
            list(detect([], model=model, device="cuda"))
        assert "cannot use CUDA: install onnxruntime-gpu" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SystemExit) as exit:
        list(detect([], model=model))

    assert exit.value.code == 2
    assert capsys.readouterr().out.endswith(": pip install -r requirements-detect.txt\n")


def test_in_a_graph_boxes_reach_the_next_node(tmp_path: Path) -> None:
    save_model(tmp_path / "white.onnx", "v8")
    (tmp_path / "images").mkdir()
    for number in range(N):
        scene((number % CELLS, number // CELLS)).save(tmp_path / "images" / f"{number}.png")
    (tmp_path / "notes.py").write_text(
        "import json, pathlib\nfrom bus import run\n\n\ndef notes(frames):\n    for frame in frames:\n"
        "        pathlib.Path(f'notes/{frame.number}').write_text(json.dumps(frame.data['boxes']))\n\n\n"
        "if __name__ == '__main__':\n    run(notes)\n"
    )
    (tmp_path / "notes").mkdir()
    write_graph(
        tmp_path,
        splitter={"run": "nodes.splitter", "push": "frames", "args": {"source": "images/*.png"}},
        detect={"run": "nodes.detect", "pull": "frames", "push": "found", "args": {"model": "white.onnx"},
            "replicas": 2},
        notes={"run": "notes", "pull": "found"},
    )  # fmt: skip
    with Launch(tmp_path) as launch:
        assert launch.ends() == 0, launch.output

    for number in range(N):
        x, y = number % CELLS * CELL, number // CELLS * CELL
        words = f'[{{"label": "white", "score": 1.0, "box": [{x}.0, {y}.0, {x + CELL}.0, {y + CELL}.0]}}]'
        assert (tmp_path / "notes" / str(number)).read_text() == words
    assert len(files(tmp_path / "notes")) == N
