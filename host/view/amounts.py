"""Amounts as people read them: sizes, times and rates in three digits or so."""

UNITS = ("B", "kB", "MB", "GB", "TB")  # each a thousand of the one before


def size(count: float) -> str:
    """Of so many bytes."""
    power = 0
    while count >= 999.5 and power + 1 < len(UNITS):
        count, power = count / 1000, power + 1
    return f"{count:.{1 if power and count < 99.95 else 0}f} {UNITS[power]}"


def span(seconds: float) -> str:
    """A time that goes by: how long something has run, or is ago."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def latency(seconds: float) -> str:
    """A time that something took."""
    if seconds < 0.0095:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else span(seconds)


def per_second(rate: float) -> str:
    return f"{rate:.1f}/s" if rate < 99.95 else f"{rate:.0f}/s"
