"""How a graph is, for Prometheus and whoever else reads its forms: https://prometheus.io/docs/specs/om/open_metrics_spec/

Written here and not by a client library: all has been counted elsewhere already, and what is left is to print it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from bus.books import BUCKETS, HISTOGRAMS, PER_OCTAVE, SHORTEST
from host.view.facts import Facts

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"  # the older form, in which a counter's family is named like it
ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
PREFIX = "zg_"

# A counter in the books -> the name of its family, without _total, and what it counts
COUNTERS = {
    "received": ("replica_received_messages", "Inputs finished"),
    "sent": ("replica_sent_messages", "Outputs acknowledged"),
    "made": ("replica_made_frames", "What a source has made"),
    "done": ("replica_done_messages", "Messages of this owner that are done"),
    "dead": ("replica_dead_letters", "Messages of this owner that were set aside"),
    "dropped": ("replica_dropped_messages", "Messages of this owner that were dropped on purpose"),
    "lost": ("replica_lost_frames", "Frames that a live source had to let go, which are among the dropped"),
    "unwanted": ("replica_unwanted_messages", "Inputs of which nothing was passed on"),
    "rejected": ("replica_rejected_messages", "Inputs that were rejected"),
    "failures": ("replica_failures", "Exceptions of user code"),
    "refused": ("replica_refused", "Connections and messages that were refused"),
}
TIMES = {
    "waiting_ns": ("replica_waiting_seconds", "Time in which it waited for an input"),
    "working_ns": ("replica_working_seconds", "Time in which user code had control"),
    "blocked_ns": ("replica_blocked_seconds", "Time in which a message waited for room on a wire"),
    "disk_ns": ("replica_disk_seconds", "What a disk took of the time in which user code had control"),
}
GAUGES = {
    "on_the_way": ("replica_on_the_way_messages", "Messages of this owner that are not finished"),
    "backlog": ("replica_backlog_messages", "What waits outside of the bus"),
}
WIRES = {  # number -> family, its type, and what it says
    "sent": ("wire_sent_messages", "counter", "Messages that went out, resendings too"),
    "bytes": ("wire_sent_bytes", "counter", "Bytes of their payloads"),
    "passed_over": ("wire_passed_over_messages", "counter", "Messages dropped for a newer one (keep: latest)"),
    "outdated": ("wire_outdated_messages", "counter", "Messages dropped as too old (max_age)"),
    "queued": ("wire_queued_messages", "gauge", "Messages that are not sent yet"),
    "unfinished": ("wire_unfinished_messages", "gauge", "Messages that are not finished"),
    "oldest": ("wire_oldest_seconds", "gauge", "How long ago the oldest unfinished message was put"),
    "pullers": ("wire_pullers", "gauge", "Pipes whose puller is up"),
    "pipes": ("wire_pipes", "gauge", "Pipes, one for each pair of replicas"),
}
SCALE = {
    "wanted": "Replicas that there are to be now",
    "running": "Those of them that work",
    "pending": "Those of them that start, rest after a death or wait for a place",
}
TOOK = {
    "latency": "From capture until done, at the owner",
    "age": "From capture until handed to user code",
    "hop": "From when the node before passed it on until handed to user code",
    "work": "From being handed to user code until let go",
}
UNITS = ("seconds", "bytes")
Labels = Mapping[str, str]


class Sample(NamedTuple):
    labels: Labels
    value: float
    suffix: str = ""  # of the family's name: _bucket and the like


class Family(NamedTuple):
    name: str
    kind: str  # counter, gauge or histogram
    help: str
    samples: list[Sample]


def text(overview: Facts, *, openmetrics: bool = True) -> str:
    """All numbers of the graph as host/view/overview.py has them; in the older form unless `openmetrics`."""
    lines = [line for family in _families(overview) if family.samples for line in _lines(family, openmetrics)]
    return "\n".join([*lines, *(["# EOF"] if openmetrics else []), ""])


def _lines(family: Family, openmetrics: bool) -> Iterator[str]:
    name = f"{PREFIX}{family.name}"
    ending = "_total" if family.kind == "counter" else ""
    title = name if openmetrics else f"{name}{ending}"
    yield f"# HELP {title} {family.help}."
    yield f"# TYPE {title} {family.kind}"
    unit = family.name.rpartition("_")[2]
    if openmetrics and unit in UNITS:
        yield f"# UNIT {title} {unit}"
    for labels, value, suffix in family.samples:
        yield f"{name}{ending}{suffix}{{{_joined(labels)}}} {_number(value)}"


def _families(overview: Facts) -> Iterator[Family]:
    graph = {"graph": overview["graph"]}
    yield Family(
        "graph_unaccounted_messages",
        "gauge",
        "Messages taken that are not done, dead, dropped or on the way",
        [Sample(graph, overview["sums"]["unaccounted"])],
    )
    yield from _hosts(overview, graph)
    yield from _replicas(overview, graph)
    yield from _scales(overview, graph)
    yield from _histograms(overview, graph)
    ends = [wire for wire in overview["wires"] if wire["here"] or wire["sent"]]
    for number, (name, kind, words) in WIRES.items():
        samples = [Sample({**graph, "wire": wire["name"]}, wire[number]) for wire in ends if wire[number] is not None]
        yield Family(name, kind, words, samples)


def _hosts(overview: Facts, graph: Labels) -> Iterator[Family]:
    hosts = [({**graph, "host": host["name"]}, host) for host in overview["hosts"]]
    up = [Sample(labels, host["state"] in ("here", "up")) for labels, host in hosts]
    yield Family("host_up", "gauge", "Whether its launcher is heard", up)
    began = [Sample(labels, host["began"]) for labels, host in hosts if host["began"]]
    yield Family("host_start_time_seconds", "gauge", "When its launcher began, since the epoch", began)
    for name, key, words in (
        ("host_heard_seconds", "age", "How long ago its launcher was last heard"),
        ("host_clock_offset_seconds", "offset", "Its clock less ours"),
        ("host_round_trip_seconds", "round_trip", "How long a word and its answer take"),
    ):
        yield Family(name, "gauge", words, [Sample(at, host[key]) for at, host in hosts if host[key] is not None])


def _replicas(overview: Facts, graph: Labels) -> Iterator[Family]:
    known = [
        ({**graph, "host": node["host"], "node": node["name"], "replica": replica["name"]}, replica)
        for node in overview["nodes"]
        for replica in node["replicas"]
    ]

    def family(name: str, kind: str, words: str, values: Iterable[float | None]) -> Family:
        found = [Sample(labels, value) for (labels, _), value in zip(known, values, strict=True) if value is not None]
        return Family(name, kind, words, found)

    up = [None if one["state"] == "spare" else one["state"] == "runs" for _, one in known]
    yield family("replica_up", "gauge", "Whether it runs; of a spare one nothing", up)
    yield family("replica_restarts", "counter", "How often it was started again", [one["restarts"] for _, one in known])
    memory = [one["memory"] for _, one in known]
    yield family("replica_memory_bytes", "gauge", "Resident memory, its children's too", memory)
    yield family("replica_cpu_cores", "gauge", "Processors that it keeps busy", [one["cpu"] for _, one in known])
    for kind, table, scale in (("counter", COUNTERS, 1.0), ("counter", TIMES, 1e-9), ("gauge", GAUGES, 1.0)):
        for counter, (name, words) in table.items():
            counts = [one["counters"].get(counter) for _, one in known]
            yield family(name, kind, words, [None if count is None else count * scale for count in counts])


def _scales(overview: Facts, graph: Labels) -> Iterator[Family]:
    known = [node for node in overview["nodes"] if node["replicas"]]
    for number, words in SCALE.items():
        samples = [
            Sample({**graph, "host": node["host"], "node": node["name"]}, node["scale"][number]) for node in known
        ]
        yield Family(f"node_replicas_{number}", "gauge", words, samples)


def _histograms(overview: Facts, graph: Labels) -> Iterator[Family]:
    for histogram in HISTOGRAMS:
        samples: list[Sample] = []
        for node in overview["nodes"]:
            counts = [int(node["latency"][histogram]["buckets"].get(str(place), 0)) for place in range(BUCKETS)]
            if any(counts):
                samples += _buckets({**graph, "host": node["host"], "node": node["name"]}, counts)
        words = f"{TOOK[histogram]}; the sum is that of its buckets' middles"
        yield Family(f"node_{histogram}_seconds", "histogram", words, samples)


def _buckets(labels: Labels, counts: list[int]) -> Iterator[Sample]:
    """One bucket for each octave: Prometheus keeps a series of each, and all nodes have the same ones."""
    for end in range(PER_OCTAVE, BUCKETS, PER_OCTAVE):
        bound = _number(SHORTEST * 2 ** (end / PER_OCTAVE))
        yield Sample({**labels, "le": bound}, sum(counts[:end]), "_bucket")
    yield Sample({**labels, "le": "+Inf"}, sum(counts), "_bucket")
    middles = (SHORTEST * 2 ** ((place + 0.5) / PER_OCTAVE) for place in range(BUCKETS))
    yield Sample(labels, sum(count * middle for count, middle in zip(counts, middles, strict=True)), "_sum")
    yield Sample(labels, sum(counts), "_count")


def _joined(labels: Labels) -> str:
    return ",".join(f'{name}="{value.translate(ESCAPED)}"' for name, value in labels.items())


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.12g}"
