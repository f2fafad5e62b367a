"""Make model.onnx, which finds squares of two colours and sizes, and says so as YOLOv8 does.

    python make_model.py

It was not trained: its few weights are written here. For each kind of thing a pixel is of its colour (1) or is not
(0), and a square is a thing if nearly all of its pixels are. Needs the package onnx; to run the model does not.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, HEIGHT = 320, 192  # of the picture that it takes: RGB, 0 to 1
STEP = 2  # pixels from one square that is looked at to the next
KINDS = {"crate": (48, [4, 0, -4]), "tub": (32, [-4, 0, 4])}  # pixels across, and the weight of red, green and blue

nodes, values = [], {"minus 1": [-1], "0": 0, "1": 1, "4": 4, "minus 3": -3, "shape": [1, 4 + len(KINDS), -1]}


def node(op, inputs, output, **attributes):
    nodes.append(helper.make_node(op, inputs, [output], **attributes))
    return output


def squares(kind):
    """A row for each number of a box (centre, width, height, scores), a column for each square; its name."""
    size, weights = KINDS[kind]
    values[f"{kind} weights"] = np.reshape(weights, (1, 3, 1, 1))
    values[f"{kind} size"] = size
    values[f"{kind} across"] = np.arange(size / 2, WIDTH - size / 2 + 1, STEP).reshape(1, 1, 1, -1)
    values[f"{kind} down"] = np.arange(size / 2, HEIGHT - size / 2 + 1, STEP).reshape(1, 1, -1, 1)

    node("Conv", ["images", f"{kind} weights", "minus 1"], f"{kind} colour")
    node("Clip", [f"{kind} colour", "0", "1"], f"{kind} pixels")
    node("AveragePool", [f"{kind} pixels"], f"{kind} part of a row", kernel_shape=[1, size], strides=[1, STEP])
    node("AveragePool", [f"{kind} part of a row"], f"{kind} part", kernel_shape=[size, 1], strides=[STEP, 1])
    node("Mul", [f"{kind} part", "4"], f"{kind} times 4")
    node("Add", [f"{kind} times 4", "minus 3"], f"{kind} level")  # 3/4 of its pixels: 0, all: 1
    node("Clip", [f"{kind} level", "0", "1"], f"{kind} score")
    node("Mul", [f"{kind} score", "0"], f"{kind} none")
    box = [node("Add", [f"{kind} none", f"{kind} {side}"], f"{kind} box {side}") for side in ("across", "down", "size")]
    scores = [f"{kind} score" if other == kind else f"{kind} none" for other in KINDS]
    node("Concat", [*box, box[-1], *scores], f"{kind} rows", axis=1)
    return node("Reshape", [f"{kind} rows", "shape"], f"{kind} squares")


node("Concat", [squares(kind) for kind in KINDS], "output0", axis=2)
graph = helper.make_graph(
    nodes,
    "squares",
    [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
    [helper.make_tensor_value_info("output0", TensorProto.FLOAT, None)],
    [
        numpy_helper.from_array(np.asarray(value, np.int64 if name == "shape" else np.float32), name)
        for name, value in values.items()
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
model.metadata_props.add(key="names", value=str(dict(enumerate(KINDS))))  # as ultralytics writes them
onnx.save(model, Path(__file__).with_name("model.onnx"))
