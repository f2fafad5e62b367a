"""The job `hop`: from one Python process to another. And in the shape of dora's own benchmark of latency."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.contender import Contender, Figures, Job, Measure
from bench.copying import copying
from bench.family import Broken, Family
from bench.graphs import launched
from bench.peers.plan import Case, Plan
from bench.quantiles import quantile
from bench.workshop import Workshop

BYTES = (Case("100 B", 100), Case("4 KB", 4_000), Case("120 KB", 120_000))
RAW = (Case("720p raw", 1280 * 720 * 3, (720, 1280, 3)), Case("4K raw", 3840 * 2160 * 3, (2160, 3840, 3)))
PLAN = Plan((*BYTES, *RAW), samples=30, period=0.01, burst=0.3, warm=5)
QUICK = Plan((*BYTES, RAW[0]), samples=10, period=0.01, burst=0.1, warm=3)
DORA_SIZES = (64, 512, 2048, 4096, 4 * 4096, 10 * 4096, 100 * 4096, 1000 * 4096)  # of its script, but for 0 and 8 bytes
DORA_PLAN = Plan(tuple(Case(f"{size} B", size) for size in DORA_SIZES), samples=100, period=0.005, burst=0.0)
DORA_QUICK = Plan(DORA_PLAN.cases[-2:], samples=10, period=0.005, burst=0.0, warm=3)
PATIENCE = 120.0  # seconds for one run
LOOK = 0.1  # seconds between two looks at whether it is over, which should disturb nobody

LATENCY = (
    Measure("p50", "p50", "us"),
    Measure("p90", "p90", "us", is_compared=False, pooled=0.9),
    Measure("p99", "p99", "us", is_compared=False, pooled=0.99),
    Measure("cpu_paced", "CPU, paced", "us a message"),
)
THROUGHPUT = (
    Measure("rate", "throughput", "messages/s"),
    Measure("cpu", "CPU, at full speed", "us a message"),
    Measure("lost", "lost", "%", is_compared=False, is_mean=True),
)
PREFETCH = 64  # as docs/nodes.md advises for thousands of messages a second
OURS = (
    "two nodes that the launcher runs, Message(bytes) and Message(array), every message acknowledged;"
    f" prefetch: {PREFETCH}, no page"
)
PYZMQ = "bare pyzmq, PUSH to PULL over ipc, without acknowledgements; what is large is not copied, and tracked"
DORA_POOL = "256MB"  # 8 MB by default, which its documentation says is to be raised for large messages
DORA = (
    "`dora run`: two Python nodes, arrow arrays; as in its benchmark, the bursts have a queue of 1,000; the sender's"
    f" shared_memory_pool_size is {DORA_POOL}"
)
EZMSG = "two units in two processes, through its shared memory, read in place (zero_copy)"
RAY = "a method of an actor is called by another actor, 16 calls pending at most; the object store holds what is large"
IMAGEZMQ = "send_jpg and send_image to an ImageHub, REQ/REP over ipc, so that each is answered"


def hop(workshop: Workshop) -> Job:
    """Some messages 10 ms apart, then as many as will go."""
    plan = QUICK if workshop.quick else PLAN
    words = (
        f"{plan.samples} messages {plan.period * 1000:g} ms apart, then as many as go in {plan.burst:g} s; so with each"
        " size, warmed up first. Latency: from just before the payload is stamped and handed over until the"
        " receiver has it as bytes or as a numpy array. Throughput: what was received, from the first send until the"
        " last receipt or acknowledgement. CPU: of all processes, the launcher's or the daemon's included."
    )
    measures = (*LATENCY, *THROUGHPUT)
    contenders = (*_wires(workshop, plan, 6.5), *_others(workshop, plan), copying(plan))
    return Job("hop", words, contenders, measures, 1 if workshop.quick else 20)  # latencies of small ones vary much


def dora_shape(workshop: Workshop) -> Job:
    """100 messages of each size, 5 ms apart: what dora's own script measures."""
    plan = DORA_QUICK if workshop.quick else DORA_PLAN
    words = f"The latency part of dora's own benchmark: {plan.samples} messages of each size, 5 ms apart, as bytes."
    ours, pyzmq, dora, _ = _wires(workshop, plan, 7)
    return Job("dora-shape", words, (ours, replace(pyzmq, every=2), dora), LATENCY, 1 if workshop.quick else 10)


