"""What the outputs of object detectors mean: candidates, of which those remain that are sure and are not the same.

Understood are the outputs that exports usually have, for N candidates and C classes:

- one output [1, 4+C, N], with more columns than rows (YOLOv8 and later): centre and size, a score for each class
- one output [1, N, 6], N up to 1000 (YOLOv10, or nms=True): corners, score, class
- any other output [1, N, 5+C] (YOLOv5, YOLOv7): centre and size, whether there is anything, a score for each class
- outputs named …boxes, …scores and …classes or …labels (SSD, Faster R-CNN): corners, in pixels or as parts of the
  picture; y comes first in detection_boxes, as TensorFlow calls them. Scores may be [1, N, C], without classes.
"""

from typing import Any, NamedTuple

import numpy as np

SORTED = 1000  # candidates at most that a model gives which has sorted them out itself
PARTS = 1.5  # corners that are all below are parts of the picture
Array = np.ndarray[Any, np.dtype[Any]]


class Candidates(NamedTuple):
    """Boxes, a row each: left, top, right and bottom in pixels of the model's input; and how sure, and of what."""

    corners: Array
    scores: Array
    classes: Array


def understood(outputs: dict[str, Array], size: tuple[int, int], classes: int) -> Candidates:
    """The candidates in a model's outputs, for an input of `size`; `classes`: how many there are, 0: not known.

    Raises ValueError for outputs that mean something else.
    """
    boxes, scores, labels = _named(outputs, "boxes"), _named(outputs, "scores"), _named(outputs, "classes", "labels")
    if boxes is not None and scores is not None:
        if boxes.ndim > 2:  # of each picture, of which there is one
            boxes, scores, labels = boxes[0], scores[0], None if labels is None else labels[0]
        found = _separate(boxes, scores, labels, size, any("detection_boxes" in name for name in outputs))
    else:
        [first, *others] = outputs.values()
        if first.ndim != 3 or first.shape[0] != 1 or min(first.shape[1:]) < 5 or any(one.ndim < 5 for one in others):
            shapes = ", ".join(f"{name} {list(output.shape)}" for name, output in outputs.items())
            raise ValueError(f"its outputs are {shapes}, which are of no kind that is known: see docs/nodes.md")
        found, own = _together(first[0].astype(np.float32))
        if classes and own and own != classes:
            raise ValueError(f"its output has scores for {own} classes, and it names {classes}")
    return found


def best(found: Candidates, threshold: float, overlap: float, most: int) -> list[int]:
    """The rows of the candidates that remain, the surest first: one of each class in a place."""
    left, top, right, bottom = found.corners.T
    areas = (right - left).clip(0) * (bottom - top).clip(0)
    rows = np.flatnonzero((found.scores >= threshold) & (areas > 0))
    rows = rows[np.argsort(-found.scores[rows], kind="stable")]
    kept: list[int] = []
    while len(rows) and len(kept) < most:
        first, rows = rows[0], rows[1:]
        kept.append(int(first))
        across = np.minimum(right[rows], right[first]) - np.maximum(left[rows], left[first])
        down = np.minimum(bottom[rows], bottom[first]) - np.maximum(top[rows], top[first])
        shared = across.clip(0) * down.clip(0)
        same = shared > overlap * (areas[rows] + areas[first] - shared)
        rows = rows[~(same & (found.classes[rows] == found.classes[first]))]
    return kept


def _named(outputs: dict[str, Array], *words: str) -> Array | None:
    """The output whose name holds one of these words; TensorFlow gives others beside it, before they are sorted out."""
    names = [name for name in outputs if "raw" not in name and "multiclass" not in name]
    return next((outputs[name] for name in names if any(word in name.lower() for word in words)), None)


def _separate(boxes: Array, scores: Array, labels: Array | None, size: tuple[int, int], y_first: bool) -> Candidates:
    corners = boxes.reshape(-1, 4).astype(np.float32)
    if scores.ndim > 1:
        labels, scores = scores.argmax(-1), scores.max(-1)
    labels = np.zeros(len(corners)) if labels is None else labels
    if y_first:
        corners = corners[:, [1, 0, 3, 2]]
    if corners.size and corners.max() <= PARTS:
        corners = corners * np.array((*size, *size), np.float32)
    return Candidates(corners, scores.reshape(-1).astype(np.float32), labels.reshape(-1).astype(int))


def _together(rows: Array) -> tuple[Candidates, int]:
    """The candidates of one output, and for how many classes it has scores; 0: it has none."""
    if rows.shape[1] == 6 and rows.shape[0] <= SORTED:
        return Candidates(rows[:, :4], rows[:, 4], rows[:, 5].astype(int)), 0
    if rows.shape[0] < rows.shape[1]:
        rows = rows.T
        scores = rows[:, 4:]
    else:
        scores = rows[:, 5:] * rows[:, 4:5]
    middle, half = rows[:, :2], rows[:, 2:4] / 2
    corners = np.concatenate((middle - half, middle + half), axis=1)
    return Candidates(corners, scores.max(1), scores.argmax(1)), scores.shape[1]
