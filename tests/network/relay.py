"""Takes the IPv4 packets that are routed into a TUN device, and puts them back into it later, as a slow way would.

`python relay.py DEVICE SECONDS JITTER`: each packet is held for SECONDS, give or take up to JITTER. Packets to one
address stay in order, so one that is held for long holds up those behind it, and they come in a burst. Writes a line
as soon as the device is there. When its input ends it lets go of all packets at once, and ends; so does the device.
"""

import fcntl
import os
import random
import select
import struct
import sys
import time
from collections import defaultdict
from heapq import heappop, heappush

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
DESTINATION = slice(16, 20)  # of an IPv4 packet
LARGEST = 65535  # bytes of an IPv4 packet
AT_ONCE = 64  # packets that are taken before others are let go


class Relay:
    def __init__(self, device: str, seconds: float, jitter: float) -> None:
        self._seconds, self._jitter = seconds, jitter
        self._tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
        self._held: list[tuple[float, int, bytes]] = []  # (when it goes, its place in the order, the packet)
        self._last: defaultdict[bytes, float] = defaultdict(float)  # when the last packet to an address goes
        self._count = 0

    def run(self) -> None:
        while True:
            timeout = max(0.0, self._held[0][0] - time.monotonic()) if self._held else None
            ready, _, _ = select.select([self._tun, sys.stdin], [], [], timeout)
            if sys.stdin in ready:
                self._let_go(float("inf"))
                return
            if ready:
                self._take()
            self._let_go(time.monotonic())

    def _take(self) -> None:
        try:
            for _ in range(AT_ONCE):
                packet = os.read(self._tun, LARGEST)
                due = time.monotonic() + self._seconds + random.uniform(-self._jitter, self._jitter)
                due = self._last[packet[DESTINATION]] = max(due, self._last[packet[DESTINATION]])
                heappush(self._held, (due, self._count, packet))
                self._count += 1
        except BlockingIOError:
            return  # there are no more

    def _let_go(self, now: float) -> None:
        while self._held and self._held[0][0] <= now:
            os.write(self._tun, heappop(self._held)[2])


def main() -> None:
    device, seconds, jitter = sys.argv[1:]
    relay = Relay(device, float(seconds), float(jitter))
    print("ready", flush=True)
    relay.run()


if __name__ == "__main__":
    main()