def _wires(workshop: Workshop, plan: Plan, seconds: float) -> tuple[Contender, ...]:
    dora, no_dora = workshop.python("dora")
    imagezmq, no_imagezmq = workshop.python("imagezmq")
    return (
        Contender("ours", OURS, partial(_run, plan, _ours), seconds),
        Contender("pyzmq", PYZMQ, partial(_run, plan, partial(_pair, Path(sys.executable), "pyzmq")), seconds),
        Contender("dora", DORA, partial(_run, plan, partial(_dora, dora)), seconds + 2, no_dora),
        Contender(
            "imagezmq",
            IMAGEZMQ,
            partial(_run, plan, partial(_pair, imagezmq, "imagezmq")),
            seconds,
            no_imagezmq,
            every=2,
        ),
    )


def _others(workshop: Workshop, plan: Plan) -> tuple[Contender, ...]:
    """They take part in fewer rounds, for they are farther relatives, and Ray takes long to start."""
    ezmsg, no_ezmsg = workshop.python("ezmsg")
    ray, no_ray = workshop.python("ray")
    return (
        Contender("ezmsg", EZMSG, partial(_run, plan, partial(_alone, ezmsg, "ezmsg")), 6, no_ezmsg, every=2),
        Contender("ray", RAY, partial(_run, plan, partial(_alone, ray, "ray")), 12, no_ray, every=3),
    )


def _run(plan: Plan, command: Callable[[Path], Sequence[str | Path]], folder: Path) -> Figures:
    """The figures of each case, of one run of a pair of programs."""
    plan.write(folder / "plan.json")
    with Family(command(folder), folder) as family:
        family.until((folder / "received.json").exists, PATIENCE, "the receiver's last word", LOOK)
        sent, received = (_read(folder / f"{name}.json", family) for name in ("sent", "received"))
        family.leave(by_itself=True)
    return {case.name: _figures(sent[case.name], received[case.name]) for case in plan.cases}


def _read(path: Path, family: Family) -> Any:
    """What was told, as soon as it is whole."""
    family.until(lambda: path.exists() and path.read_text().endswith("}"), 1.0, str(path))
    return json.loads(path.read_text())


def _figures(sent: dict[str, Any], received: dict[str, Any]) -> dict[str, Any]:
    """Raises Broken if something came torn."""
    if received["torn"]:
        raise Broken(f"{received['torn']} messages came torn")
    latencies, paced = received["latencies"], sent["latency"]
    found = {
        "p50": quantile(sorted(latencies), 0.5),
        "cpu_paced": (received["cpu"]["latency"] - paced["cpu"]) * 1e6 / paced["sent"],
        "latencies": [round(latency) for latency in latencies],
        "paced_sent": paced["sent"],
        "paced_received": len(latencies),
        "twice": received["twice"],
        "disordered": received["disordered"],
    }
    if burst := sent.get("burst"):
        count = received["burst"]
        seconds = (max(received["last"], burst.get("acknowledged", 0)) - burst["began"]) / 1e9
        found |= {
            "rate": count / seconds,
            "cpu": (received["cpu"]["burst"] - burst["cpu"]) * 1e6 / max(count, 1),
            "lost": 100 * (1 - count / burst["sent"]),
            "sent": burst["sent"],
            "received": count,
        }
    return found


def _ours(folder: Path) -> Sequence[str | Path]:
    args = {"plan": "plan.json"}
    nodes = {
        "sender": {"run": "bench.nodes.sender", "push": "frames", "args": args},
        "receiver": {"run": "bench.nodes.receiver", "pull": "frames", "args": args},
    }
    return launched(nodes, folder, wires={"frames": {"prefetch": PREFETCH}})


def _pair(python: Path, module: str, folder: Path) -> Sequence[str | Path]:
    return python, "-m", "bench.peers.pair", f"bench.peers.{module}", "plan.json"


def _alone(python: Path, module: str, folder: Path) -> Sequence[str | Path]:
    return python, "-m", f"bench.peers.{module}", folder / "plan.json"


def _dora(python: Path, folder: Path) -> Sequence[str | Path]:
    def node(name: str, **rest: Any) -> dict[str, Any]:
        return {"id": name, "path": str(python), "args": f"-m bench.peers.dora {name} {folder / 'plan.json'}", **rest}

    inputs = {"latency": "send/latency", "burst": {"source": "send/burst", "queue_size": 1000}}
    sender = node("send", outputs=["latency", "burst"], shared_memory_pool_size=DORA_POOL)
    nodes = [sender, node("receive", inputs=inputs)]
    (folder / "dataflow.yml").write_text(json.dumps({"nodes": nodes}))
    return python.parent / "dora", "run", "dataflow.yml"
