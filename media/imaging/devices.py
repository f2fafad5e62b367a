"""Which device a node that uses torch computes on: each replica has a GPU of its own, by turns."""

import os
import re

import torch

VISIBLE, ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"


def choose(device: str, replica: int) -> torch.device:
    """The device for replica number `replica`: `auto` is a GPU where torch sees one.

    Raises ValueError, with a sentence for the user, if it is none, or not there.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", device):
        raise ValueError(f'there is no device "{device}": write auto, cpu, cuda or cuda:N')
    if device in ("auto", "cuda"):
        claim(replica)
    count = 0 if device == "cpu" else torch.cuda.device_count()
    if device == "cpu" or (device == "auto" and not count):
        return torch.device("cpu")
    number = int(device.partition(":")[2] or (replica - 1) % max(count, 1))
    if number >= count:
        why = why_none() or "they are counted from 0"
        raise ValueError(f"there is no device {device}: torch sees {count or 'no'} GPUs, {why}")
    return torch.device("cuda", number)


def claim(replica: int) -> None:
    """Leave this process one GPU: of those in CUDA_VISIBLE_DEVICES, or of all where that is not set.

    Must come before torch opens a GPU; counting them does not.
    """
    listed = os.environ.get(VISIBLE)
    if listed is None:
        os.environ.setdefault(ORDER, "PCI_BUS_ID")  # as nvidia-smi counts them
        names = [str(number) for number in range(torch.cuda.device_count())]
    else:
        names = [name.strip() for name in listed.split(",") if name.strip()]
    if names:
        os.environ[VISIBLE] = names[(replica - 1) % len(names)]


def why_none() -> str:
    """Why torch sees no GPU, as far as it can be told; empty where it sees one."""
    if torch.cuda.device_count():
        return ""
    built = torch.version.cuda or torch.version.hip
    return "as there is no driver, or CUDA_VISIBLE_DEVICES hides them" if built else "as it was built without CUDA"


def works(device: torch.device) -> bool:
    """Whether `device` still computes. After some errors a process can use its GPU no more."""
    if device.type != "cuda":
        return True
    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return False
    return True
