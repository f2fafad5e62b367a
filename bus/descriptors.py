"""How many file descriptors a process may have. libzmq aborts it when it runs out, so what it needs is known before."""

import resource
from collections.abc import Iterable

from bus.link import Pipe

OWN = 32  # a node's own: 14 of Python, libzmq and the bus, the rest for its user code


def needed(pipes: Iterable[Pipe]) -> int:
    """How many a node with these pipes needs, while its peers come and go."""
    return OWN + sum(pipe.descriptors for pipe in pipes)


def allowed() -> int:
    """The most that this system allows a process, and so its children."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def allow(count: int) -> None:
    """Let this process have `count` of them, which must be allowed, if it may not have more already."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def too_few(who: str, count: int) -> str:
    """The words for `who` needs `count` and cannot have them."""
    cure = f'raise the limit with "ulimit -n {count}", as root if need be'
    return f"{who} needs {count} file descriptors, but this system allows {allowed()}: {cure}"
