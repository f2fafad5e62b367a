"""What all jobs are done with: the folder of what is kept between runs, the peers, and how long to measure."""

import importlib.util
import inspect
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench import environments
from bench.environments import Missing
from nodes.converter import converter


@dataclass
class Workshop:
    """`quick`: a few frames and short samples, one pair, no environments."""

    cache: Path
    quick: bool
    peers: tuple[str, ...] | None  # those that are asked for; None: all
    versions: dict[str, dict[str, str]] = field(default_factory=dict)  # of what lies in each peer's environment

    def python(self, peer: str) -> tuple[Path, str]:
        """The interpreter of a peer's environment, and why it is missing; empty if it is there."""
        if missing := self.wanted(peer):
            return Path(), missing
        if self.quick:
            return Path(), "needs an environment of its own, which --quick does without"
        try:
            python = environments.python_of(peer, self.cache)
            self.versions[peer] = environments.versions(python)
        except Missing as why:
            return Path(), f"its environment cannot be made: {why}"
        return python, ""

    def wanted(self, peer: str) -> str:
        """Why a peer is left out, if it was not asked for."""
        return "" if self.peers is None or peer in self.peers else "was not asked for"

    def program(self, peer: str, *programs: str) -> str:
        """Why a peer that needs one of these programs is missing."""
        if not any(map(shutil.which, programs)):
            return f"there is no {' and no '.join(programs)} here"
        return self.wanted(peer)

    @property
    def has_engines(self) -> bool:
        """Whether our converter can be told with what to compute."""
        return "engine" in inspect.signature(converter).parameters

    @property
    def cv2(self) -> str:
        """Why OpenCV is missing."""
        return "" if importlib.util.find_spec("cv2") else f"there is no cv2 in {sys.executable}"

    def engine(self, engine: str) -> str:
        """Why our converter cannot use it; without a name it is what the converter always had."""
        if engine and not self.has_engines:
            return "nodes.converter has no argument engine"
        return self.cv2 if engine else ""
