"""The peers' own environments: one each, made from its list in bench/peers/, and made anew when that changes."""

import hashlib
import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

LISTS = Path(__file__).parent / "peers"
PATIENCE = 900.0  # seconds for pip
STAMP = ".made-from"  # what the list was, and the Python


class Missing(Exception):
    """A peer cannot run here; the words say why."""


def python_of(peer: str, cache: Path) -> Path:
    """The interpreter of the peer's environment below `cache`. Raises Missing if it cannot be made."""
    wanted = (LISTS / f"{peer}.txt").read_bytes() + sys.version.encode()
    stamp, folder = hashlib.sha256(wanted).hexdigest(), cache / "environments" / peer
    python = folder / "bin" / "python"
    if (folder / STAMP).exists() and (folder / STAMP).read_text() == stamp:
        return python
    print(f"makes the environment of {peer} in {folder}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    command = [str(python), "-m", "pip", "install", "-q", "-r", str(LISTS / f"{peer}.txt")]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Missing(f"pip took over {PATIENCE:g} s") from None
    except subprocess.CalledProcessError as error:
        raise Missing((error.stderr.strip().splitlines() or ["pip failed"])[-1]) from None
    (folder / STAMP).write_text(stamp)
    return python


def versions(python: Path) -> dict[str, str]:
    """What is installed there."""
    script = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    found: dict[str, str] = json.loads(
        subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout
    )
    return found
