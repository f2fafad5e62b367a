"""The graph of the campaign as a value, what it says in YAML, and the edits that make another one of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

PLACES = ("a", "b")  # where a custom filter may stand: before the converter, and behind it
FILTERS = ("invert", "grayscale")  # the latter leaves grey frames as they are
MOST_REPLICAS = 4


@dataclass(frozen=True)
class Stamp:
    """A custom filter."""

    name: str
    label: int  # its own in the whole campaign
    replicas: int = 1


@dataclass(frozen=True)
class Model:
    """watcher -> [a] -> [converter] -> [b] -> keeper, and perhaps a preview beside it."""

    filter: str | None = "invert"  # None: there is no converter
    replicas: int = 1
    a: Stamp | None = None
    b: Stamp | None = None
    prefetch: int = 8
    preview: bool = False
    colour: int = 0  # a variable of the keeper's

    @property
    def shows(self) -> dict[str, object]:
        """What a result has of it."""
        labels = {place: stamp and stamp.label for place, stamp in (("a", self.a), ("b", self.b))}
        return {"filter": "invert" if self.filter == "invert" else "none", **labels}

    def yaml(self) -> str:
        ways = {"watcher": "{run: nodes.watcher, %s, args: {folder: dropped, pattern: '*.png'}}"}
        if self.a:
            ways[self.a.name] = _stamp(self.a, "a")
        if self.filter:
            ways["converter"] = (
                f"{{run: nodes.converter, %s, args: {{filter: {self.filter}}}, replicas: {self.replicas}}}"
            )
        if self.b:
            ways[self.b.name] = _stamp(self.b, "b")
        ways["keeper"] = f'{{run: keeper, %s, args: {{folder: results}}, env: {{COLOUR: "{self.colour}"}}}}'
        pulls = {behind: f"pull: to_{behind}" for _, behind in pairwise(ways)}
        pushes = {before: f"to_{behind}" for before, behind in pairwise(ways)}
        if self.preview:
            pushes["watcher"] = f"[{pushes['watcher']}, preview]"
            ways["previews"] = "{run: nodes.saver, %s, args: {folder: previews}}"
            pulls["previews"] = "pull: preview"
        lines = []
        for name, way in ways.items():
            push = f"push: {pushes[name]}" if name in pushes else ""
            ends = ", ".join(filter(None, [pulls.get(name), push]))
            lines.append(f"  {name}: {way % ends}")
        wires = [f"  to_keeper: {{prefetch: {self.prefetch}}}", *["  preview: {keep: latest}"] * self.preview]
        return "\n".join(["nodes:", *lines, "wires:", *wires, ""])


class Edit(NamedTuple):
    """What one is to do next."""

    words: str
    model: Model


def edit(model: Model, count: int, rng: random.Random) -> Edit:
    """A change of `model`, whatever that is; `count`: a number of its own."""
    while True:
        words, made = rng.choice(EDITS)(model, count, rng)
        if made != model:
            return Edit(words, made)


def _with(model: Model, place: str, stamp: Stamp | None) -> Model:
    return replace(model, a=stamp) if place == "a" else replace(model, b=stamp)


def _stamp(stamp: Stamp, place: str) -> str:
    return f"{{run: stamp, %s, args: {{label: {stamp.label}, place: {place}}}, replicas: {stamp.replicas}}}"


def _filter(model: Model, count: int, rng: random.Random) -> Edit:
    made = rng.choice([*FILTERS, None])
    return Edit(f"filter {model.filter} -> {made}", replace(model, filter=made))


def _insert(model: Model, count: int, rng: random.Random) -> Edit:
    place = rng.choice(PLACES)
    stamp = Stamp(f"stamp{count}", count, rng.randint(1, 2))
    return Edit(f"a custom filter at {place}", _with(model, place, stamp))


def _remove(model: Model, count: int, rng: random.Random) -> Edit:
    place = rng.choice(PLACES)
    return Edit(f"no custom filter at {place}", _with(model, place, None))


def _relabel(model: Model, count: int, rng: random.Random) -> Edit:
    return _change("an argument", model, rng, lambda stamp: replace(stamp, label=count))


def _rename(model: Model, count: int, rng: random.Random) -> Edit:
    return _change("a name", model, rng, lambda stamp: replace(stamp, name=f"renamed{count}"))


def _stamps(model: Model, count: int, rng: random.Random) -> Edit:
    return _change("replicas", model, rng, lambda stamp: replace(stamp, replicas=rng.randint(1, MOST_REPLICAS)))


def _replicas(model: Model, count: int, rng: random.Random) -> Edit:
    made = rng.randint(1, MOST_REPLICAS)
    return Edit(f"replicas {model.replicas} -> {made}", replace(model, replicas=made) if model.filter else model)


def _prefetch(model: Model, count: int, rng: random.Random) -> Edit:
    return Edit("prefetch", replace(model, prefetch=rng.randint(1, 16)))


def _preview(model: Model, count: int, rng: random.Random) -> Edit:
    return Edit("a preview" if not model.preview else "no preview", replace(model, preview=not model.preview))


def _colour(model: Model, count: int, rng: random.Random) -> Edit:
    return Edit("a variable", replace(model, colour=count))


def _change(words: str, model: Model, rng: random.Random, change: Callable[[Stamp], Stamp]) -> Edit:
    """Change a custom filter, if there is one."""
    there = [place for place in PLACES if getattr(model, place)]
    if not there:
        return Edit(words, model)
    place = rng.choice(there)
    return Edit(f"{words} of the filter at {place}", _with(model, place, change(getattr(model, place))))


EDITS: list[Callable[[Model, int, random.Random], Edit]]
EDITS = [
    *(_filter, _insert, _remove, _relabel, _rename, _stamps, _replicas, _replicas),
    *(_prefetch, _preview, _colour),
]
