"""Why Ray has not given a replica a machine yet, from what Ray says of the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BYTES = ("memory", "object_store_memory")
GB = 1_000_000_000
TYPE = "accelerator_type:"  # with the type behind it: a resource of each machine that has one

Amounts = Mapping[str, float]


def wanted(resources: Mapping[str, Any]) -> dict[str, float]:
    """What one replica takes of a machine; `resources` are options of Ray's actors."""
    amounts = {"CPU": float(resources.get("num_cpus", 1)), **resources.get("resources", {})}
    for option, name in {"num_gpus": "GPU", "memory": "memory"}.items():
        if resources.get(option):
            amounts[name] = float(resources[option])
    if kind := resources.get("accelerator_type"):
        amounts[f"{TYPE}{kind}"] = 0.001
    return {name: amount for name, amount in amounts.items() if amount}


def why(needs: Amounts, machines: Sequence[Amounts], free: Amounts) -> str:
    """Why a replica that `needs` so much waits. `machines`: what each has in all; `free`: what is left of all."""
    if not machines:
        return "the cluster has no machine"
    able = [machine for machine in machines if _fits(needs, machine)]
    if not able:
        most = {name: max(machine.get(name, 0.0) for machine in machines) for name in needs}
        count = "the only machine" if len(machines) == 1 else f"none of the {len(machines)} machines"
        lacks = "has not" if len(machines) == 1 else "has"
        return f"{count} of the cluster {lacks} {words(needs)} (the most that one has: {words(most)})"
    if short := [name for name in needs if free.get(name, 0.0) < needs[name]]:
        left = {name: free.get(name, 0.0) for name in short}
        return f"it needs {words(needs)}, and the cluster is full: free are {words(left)}"
    return f"Ray prepares a machine with {words(needs)}"


def words(amounts: Amounts) -> str:
    return ", ".join(
        name.removeprefix(TYPE)
        if name.startswith(TYPE)
        else f"{amount / GB:.3g} GB of {name}"
        if name in BYTES
        else f"{amount:g} {name}"
        for name, amount in amounts.items()
    )


def _fits(needs: Amounts, machine: Amounts) -> bool:
    return all(machine.get(name, 0.0) >= amount for name, amount in needs.items())
