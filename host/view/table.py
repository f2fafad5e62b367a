"""How a graph is, as a table for people: nodes, wires, hosts, and how far its sources are."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from host.view.amounts import latency, per_second, size, span
from host.view.facts import Facts
from host.view.overview import SILENT
from host.view.report import plain
from host.view.states import PENDING

STYLES = {
    **dict.fromkeys(("runs", "here", "up", "done"), "green"),
    **dict.fromkeys(("starts", "leaves", "stops"), "cyan"),
    **dict.fromkeys(("rests", "pending", "silent"), "yellow"),
    **dict.fromkeys(("crash loop", "failed"), "bold red"),
}
TROUBLED = ("rests", "crash loop", "failed")
WIDE, NARROW = 95, 70  # columns from which on there is room for more of the numbers, and for most of them
BAR = 30  # columns at most
ITS_HOST = 10  # columns that a node's host takes, where there are several
LONGEST = 16  # characters of a name where there is little room
OLD = 1.0  # seconds from which on it is said how old the oldest message on a wire is


def lines(facts: Facts, width: int, height: int = 0, *, colours: bool = False) -> list[str]:
    """The table, at most `width` columns wide, and `height` lines high unless that is 0.

    `facts`: as host/view/overview.py has them. Without `colours` there is nothing but text in it.
    """
    sheet = io.StringIO()
    console = Console(
        file=sheet,
        width=width,
        force_terminal=colours,
        color_system="standard" if colours else None,
        legacy_windows=False,
        highlight=False,
        emoji=False,
        markup=False,
        _environ={},
    )
    for part in _parts(facts, width):
        is_wrapped = isinstance(part, Text) and part.no_wrap is False  # a sentence, of which no word may be missing
        console.print(part, no_wrap=not is_wrapped, overflow="fold" if is_wrapped else "ellipsis", crop=True)
    found = [line.rstrip() for line in sheet.getvalue().splitlines()]
    if height and len(found) > height:
        left = len(found) - height + 1
        graph = plain(Path(facts["graph"]).name)
        found = [*found[: height - 1], f"… {left} more lines: python launcher.py {graph} status"[:width]]
    return found


def _parts(facts: Facts, width: int) -> Iterator[RenderableType]:
    yield _head(facts)
    here = next(host for host in facts["hosts"] if host["name"] == facts["host"])
    if here["state"] == "silent":
        yield Text(f"the launcher has said nothing for {span(here['age'])}: it hangs, or is stopped", style="yellow")
    yield from _troubles(facts)
    yield from _scales(facts)
    yield _nodes(facts, width - ITS_HOST * _has_hosts(facts))
    if facts["wires"]:
        yield _wires(facts, width)
    if len(facts["hosts"]) > 1:
        yield _hosts(facts)
    yield from _bars(facts, width)
    if facts["bottleneck"]:
        yield Text.assemble(("▲ ", "yellow"), plain(facts["bottleneck"]))


def _head(facts: Facts) -> Text:
    sums, took = facts["sums"], facts["latency"]["now"]
    counts = {
        "done": sums["done"],
        "dead letters": sums["dead"],
        "dropped": sums["dropped"],
        "unaccounted for": sums["unaccounted"],
        "waiting": sums["backlog"] + sums["on_the_way"],
    }
    shown = ", ".join(f"{name} {count}" for name, count in counts.items() if count or name in ("done", "waiting"))
    parts = [shown, per_second(facts["rate"])]
    if took["p50"] is not None:
        parts.append(f"latency {latency(took['p50'])}, p99 {latency(took['p99'])}")
    where = f" on {facts['host']}" if facts["host"] else ""
    state = (f"{facts['state']}{where}", STYLES.get(facts["state"], ""))
    return Text.assemble(state, f" {span(time.time() - facts['began'])}: ", "; ".join(parts))


def _troubles(facts: Facts) -> Iterator[Text]:
    """The replicas that do not work, and why."""
    for replica in (one for node in facts["nodes"] for one in node["replicas"]):
        if replica["state"] in TROUBLED:
            words = f": {plain(replica['words'])}" if replica["words"] else ""
            yield Text.assemble(plain(replica["name"]), " ", _state(replica["state"]), words, no_wrap=False)


def _scales(facts: Facts) -> Iterator[Text]:
    """How many replicas elastic nodes have, why some wait, and where those are that somebody else has placed."""
    for node in facts["nodes"]:
        scale, machines = node["scale"], Counter(one["machine"] for one in node["replicas"] if one["machine"])
        parts = []
        if scale["least"] < scale["most"]:
            parts.append(f"{scale['running']} of {scale['wanted']} run, {scale['least']} to {scale['most']} may")
        elif any(one["state"] == PENDING for one in node["replicas"]):
            parts.append(f"{scale['running']} of {scale['wanted']} run")
        if scale["pending"] and (parts or machines):
            parts.append(f"{scale['pending']} pending ({plain(scale['why'])})")
        if machines:
            parts.append(f"on {', '.join(f'{plain(name)}: {count}' for name, count in sorted(machines.items()))}")
        if parts:
            yield Text(f"{plain(node['name'])} {'; '.join(parts)}", "cyan" if scale["pending"] else "", no_wrap=False)


def _nodes(facts: Facts, width: int) -> Table:
    table = _table("node", "state")
    more = ["held up"] if width >= WIDE else []
    some = ["work", "p99", "restarts"] if width >= NARROW else ["restarts"]
    for name in ("rate", "busy", *more, *some, "memory", "CPU"):
        table.add_column(name, justify="right", no_wrap=True)
    for node in facts["nodes"]:
        count, host = node["scale"]["wanted"] or len(node["replicas"]), node["host"] if _has_hosts(facts) else ""
        name = f"{_short(node['name'], width)}{f' x {count}' if count > 1 else ''}{f' @ {host}' if host else ''}"
        if node["state"] == "elsewhere":
            table.add_row(Text(name, style="dim"), Text("elsewhere", style="dim"))
        else:
            table.add_row(Text(name), _state_of(node), *_numbers(node, width))
    return table


def _has_hosts(facts: Facts) -> bool:
    """Whether it matters on which host a node is."""
    return len({node["host"] for node in facts["nodes"]}) > 1


def _numbers(node: Facts, width: int) -> Iterator[RenderableType]:
    """What stands beside a node's state."""
    rates, shares, work = node["rates"], node["shares"], node["latency"]["work"]["now"]
    yield per_second(max(rates["in"], rates["out"], rates["made"]))
    yield _percent(shares["working"])
    if width >= WIDE:
        yield _percent(shares["blocked"])
    if width >= NARROW:
        yield _latency(work["p50"])
        yield _latency(work["p99"])
    yield Text(str(sum(replica["restarts"] for replica in node["replicas"]) or ""), style="yellow")
    yield size(sum(replica["memory"] for replica in node["replicas"]))
    yield f"{sum(replica['cpu'] for replica in node['replicas']):.2f}"


