"""Plain values -> a YAML document, as people write them."""

from __future__ import annotations

from typing import Any

import yaml

Tree = dict[str, Any]
WIDTH = 1_000_000  # characters: no line is folded


class Dumper(yaml.SafeDumper):
    """No anchors, which graphs may not have; lists indented below their key; texts of several lines as blocks."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Dumper.add_representer(str, _text)


def written(tree: Tree) -> str:
    """`tree` as a document, its keys in their order."""
    return yaml.dump(tree, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
