"""What helps a node on a pool that dies of what its machines lack."""

import re

MISSING = re.compile(r"ModuleNotFoundError: No module named '([^'.]+)")
OURS = ("bus", "host", "media", "nodes")
CALLED = {"cv2": "opencv-python-headless", "PIL": "pillow", "skimage": "scikit-image", "sklearn": "scikit-learn"}


class Hints:
    """Each is given once."""

    def __init__(self, pool: str) -> None:
        self._pool = pool
        self._given = set[str]()

    def on(self, line: str) -> str:
        """What to say to a line that a node has printed; mostly nothing."""
        found = MISSING.match(line)
        if not found or found[1] in OURS or found[1] in self._given:
            return ""
        self._given.add(found[1])
        package = CALLED.get(found[1], found[1])
        cure = f"runtime_env: {{pip: [{package}]}} under {self._pool}, or install it there"
        return f"a package is missing on the machines of {self._pool}, for {found[1]}: {cure}"
