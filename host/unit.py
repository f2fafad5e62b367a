"""The text of a systemd unit that runs a graph as a service (man systemd.service, systemd.exec, systemd.syntax)."""

import pwd
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from host.command import arguments
from host.letters import VARIABLE
from host.reading.program import PROJECT
from host.reading.shape import Graph, Node
from host.runfolder import Refused

STOP = 20  # seconds: more than the launcher takes from the wish to stop until nothing is left
SHARED = ("/tmp", "/var/tmp")  # noqa: S108 (what a service has of its own with PrivateTmp)
UNIT = """\
# Save it as /etc/systemd/system/NAME.service, NAME being what you like, then:
#   systemctl daemon-reload && systemctl enable --now NAME
[Unit]
Description=The graph {graph}
# No wait for the network: sources and wires try again until it is there.
After=network.target
{mounts}# A graph that fails for good 5 times within 5 minutes is left alone.
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
WorkingDirectory={folder}
{user}{secrets}
# The launcher gives a sign of life every 15 s. It restarts its nodes itself, also those that run out of memory.
WatchdogSec=30
TimeoutStartSec=60
OOMPolicy=continue
Restart=on-failure
RestartSec=5
# 2: a bad graph or command line, which no restart mends.
RestartPreventExitStatus=2
# The launcher stops its nodes in order, and kills after 8 s what has not left.
KillMode=mixed
TimeoutStopSec={stop}

# Sockets of the run lie in /run/NAME, what libraries keep (such as GStreamer's registry) in /var/cache/NAME.
RuntimeDirectory=%p
RuntimeDirectoryMode=0700
Environment=XDG_RUNTIME_DIR=%t/%p
CacheDirectory=%p
Environment=XDG_CACHE_HOME=%C/%p

# All else is read-only but the graph's folder and those that nodes name as their `folder`, which must be there when
# the service starts. Add what a node of yours writes elsewhere.
ProtectSystem=strict
ProtectHome=read-only
{writable}PrivateTmp={private}
# What the standard nodes can do without; take out what a node of yours needs. Cameras and GPUs need their devices, so
# PrivateDevices= and ProtectClock=, which closes devices too, are not here, nor, for code that is compiled as it runs,
# MemoryDenyWriteExecute=.
NoNewPrivileges=yes
CapabilityBoundingSet=
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def text(graph: Graph, words: Sequence[str] = (), host: str | None = None) -> str:
    """The unit that runs `graph`, or the part of it that is on `host`, with `words` on the launcher's command line.

    Raises Refused if a name cannot stand in a unit.
    """
    nodes = [node for node in graph.nodes.values() if host is None or node.host == host]
    given = [word for node in nodes for word in (*(node.command or ()), *node.env.values(), *arguments(node))]
    outside = [folder for folder in _folders(graph, nodes) if not folder.is_relative_to(graph.folder)]
    shared = [place for place in SHARED if any(_names(place, word) for word in (*given, str(graph.folder)))]
    writable = [graph.folder, *outside, *map(Path, shared)]
    python = Path(sys.executable).absolute()  # not resolved: a venv's is a link
    if set(str(python)) & set("'\"\\"):
        raise Refused(f"systemd starts no program with a quote or a backslash in its path: {python}; rename that")
    # The colon: no $ in the words is a variable.
    command = (f":{python}", str(PROJECT / "launcher.py"), str(graph.path.absolute()), *words)
    return UNIT.format(
        graph=_plain(str(graph.path.absolute())),
        mounts="".join(f"RequiresMountsFor={_quoted(str(folder))}\n" for folder in outside),
        command=" ".join(map(_quoted, command)),
        folder=_plain(str(graph.folder)),
        user=_user(graph.folder),
        secrets="".join(_secrets(given)),
        stop=STOP,
        writable="".join(f"ReadWritePaths={_quoted(f'-{folder}')}\n" for folder in writable),
        private="no" if shared else "yes",
    )


def _folders(graph: Graph, nodes: Sequence[Node]) -> Iterator[Path]:
    """Where the nodes' files are, links followed; those whose names a secret completes are the admin's to add."""
    names = dict.fromkeys(node.folder for node in nodes if node.folder and not VARIABLE.search(node.folder))
    return ((graph.folder / name).resolve() for name in names)


def _names(place: str, word: str) -> bool:
    """Whether `word` names the folder `place`, or something in it."""
    return bool(re.search(rf"(?<![\w.-]){place}(?:/|$)", word))


def _user(folder: Path) -> str:
    """Whoever owns the graph's folder, unless it is root, whom no camera and no network needs."""
    owner = folder.stat().st_uid
    if owner == 0:
        words = "root owns the graph's folder. Give it to another user, who may use the cameras, and name that one"
        return f"# {words}:\n#User=\n"
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = str(owner)
    return f"# The owner of the graph's folder. For cameras it must be in the group video.\nUser={name}\n"


def _secrets(words: Sequence[str]) -> Iterator[str]:
    """Where the variables that `words` name get their values from."""
    names = sorted({name for word in words for name in VARIABLE.findall(word)})
    if names:
        yield f"# A line NAME=value for each of {', '.join(names)}; owned by root, chmod 600: systemd alone reads it.\n"
        yield "EnvironmentFile=-%E/%p.env\n"


def _quoted(word: str) -> str:
    """`word` as one word of a line that is split into words. Raises Refused."""
    escaped = _printable(word).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(line: str) -> str:
    """`line` as the rest of a line that is not split. Raises Refused."""
    if line.endswith((" ", "\\")):
        raise Refused(f"{line!r} cannot stand in a unit of systemd's, because of its last character: rename it")
    return _printable(line)


def _printable(word: str) -> str:
    if not word.isprintable():
        raise Refused(f"{word!r} cannot stand in a unit of systemd's: write it without what cannot be printed")
    return word.replace("%", "%%")
