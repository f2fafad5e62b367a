"""One host's part of a campaign's graph: its folder, and its launcher, which is started again after an end."""

import shutil
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from tests.chaos.victims import LAUNCHER, Victim, victims
from tests.conftest import until
from tests.launch import Launch
from tests.network.hosts import Host

DONE = "all done:"  # what a launcher says whose nodes have all ended


class Side:
    """Use it in a `with`: at its end nothing of it runs."""

    def __init__(self, folder: Path, host: Host | None = None) -> None:
        """`host`: where it runs, if that is not this machine; it has the same name there."""
        self.folder, self.host = folder, host
        self.name = host.name if host else ""
        self.logs: list[Path] = []  # of each life of the launcher
        self.is_off = False  # the host is rebooting
        self.is_struck = False  # something was done to this life of the launcher
        self._where = f" on {self.name}" if self.name else ""
        self._runs = folder.with_name(f"{folder.name}.run")
        self._stack = ExitStack()
        self._launch: Launch | None = None

    def __enter__(self) -> "Side":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def start(self) -> None:
        """Begin the next life of the launcher; nothing is left of the one before."""
        self._stack.close()
        self.is_struck = False
        if self.host:
            self._runs.mkdir(mode=0o700, exist_ok=True)
            env, under = {"XDG_RUNTIME_DIR": str(self._runs)}, self.host.command([])
            launch = Launch(self.folder, f"--host={self.name}", env=env, under=under)
        else:
            launch = Launch(self.folder)
        self._launch = self._stack.enter_context(launch)
        self.logs.append(self._launch.log)

    @property
    def runs(self) -> bool:
        return self._launch is not None and self._launch.process.poll() is None

    @property
    def is_done(self) -> bool:
        """Whether its part of the graph has ended well, and not only its launcher."""
        return self._launch is not None and self._launch.process.poll() == 0 and DONE in self._launch.output

    def last_words(self) -> str:
        code = self._launch.process.poll() if self._launch else None
        return (
            f"{self.name or 'the launcher'} exited with {code}:\n{self._launch.output[-2000:] if self._launch else ''}"
        )

    def victims(self) -> list[Victim]:
        """Whom one may strike here, each with the name of its host where there are two."""
        if not self.runs or self._launch is None:
            return []
        return [one._replace(name=one.name + self._where) for one in victims(self._launch.process.pid)]

    @property
    def launcher(self) -> str:
        """What it is called as a victim."""
        return LAUNCHER + self._where

    def crash(self) -> None:
        """All that runs on the host is gone at once, and so is what it kept in memory. Its disk stays."""
        assert self.host
        self.is_off = self.is_struck = True
        until(self.host.kill_all, 10, f"the end of all processes on {self.name}")
        shutil.rmtree(self._runs)
