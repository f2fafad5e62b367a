"""A container without a daemon: what an export says of one, made of namespaces and mounts, for a test.

Its root is empty but for the system, this Python, and the files that the image would hold. It is read-only, its
processes belong to the user that the export names, have no rights beyond, and see each other alone; they are found by
name on a network of their own.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tests.conftest import need, until
from tests.launch import ROOT
from tests.network.hosts import Host

SYSTEM = ("/usr", "/etc", "/dev")
LINKS = ("bin", "sbin", "lib", "lib64")
PYTHON = {*map(os.path.realpath, (sys.prefix, sys.base_prefix, sys.base_exec_prefix))} | {sys.prefix}
Tree = dict[str, Any]


@dataclass(frozen=True)
class Spec:
    """What an export says of one container."""

    name: str
    argv: Sequence[str]
    probes: Sequence[Sequence[str]]
    user: tuple[int, int]
    environment: dict[str, str]
    folder: str
    mounts: list[tuple[Path, str, bool]]  # what, where, and whether it is read-only
    fresh: dict[str, str]  # where empty folders are, in memory: how they are mounted


def of_compose(tree: Tree, beside: Path) -> list[Spec]:
    """The containers of a Compose file in the folder `beside`."""
    files = {kind: {name: beside / one["file"] for name, one in tree[kind].items()} for kind in ("configs", "secrets")}
    found = []
    for name, service in tree["services"].items():
        assert service["read_only"]
        user, group = map(int, service["user"].split(":"))
        mounts = []
        for one in service["volumes"]:
            source, target = (one[key].replace("$$", "$") for key in ("source", "target"))
            mounts.append((beside / source, target, one.get("read_only", False)))
        for kind, known in files.items():
            mounts += [(known[one["source"]], one["target"], True) for one in service[kind]]
        found.append(
            Spec(
                name,
                [*service["entrypoint"], *service["command"]],
                [service["healthcheck"]["test"][1:]],
                (user, group),
                service["environment"],
                service["working_dir"],
                mounts,
                dict((*one.split(":"), "mode=1777")[:2] for one in service["tmpfs"]),
            )
        )
    return found


def of_kubernetes(documents: Sequence[Tree], folder: Path, keys: Path) -> list[Spec]:
    """Those of manifests; claims and what a ConfigMap holds lie in `folder`, the secret keys in `keys`."""
    found = []
    for document in documents:
        if document["kind"] == "ConfigMap":
            for name, text in document["data"].items():
                (folder / name).write_text(text)
        if document["kind"] not in ("Job", "Deployment"):
            continue
        pod = document["spec"]["template"]["spec"]
        [one] = pod["containers"]
        assert one["securityContext"]["readOnlyRootFilesystem"]
        user, group = pod["securityContext"]["runAsUser"], pod["securityContext"]["fsGroup"]
        volumes, mounts, fresh = {volume["name"]: volume for volume in pod["volumes"]}, [], {}
        for mount in one["volumeMounts"]:
            volume, place = volumes[mount["name"]], mount["mountPath"]
            if "configMap" in volume:
                mounts.append((folder / mount["subPath"], place, True))
            elif "secret" in volume:
                secret = folder / f"secret-{one['name']}"
                secret.mkdir()
                for item in volume["secret"]["items"]:
                    (secret / item["path"]).write_bytes((keys / item["key"]).read_bytes())
                    (secret / item["path"]).chmod(volume["secret"]["defaultMode"])
                    os.chown(secret / item["path"], 0, group)
                mounts.append((secret, place, True))
            elif "persistentVolumeClaim" in volume:
                claim = folder / f"claim-{volume['persistentVolumeClaim']['claimName']}"
                claim.mkdir(exist_ok=True)
                os.chown(claim, 0, group)
                claim.chmod(0o2775)
                mounts.append((claim, place, False))
            else:
                assert "emptyDir" in volume
                fresh[place] = f"mode=2777,uid=0,gid={group}"  # what an `fsGroup` makes of it
        argv = [*one["command"], *one["args"]]
        probes = [one[probe]["exec"]["command"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
        environment = {variable["name"]: variable["value"] for variable in one["env"]}
        found.append(Spec(one["name"], argv, probes, (user, group), environment, one["workingDir"], mounts, fresh))
    return found


class Container:
    """`with Container(spec, host, folder, names) as container:`; what is left of it at the end is killed."""

    def __init__(self, spec: Spec, host: Host, folder: Path, others: Sequence[Host]) -> None:
        """`folder`: for its root and its log; `others`: who is found by name in its network."""
        need("unshare", "nsenter", "setpriv", "mount", "chroot")
        if os.geteuid():
            pytest.skip("only root can make such containers")
        self.spec, self.hosts, self._host = spec, others, host
        self._root, self._log = folder / f"root-{spec.name}", folder / f"{spec.name}.log"
        self._root.mkdir()
        (hosts := folder / f"hosts-{spec.name}").write_text(
            "".join(f"{one.address} {one.name}\n" for one in others) + "127.0.0.1 localhost\n"
        )
        steps = "\n".join(_steps(spec, self._root, hosts))
        script = f"{steps}\nexec {shlex.join(['chroot', str(self._root), *_entered(spec), *spec.argv])}"
        alone = ("unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "sh", "-ec", script)
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                host.command(alone), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def __enter__(self) -> Container:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        if kind:
            print(f"{self.spec.name}:\n{self.output}")

    def kill(self) -> None:
        """Kill all that is in it, as a machine that fails does: its first process takes all others with it."""
        for pid in self._first():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def signal(self, word: str, number: signal.Signals) -> None:
        """Send it to those whose command line has a word that begins like this."""
        chosen = [pid for pid in self._host.processes() if f"\0{word}" in Path(f"/proc/{pid}/cmdline").read_text()]
        assert chosen
        for pid in chosen:
            os.kill(pid, number)

    @property
    def root(self) -> Path:
        """Its files, as long as it runs."""
        [first] = self._first()
        return Path(f"/proc/{first}/root")

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def is_probed(self) -> bool:
        """Whether all probes succeed now."""
        first = self._first()
        if not first:
            return False
        inside = ("nsenter", f"--target={first[0]}", "--mount", "--net", "--pid", "--ipc", "--root", "--wd")
        return not any(
            subprocess.run([*inside, *_entered(self.spec), *probe], capture_output=True, check=False).returncode
            for probe in self.spec.probes
        )

    def ends(self, seconds: float) -> int:
        until(lambda: self.process.poll() is not None, seconds, f"{self.spec.name} still runs: {self.output[-2000:]}")
        return int(self.process.returncode)

    def _first(self) -> list[int]:
        """The container's process 1, by its pid outside; nothing where it has ended, or has not begun."""
        if self.process.poll() is not None:
            return []
        return [*map(int, Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split())]


