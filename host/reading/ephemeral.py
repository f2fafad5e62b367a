"""Ports that the kernel also gives to whoever dials out: one of them may be taken when a wire wants to listen there."""

from __future__ import annotations

from pathlib import Path

from host import keyring
from host.reading.shape import Graph, Host

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
RESERVED = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
USUAL = range(32768, 61000)  # Linux's own, where nobody has changed it


def risk(graph: Graph, host: Host, ports: range) -> str:
    """Why `ports` of `host` may be taken by somebody's outgoing connection, with the cure; none if they may not."""
    here = keyring.file(graph.folder, host.name).exists() or (host.address or "").startswith("127.")
    lent = _read() if here else USUAL
    lent_of_these = range(max(ports.start, lent.start), min(ports.stop, lent.stop))
    if not lent_of_these or (here and _reserved().issuperset(lent_of_these)):
        return ""
    cure = f"Begin at {lent.start - len(ports)} or below, or reserve" if lent.start - len(ports) >= 1024 else "Reserve"
    return (
        f"which lends {lent.start} to {lent.stop - 1} to outgoing connections: one may have a port of these at the"
        f" start. {cure} them there: sysctl -w net.ipv4.ip_local_reserved_ports={ports.start}-{ports.stop - 1}"
    )


def _read() -> range:
    """That of this machine; the usual one where it cannot be read."""
    try:
        first, last = map(int, RANGE.read_text().split())
    except (OSError, ValueError):
        return USUAL
    return range(first, last + 1)


def _reserved() -> set[int]:
    """Ports of this machine that its administrator has taken out of that, as in 8080,9148-9150."""
    try:
        spans = [span.partition("-") for span in RESERVED.read_text().strip().split(",") if span]
        return {port for first, _, last in spans for port in range(int(first), int(last or first) + 1)}
    except (OSError, ValueError):
        return set()
