"""The manifests of a graph for Kubernetes: a Deployment or a Job for each node, and a Service by which it is found.

A Deployment starts whatever has ended again, and a clip that was split to its end would be split once more: so a node
that may end is a Job, one that never does a Deployment. Pods that share a folder are placed on one machine, where its
claim can be mounted by both, and where the watcher is told of each new file.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from host import keyring
from host.export import layout
from host.export.container import Container, Head, files, pooled
from host.export.spread import LINK_PORT, last, ports
from host.export.written import Tree, written
from host.graph import Graph
from host.reading.program import PROJECT

CONFIG, KEYS, SECRETS = "graph", "graph-keys", "graph-secrets"  # the objects that all pods use
CLAIM = "10Gi"  # for each folder
PART_OF, NODE, FOLDER, HOST = "app.kubernetes.io/part-of", "app.kubernetes.io/name", "folder-", "graph-host"
HASH = "graph-hash"  # of the graph that a pod runs: a Deployment is rolled out when that changes
HEAD = """\
# Made by `{command}`. Save it as k8s.yaml, then, in a namespace of its own, once:
{commands}
# and:
#   kubectl -n {name} apply -f k8s.yaml
#   kubectl -n {name} get pods; kubectl -n {name} logs -f -l {part_of} --prefix
# and before that is done once more, as no Job can be changed (what waits in folders stays):
#   kubectl -n {name} delete jobs --all
{notes}"""


class Image(NamedTuple):
    """What a container is made of."""

    name: str
    pull: str  # when a machine of the cluster is to fetch it


def kubernetes(graph: Graph, those: Sequence[Container], image: str | None, text: str, head: Head) -> str:
    """The manifests for `those` containers of `graph`, which is `text` as they run it.

    `image`: None for one that was built of this project, and is on the cluster's machines already.
    """
    namespace = head.name
    used = Image(image, "IfNotPresent") if image else Image(_built(graph, namespace), "Never")
    documents: list[Tree] = [_config(text, namespace), *_claims(those)]
    for one in those:
        if numbers := _ports(graph, one):
            documents.append(_service(one, numbers, namespace))
        documents.append(_workload(one, those, used, text, namespace))
    commands = "\n".join(f"#   {line}" for line in _commands(graph, those, image, head))
    notes = "".join(f"# {line}\n" for line in _notes(graph, those))
    return HEAD.format(
        **head._asdict(), part_of=f"{PART_OF}={namespace}", commands=commands, notes=notes
    ) + "---\n".join(map(written, documents))


def _commands(graph: Graph, those: Sequence[Container], image: str | None, head: Head) -> Iterator[str]:
    """What is to be typed once."""
    own, wanted = files(graph), image or _built(graph, head.name)
    copies = {path: called for path, called in own.items() if path.is_relative_to(graph.folder)}
    yield shlex.join(["docker", "build", "-t", layout.IMAGE if copies else wanted, str(PROJECT)])
    if copies:
        lines = [f"COPY {json.dumps([str(path.relative_to(graph.folder)), to])}" for path, to in copies.items()]
        script = "\\n".join(line.replace("\\", "\\\\").replace("%", "%%") for line in (f"FROM {layout.IMAGE}", *lines))
        build = shlex.join(["docker", "build", "-t", wanted, "-f", "-", str(graph.path.parent)])
        yield f"printf {shlex.quote(script)} | {build}"
    if image:
        yield f"docker push {shlex.quote(image)}"
    else:
        yield f"kind load docker-image {wanted}   # or what brings an image onto your cluster's machines"
    yield f"kubectl create namespace {head.name}"
    folder = graph.path.parent / head.deploy
    keys = [f"--from-file={keyring.file(folder, one.node.name)}" for one in those]
    yield f"kubectl -n {head.name} create secret generic {KEYS} {shlex.join(keys)}"
    if names := sorted({name for one in those for name in one.secrets}):
        given = "--from-env-file=secrets.env   # a line NAME=value for each of"
        yield f"kubectl -n {head.name} create secret generic {SECRETS} {given} {', '.join(names)}"
    for host in dict.fromkeys(one.machine for one in those if one.machine):
        yield f"kubectl label node MACHINE {HOST}={host}   # the cluster's machine that is {host}"


def _built(graph: Graph, name: str) -> str:
    """What the image is called: files of the graph's own make it another one than that of this project alone."""
    own = any(path.is_relative_to(graph.folder) for path in files(graph))
    return f"{layout.IMAGE}-{name}" if own else layout.IMAGE


def _notes(graph: Graph, those: Sequence[Container]) -> Iterator[str]:
    """What no manifest can know."""
    if unbounded := [one.node.name for one in those if one.memory is None]:
        yield f"No limit of memory, as nobody knows what they take (give them a `memory`): {', '.join(unbounded)}."
    yield from pooled(graph)
    if outside := [str(path) for path in files(graph) if not path.is_relative_to(graph.folder)]:
        yield f"Add a volume, or a line to the image, for {', '.join(outside)}."
    if devices := [device for one in those for device in one.devices]:
        yield f"Pods see {', '.join(devices)} only by a device plugin of the cluster's: add its resource to the limits."
    yield f"Folders ask for {CLAIM} each, of the cluster's default storage class: change that here."


def _config(text: str, namespace: str) -> Tree:
    return {**_head("v1", "ConfigMap", CONFIG, {PART_OF: namespace}), "data": {"graph.yaml": text}}


