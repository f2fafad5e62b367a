"""The arithmetic for 1,000 robots, from what was measured for one pipe, one host and one pusher."""

from typing import Any

from bench.quantiles import median
from bench.tables import cases, number, values
from bus import descriptors
from bus.link import Pipe

NEEDS = ("pipes", "watching", "network", "hosts")  # the jobs whose figures it takes
ROBOTS, RATE, SIZE = 1000, 10, 120_000  # frames a second, bytes of each
BOX, REPLICAS = 400, 4  # frames a second that a box with a GPU is taken to convert, and processes that do it
ETHERNET = 38  # bytes of each packet that Linux does not count: preamble, header, checksum, gap
FRAMES, WAITING, KEYS = "16 pipes, 100 frames/s of 120 KB", "16 pipes, no frames", "k" * 40
HOSTS = "1 + 30"
NEAR = 0.1
GIGABIT = 8 / 1e9  # of a byte


def robots(jobs: dict[str, Any]) -> list[str]:
    """A table, if there are figures for it."""
    if not all(name in jobs for name in NEEDS) or not values(jobs["network"], "ours", FRAMES, "rate"):
        return []
    rows = [f"| {what} | {how} | {result} |" for what, how, result in _rows(jobs)]
    words = (
        f"Not measured, but multiplied: {ROBOTS:,} robots, each with a camera of {RATE} frames/s and a watcher; frames"
        f" of {SIZE // 1000} KB are converted on boxes that are taken to do {BOX} frames/s each, in {REPLICAS}"
        " processes. One graph for each box and the robots that push to it."
    )
    return ["### 1,000 robots", "", words, "", "| | from | is |", "|---|---|---|", *rows, ""]


def _rows(jobs: dict[str, Any]) -> list[tuple[str, str, str]]:
    def figure(job: str, case: str, measure: str) -> float:
        return median(list(values(jobs[job], "ours", case, measure).values())).value

    frames, boxes = ROBOTS * RATE, ROBOTS * RATE // BOX
    here = ROBOTS // boxes  # robots of one box
    beyond = figure("network", FRAMES, "beyond")
    packets = figure("network", FRAMES, "packets") / figure("network", FRAMES, "rate")
    whole = SIZE + beyond + ETHERNET * packets
    pipe, bound = figure("network", WAITING, "pipe"), Pipe("tcp://box:5560", bind=True, key=KEYS)
    hub, link = (figure("hosts", HOSTS, measure) for measure in ("hub", "traffic"))
    most = figure("watching", "32 replicas", "most")
    each = (figure("pipes", "200 pipes", "main") - figure("pipes", "16 pipes", "main")) / 184
    pusher, puller = (figure("network", FRAMES, end) for end in ("pusher", "puller"))
    needed = descriptors.needed([bound] * here + [Pipe("ipc://out")])
    alone = descriptors.needed([bound] * ROBOTS + [Pipe("ipc://out")])
    return [
        ("frames", f"{ROBOTS:,} x {RATE}", f"{frames:,}/s"),
        ("payload", f"x {SIZE:,} bytes", f"{frames * SIZE * GIGABIT:.2f} Gbit/s"),
        (
            "on the network",
            f"+ {number(beyond)} bytes, and {number(packets)} packets x {ETHERNET} bytes",
            f"{frames * whole * GIGABIT:.2f} Gbit/s",
        ),
        ("boxes", f"{frames:,} / {BOX}", f"{boxes}, with {here} robots each"),
        ("a box's network", f"{here} x {RATE} frames", f"{here * RATE * whole * GIGABIT:.2f} Gbit/s"),
        ("pipes of a box", f"{here} x {REPLICAS}", f"{here * REPLICAS}"),
        ("ports of a box", "2 x pipes", f"{2 * here * REPLICAS}"),
        ("descriptors of a converter", f"{here} pipes with keys, bound", f"{needed:,}"),
        ("what a box's pipes say anyway", f"x {number(pipe)} bytes/s", f"{pipe * here * REPLICAS / 1000:.0f} KB/s"),
        ("CPU of a robot's pusher", f"{RATE} x {number(pusher)} us", f"{RATE * pusher / 1e4:.2g} % of a core"),
        (
            "CPU of a box's pullers",
            f"{here * RATE} x {number(puller)} us",
            f"{here * RATE * puller / 1e4:.0f} % of a core",
        ),
        ("what a box's link hears and says", f"{here} x {number(link)} bytes/s", f"{here * link / 1000:.0f} KB/s"),
        ("CPU of it", f"the row {HOSTS}", f"over {hub:.0f} % of a core"),
        (
            "all in one graph instead: ports",
            f"2 x {ROBOTS:,} x {boxes * REPLICAS}",
            f"{2 * ROBOTS * boxes * REPLICAS:,}: too many",
        ),
        ("descriptors of a converter", f"{ROBOTS:,} pipes with keys, bound", f"{alone:,}"),
        (
            "all files in folders of one server instead",
            f"{frames:,} / {number(most)} frames/s of one watcher at most",
            f"{-(-frames // int(most))} watchers",
        ),
        ("a pusher with 1,000 pipes", f"{number(each)} us more with each", f"{number(1000 * each)} us a frame more"),
    ]


def agreement(jobs: dict[str, Any]) -> list[str]:
    """How near the simulation comes to the real runs, in a sentence."""
    ratios = {
        case: median(list(found.values())).value
        for case in (cases(jobs["dispatch"]) if "dispatch" in jobs else [])
        if (found := values(jobs["dispatch"], "ours", case, "ratio"))
    }
    if not ratios:
        return []
    near = [case for case, ratio in ratios.items() if abs(ratio - 1) <= NEAR]
    far = [f"{case} ({ratio:.2f})" for case, ratio in ratios.items() if case not in near]
    words = f"Simulated and real frames/s are within {NEAR:.0%} of each other in {len(near)} of {len(ratios)} rows"
    return [f"**{words}{': not with ' + '; '.join(far) if far else ''}.**", ""]
