"""Memory that a picture leaves is there for the next."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

FAULTS = """
import io, resource
import av
from PIL import Image, ImageFilter
from bus.reuse import keep_memory
{keep}
body = io.BytesIO()
Image.effect_noise((1280, 720), 50).convert("RGB").save(body, "JPEG")
def work():
    picture = Image.open(body)
    picture.load()
    picture = picture.filter(ImageFilter.EMBOSS)
    picture.save(io.BytesIO(), "JPEG", quality=90)
for _ in range(5):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    work()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""


def faults(keep: str) -> float:
    """Pages that each picture gets from the kernel."""
    code = FAULTS.format(keep=keep)
    return float(subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)


def test_a_picture_takes_the_memory_of_the_last_one() -> None:
    assert faults("keep_memory()") < 100 < 500 < faults("")  # 20 and 700 and more where nothing else runs
