"""What a docstring says of single arguments: its lines `factor: one pixel in so many is kept`."""

import re

LINE = re.compile(r"^\s*(\w+): (.+)$", re.MULTILINE)


def described(docstring: str | None) -> dict[str, str]:
    """Argument -> its words, without a full stop."""
    return {name: words.rstrip(".") for name, words in LINE.findall(docstring or "")}
