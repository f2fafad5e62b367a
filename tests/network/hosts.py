"""Hosts that a router joins, all on this machine, and out of reach of anything else:

    with hosts("robot", "station") as (robot, station):
        subprocess.Popen(robot.command([sys.executable, "launcher.py"]))

Each host, and the router, is a network namespace. Files, users and processes are shared; network devices, addresses,
ports and abstract Unix sockets are not. Whatever a fault does, it does at the router, or at a host's own device.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.conftest import until
from tests.network.namespace import Namespace

DEVICE = "eth0"  # of each host; the router's end of that link has the host's name
FORWARDS = "cd /proc/sys/net/ipv4; echo 1 >ip_forward; for each in conf/*/rp_filter; do echo 0 >$each; done"


class Host(Namespace):
    """A host, alone in a subnet whose first address is the router's."""

    def __init__(self, name: str, number: int, router: Namespace) -> None:
        super().__init__(router)
        self.name, self.router = name, router
        self._prefix, self._last = f"10.77.{number}", 2
        self.subnet = f"{self._prefix}.0/24"

    @property
    def address(self) -> str:
        return f"{self._prefix}.{self._last}"

    def connect(self) -> None:
        """Plug the host into the router."""
        # With one segment at a time TCP's packets are of 1500 bytes here, as on a cable, and not of 64 KiB.
        self.router.ip(
            f"link add {self.name} gso_max_segs 1 type veth peer name {DEVICE} gso_max_segs 1 netns {self.pid}",
            f"address add {self._prefix}.1/24 dev {self.name}",
            f"link set {self.name} up",
        )
        self.ip("link set lo up", f"link set {DEVICE} up", *self._appear())
        until(self._is_connected, 10, f"the link of {self.name}")

    def change_address(self) -> None:
        """Get another address, as at another access point. Nobody is told."""
        gone = f"address delete {self.address}/24 dev {DEVICE}"
        self._last += 1
        self.ip(gone, *self._appear())

    def _is_connected(self) -> bool:
        ends = ((self, DEVICE), (self.router, self.name))
        return all(" state UP " in place.run("ip", "link", "show", device) for place, device in ends)

    def _appear(self) -> tuple[str, str]:
        return f"address add {self.address}/24 dev {DEVICE}", f"route add default via {self._prefix}.1"


@contextmanager
def hosts(*names: str) -> Iterator[tuple[Host, ...]]:
    """A network of hosts with these names. What still runs on them at the end is killed."""
    with ExitStack() as stack:
        router = stack.enter_context(Namespace())
        router.run("sh", "-ec", FORWARDS)
        found = []
        for number, name in enumerate(names, 1):
            host = Host(name, number, router)
            stack.enter_context(host)
            host.connect()
            found.append(host)
        yield tuple(found)
