"""The whole graph as it is now: this host's numbers, and those of the others."""

import json
from pathlib import Path
from typing import Any

from host.graph import Graph


def read(run: Path, graph: Graph) -> dict[str, Any]:
    """What `<run>/status.json` says. Raises OSError, ValueError."""
    status: dict[str, Any] = json.loads((run / "status.json").read_bytes())
    return {"hosts": [], **status}