def _claims(those: Sequence[Container]) -> Iterator[Tree]:
    for name in dict.fromkeys(volume.name for one in those for volume in one.volumes):
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": CLAIM}}}
        yield {**_head("v1", "PersistentVolumeClaim", name, {}), "spec": spec}


def _ports(graph: Graph, one: Container) -> list[int]:
    """Where others reach it: the first port of each wire, and that of the launchers."""
    link = [LINK_PORT] if one.node.name == last(graph) and len(graph.nodes) > 1 else []
    return link + [numbers.start for numbers in ports(graph, one.node).values()]


def _service(one: Container, numbers: Sequence[int], namespace: str) -> Tree:
    """A name for the pod, without an address between; it is found before it is ready: it may wait for who looks."""
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": {NODE: one.name, PART_OF: namespace},
        "ports": [{"name": f"port-{number}", "port": number} for number in numbers],
    }
    return {**_head("v1", "Service", one.name, {PART_OF: namespace}), "spec": spec}


def _workload(one: Container, those: Sequence[Container], image: Image, text: str, namespace: str) -> Tree:
    shared = Counter(volume.name for each in those for volume in each.volumes)
    folders = {f"{FOLDER}{volume.name}": "mounted" for volume in one.volumes if shared[volume.name] > 1}
    labels = {NODE: one.name, PART_OF: namespace}
    pod: Tree = {
        "metadata": {
            "labels": {**labels, **folders},
            "annotations": {HASH: sha256(text.encode()).hexdigest()[:16]},
        },
        "spec": dict(_pod(one, image, folders)),
    }
    if one.endless and one.node.restart != "never":
        spec: Tree = {"replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": labels}}
        return {**_head("apps/v1", "Deployment", one.name, labels), "spec": {**spec, "template": pod}}
    never = one.node.restart == "never"
    pod["spec"]["restartPolicy"] = "Never" if never else "OnFailure"
    spec = {"backoffLimit": 0 if never else layout.RESTARTS}
    return {**_head("batch/v1", "Job", one.name, labels), "spec": {**spec, "template": pod}}


def _pod(one: Container, image: Image, shared: Tree) -> Iterator[tuple[str, object]]:
    yield "securityContext", {
        "runAsNonRoot": True, "runAsUser": layout.USER, "runAsGroup": layout.USER, "fsGroup": layout.USER,
        "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    yield "automountServiceAccountToken", False
    yield "enableServiceLinks", False
    yield "terminationGracePeriodSeconds", layout.STOP
    if one.machine:
        yield "nodeSelector", {HOST: one.machine}
    if shared:
        together = [
            {"labelSelector": {"matchLabels": {label: value}}, "topologyKey": "kubernetes.io/hostname"}
            for label, value in shared.items()
        ]
        yield "affinity", {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": together}}
    yield "containers", [dict(_container(one, image))]
    yield "volumes", [*_volumes(one)]


def _container(one: Container, image: Image) -> Iterator[tuple[str, object]]:
    yield "name", one.name
    yield "image", image.name
    yield "imagePullPolicy", image.pull
    yield "command", [*layout.LAUNCHER]
    yield "args", one.words
    yield "workingDir", layout.GRAPH
    yield (
        "env",
        [
            *({"name": name, "value": value} for name, value in layout.ENVIRONMENT.items()),
            *({"name": name, "valueFrom": {"secretKeyRef": {"name": SECRETS, "key": name}}} for name in one.secrets),
        ],
    )
    yield "startupProbe", _probe("health", failures=12)
    yield "livenessProbe", _probe("health", failures=6)
    yield "readinessProbe", _probe("ready", failures=3)
    yield "resources", _resources(one)
    yield "securityContext", {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    key = keyring.file(Path(layout.GRAPH), one.node.name)
    yield (
        "volumeMounts",
        [
            {"name": "graph", "mountPath": layout.FILE, "subPath": "graph.yaml", "readOnly": True},
            {"name": "key", "mountPath": str(key.parent), "readOnly": True},
            {"name": "run", "mountPath": layout.RUN},
            {"name": "scratch", "mountPath": layout.SCRATCH},
            *({"name": "scratch", "mountPath": place, "subPath": "dead-letters"} for place in one.scratch),
            *({"name": f"{FOLDER}{volume.name}", "mountPath": volume.inside} for volume in one.volumes),
        ],
    )


def _volumes(one: Container) -> Iterator[Tree]:
    key = keyring.file(Path(), one.node.name).name
    yield {"name": "graph", "configMap": {"name": CONFIG}}
    # 0440 is what a group's member can read of a secret, which belongs to root.
    yield {"name": "key", "secret": {"secretName": KEYS, "defaultMode": 0o440, "items": [{"key": key, "path": key}]}}
    yield {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}
    yield {"name": "scratch", "emptyDir": {}}
    for volume in one.volumes:
        yield {"name": f"{FOLDER}{volume.name}", "persistentVolumeClaim": {"claimName": volume.name}}


def _probe(word: str, failures: int) -> Tree:
    """By a program in the container: the page is open to nobody outside."""
    return {
        "exec": {"command": [*layout.PROBE, word]},
        "periodSeconds": 10,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _resources(one: Container) -> Tree:
    limits = {
        **({"memory": f"{one.memory}Mi"} if one.memory else {}),
        **({"nvidia.com/gpu": one.gpus} if one.gpus else {}),
    }
    requests = {"cpu": f"{one.cpus}m", "memory": f"{one.least}Mi"}
    return {"requests": requests, **({"limits": limits} if limits else {})}


def _head(version: str, kind: str, name: str, labels: Tree) -> Tree:
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}
