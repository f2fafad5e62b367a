"""A splitter's job with the usual arguments."""

from typing import Any

from media.sources.job import Job


def job(source: str = "test", **changed: Any) -> Job:
    """What a splitter does that is given `source` and, apart from `changed`, its own defaults."""
    plain: dict[str, Any] = {
        "engine": "auto", "rate": 0.0, "size": "", "quality": 90, "limit": 0, "stream": "",
        "patience": 20.0, "reopen": True, "pace": "",
    }  # fmt: skip
    return Job.checked(source, **{**plain, **changed})
