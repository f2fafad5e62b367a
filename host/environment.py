"""What processes that the launcher starts find in their environment."""

import os
from collections.abc import Mapping
from pathlib import Path

from bus.steps import CRASH
from host import janitor
from host.runfolder import RunFolder

PROJECT = Path(__file__).resolve().parent.parent  # where `python -m nodes.…` is found when it is not beside the graph
PAGE_TOKEN = "PAGE_TOKEN"  # noqa: S105 (the variable's name; what it holds is for the page's process alone)


def environment(run: RunFolder, own: Mapping[str, str]) -> dict[str, str]:
    """That of a child; `own` comes from the graph."""
    kept = (*janitor.SYSTEMD, CRASH, PAGE_TOKEN)
    inherited = {name: value for name, value in os.environ.items() if name not in kept}
    environment = {**inherited, "PYTHONUNBUFFERED": "1", **own}
    return {**environment, **python_paths(environment), "NOTIFY_SOCKET": str(run.notify), "ZG_RUN": run.id}


def python_paths(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables by which `python -m` finds modules beside the graph, then the project's, then `environment`'s."""
    places = os.pathsep.join(filter(None, [str(PROJECT), environment.get("PYTHONPATH")]))
    return {"PYTHONPATH": places, "PYTHONSAFEPATH": ""}  # empty: not set; set, it hides what lies beside the graph