def _wires(facts: Facts, width: int) -> Table:
    table = _table("wire", *(["way"] if width >= WIDE else []))
    for name in ("rate", *(["flow"] if width >= NARROW else []), "waiting", "oldest", "dropped", "pullers"):
        table.add_column(name, justify="right", no_wrap=True)
    known = {node["name"] for node in facts["nodes"] if node["state"] != "elsewhere"}
    for wire in facts["wires"]:
        way = [Text(f"{' + '.join(wire['from'])} → {wire['to']}")] if width >= WIDE else []
        if known.isdisjoint(wire["from"]):
            table.add_row(Text(_short(wire["name"], width), style="dim"), *way, Text("elsewhere", style="dim"))
            continue
        oldest = wire["oldest"] if wire["oldest"] is not None and wire["oldest"] >= OLD else None
        table.add_row(
            Text(_short(wire["name"], width)),
            *way,
            per_second(wire["rate"]),
            *([f"{size(wire['bytes_rate'])}/s"] if width >= NARROW else []),
            str(wire["unfinished"] or ""),
            _latency(oldest),
            Text(str(wire["passed_over"] + wire["outdated"] or ""), style="yellow"),
            Text(f"{wire['pullers']} of {wire['pipes']}", style="" if wire["pullers"] >= wire["pipes"] else "yellow"),
        )
    return table


def _hosts(facts: Facts) -> Table:
    table = _table("host", "state")
    for name in ("heard", "clock", "round trip", "busy"):
        table.add_column(name, justify="right", no_wrap=True)
    for host in facts["hosts"]:
        machine = host["machine"]
        table.add_row(
            Text(host["name"]),
            _state(host["state"]),
            f"{span(host['age'])} ago" if host["state"] in ("up", "silent") else "",
            "" if host["offset"] is None else f"{host['offset'] * 1000:+.1f} ms",
            _latency(host["round_trip"]),
            f"{machine['busy']:.1f} of {machine['cores']}" if machine["cores"] else "",
        )
    return table


def _bars(facts: Facts, width: int) -> Iterator[RenderableType]:
    """How far the sources are that have an end."""
    for node in facts["nodes"]:
        total, made, rate = (*(node["counters"].get(name, 0) for name in ("total", "made")), node["rates"]["made"])
        if total:
            left = f", {span((total - made) / rate)} left" if rate > 0 and made < total else ""
            bar = ProgressBar(
                total=total,
                completed=min(made, total),
                width=min(BAR, width // 3),
                style="dim",
                complete_style="green",
                finished_style="green",
            )
            grid = Table.grid(padding=(0, 1))
            for _ in range(3):
                grid.add_column(no_wrap=True, overflow="ellipsis")
            grid.add_row(Text(node["name"]), bar, f"{made} of {total}{left}")
            yield grid


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    return table


def _state_of(node: Facts) -> Text:
    """A node's; of one on another host that is silent, how long ago that was."""
    age = node.get("age", 0.0)
    return _state(node["state"]) if age <= SILENT else Text(f"{plain(node['state'])}, {span(age)} ago", style="yellow")


def _state(state: str) -> Text:
    return Text(plain(state), style=STYLES.get(state, ""))


def _short(name: str, width: int) -> str:
    return name if width >= WIDE or len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _latency(seconds: float | None) -> str:
    return "" if seconds is None else latency(seconds)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
