"""All jobs, by name, in the order in which they are done."""

from collections.abc import Callable

from bench.bytes import network
from bench.contender import Job
from bench.dispatch import dispatch
from bench.hop import dora_shape, hop
from bench.hosts import many_hosts
from bench.pipes import pipes
from bench.recipe import direct, recipe
from bench.scale import scale
from bench.stages import limit
from bench.standing import check, idle, start
from bench.watching import watching
from bench.workshop import Workshop

BESIDE: dict[str, Callable[[Workshop], Job]] = {  # docs/performance.md: how fast it is
    "recipe": recipe,
    "direct": direct,
    "hop": hop,
    "dora-shape": dora_shape,
    "scale": scale,
    "start": start,
    "idle": idle,
    "check": check,
    "limit": limit,
}
FAR: dict[str, Callable[[Workshop], Job]] = {  # docs/scale.md: how far it goes
    "dispatch": dispatch,
    "pipes": pipes,
    "watching": watching,
    "network": network,
    "hosts": many_hosts,
}
JOBS = {**BESIDE, **FAR}
