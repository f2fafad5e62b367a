"""A YAML parser's complaint -> the line to look at, and what to do there in a user's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml

MAX_DEPTH = 20  # of lists and mappings in each other
TOO_DEEP = f"lists and mappings stand more than {MAX_DEPTH} deep in each other here. Flatten them."
UNFIT = "this line does not fit those above it. Check its indentation, quotes and brackets."

# What libyaml's and PyYAML's own complaints have in common, and what it means. {mark} is the character found, {line}
# the line where the parser gave up; True: the mistake stands where the construct begins.
MEANINGS = (
    ("maximum nesting depth", TOO_DEEP, False),  # libyaml from 0.2.6 on has a limit of its own
    ("quoted scalar found unexpected end", "a quote is opened here and never closed. Close it.", True),
    ("scanning an alias", 'a text that begins with * must stand in quotes, as in "*.jpg".', False),
    ("scanning an anchor", "a text that begins with & must stand in quotes.", False),
    ("scanning a tag", "a text that begins with ! must stand in quotes.", False),
    ("scanning a directive", "a text that begins with % must stand in quotes.", False),
    ("scanning a block scalar", "a text that begins with | or > must stand in quotes.", False),
    ("mapping keys", "a text that begins with ? must stand in quotes.", False),
    ("sequence entries", "a - stands where none can. Check the indentation, or put the text in quotes.", False),
    ("cannot start any token", "a text that begins with {mark} must stand in quotes.", False),
    ("node content", "a value cannot begin with {mark} here. Check the brackets, or put it in quotes.", False),
    ("escape c", "a backslash has a meaning in double quotes. Use single quotes.", False),
    ("flow sequence", "a [ is opened here, and line {line} goes on as if it were closed. Add , or ].", True),
    ("flow mapping", "a {{ is opened here, and line {line} goes on as if it were closed. Add , or }}.", True),
    (
        "mapping values",
        "a colon stands where none can. Check the indentation, colons and quotes here and a line above.",
        False,
    ),
    ("expected ':'", "this line has no colon, or no space behind it. Write key: value.", True),
    ("block mapping", UNFIT, False),
    ("block collection", UNFIT, False),
    ("block sequence", UNFIT, False),
    ("<document start>", UNFIT, False),
)
OTHERWISE = "this is not YAML. Check the indentation, quotes and brackets here."


def explained(error: yaml.MarkedYAMLError, lines: list[str]) -> tuple[int, str]:
    """The line (from 1) and the words for `error`, found in `lines`."""
    end = error.problem_mark
    if end is None:
        return 1, OTHERWISE
    begin = error.context_mark or end
    source = lines[end.line] if end.line < len(lines) else ""
    if "\t" in source[: len(source) - len(source.lstrip())]:
        return end.line + 1, "a tab stands in the indentation. Use spaces."
    complaint = f"{error.context} {error.problem}"
    for pattern, words, at_begin in MEANINGS:
        if pattern in complaint:
            line = begin.line if at_begin else end.line
            return line + 1, words.format(mark=source[end.column : end.column + 1], line=end.line + 1)
    return end.line + 1, OTHERWISE