def _steps(spec: Spec, root: Path, hosts: Path) -> Iterator[str]:
    """What makes the root: a shell's lines, in a namespace of mounts that is gone with the container."""
    yield "mount --make-rprivate /"
    yield f"mount -t tmpfs -o mode=0755 root {root}"
    for link in LINKS:
        if Path("/", link).is_symlink():
            yield f"ln -s {Path('/', link).readlink()} {root}/{link}"
        elif Path("/", link).is_dir():
            yield from _bound(Path("/", link), f"{root}/{link}", True)
    places = [*((Path(place), place, True) for place in (*SYSTEM, *sorted(PYTHON))), (hosts, "/etc/hosts", True)]
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    places += [(ROOT / name, f"/opt/frames/{name}", True) for name in kept]
    folders = sorted({*spec.fresh, "/proc", "/tmp", spec.folder})
    yield f"mkdir -p {shlex.join(f'{root}{place}' for place in folders)}"
    for place, how in spec.fresh.items():
        yield f"mount -t tmpfs -o {how} fresh {shlex.quote(f'{root}{place}')}"
    for what, where, read_only in (*places, *spec.mounts):
        yield from _bound(what, f"{root}{where}", read_only)
    yield f"mount -t proc proc {root}/proc"
    yield f"mount -o remount,ro {root}"


def _bound(what: Path, where: str, read_only: bool) -> Iterator[str]:
    """`what` there, which is made where it is missing."""
    place = shlex.quote(where)
    make = f"mkdir -p {place}" if what.is_dir() else f"mkdir -p {shlex.quote(str(Path(where).parent))}; : >>{place}"
    yield f"[ -e {place} ] || {{ {make}; }}"
    yield f"mount --rbind {shlex.quote(str(what))} {place}"
    if read_only:
        yield f"mount -o remount,bind,ro {place}"


def _entered(spec: Spec) -> list[str]:
    """Become what the container's processes are."""
    user, group = spec.user
    rights = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    path = f"PATH={sys.prefix}/bin:/usr/bin:/bin"
    own = [f"{name}={value}" for name, value in spec.environment.items()]
    become = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *rights]
    return [*become, "env", "-i", "-C", spec.folder, path, *own]
