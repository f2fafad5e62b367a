"""Why Ray has not given a replica a machine yet, from what Ray says of the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BYTES = ("memory", "object_store_memory")
BY_DEFAULT = "1 CPU (the default of num_cpus)"
TINY = 1e-6  # of an amount: what sums of parts are off by
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


def why(
    resources: Mapping[str, Any],
    machines: Sequence[Amounts],
    free: Amounts,
    running: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Why a replica that takes `resources` waits.

    `machines`: what each has in all; `free`: what is left of all, without what Ray has given to this very replica, if
    it has; `running`: what other replicas take of which it is known that they run.
    """
    if not machines:
        return "the cluster has no machine"
    needs, asked = wanted(resources), _asked(resources)
    if not any(_fits(needs, machine) for machine in machines):
        most = {name: max(machine.get(name, 0.0) for machine in machines) for name in needs}
        count = "the only machine" if len(machines) == 1 else f"none of the {len(machines)} machines"
        lacks = "has not" if len(machines) == 1 else "has"
        return f"{count} of the cluster {lacks} {asked} (the most that one has: {words(most)})"
    if short := [name for name in needs if free.get(name, 0.0) < needs[name]]:
        is_given = all(_taken(name, machines, free, running) + TINY >= needs[name] for name in needs)
        doubt = ", or Ray is starting it" if is_given else ""
        left = {name: free.get(name, 0.0) for name in short}
        return f"it needs {asked}, and the cluster is full{doubt}: free are {words(left)}"
    if len(machines) == 1 and not resources.get("label_selector"):
        return "Ray is starting it"
    labels = " and the labels that it wants" if resources.get("label_selector") else ""
    return f"Ray is starting it, or no single machine has {asked} free{labels}"


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


def _taken(name: str, machines: Sequence[Amounts], free: Amounts, running: Sequence[Mapping[str, Any]]) -> float:
    """How much of a resource is taken by nobody of whom it is known: by others, or by the replica that waits."""
    known = sum(wanted(one).get(name, 0.0) for one in running)
    return sum(machine.get(name, 0.0) for machine in machines) - free.get(name, 0.0) - known


def _asked(resources: Mapping[str, Any]) -> str:
    """What a replica takes, in words; also what nobody has asked for."""
    said = words(wanted(resources))
    return said if "num_cpus" in resources else said.replace("1 CPU", BY_DEFAULT, 1)
