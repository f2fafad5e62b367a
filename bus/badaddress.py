"""An address that cannot be used, with what to do about it."""

import errno
import os


class BadAddress(OSError):
    """Raised when an address cannot be bound or connected to; another process may still hold it."""

    def __init__(self, address: str, number: int) -> None:
        """`number`: an errno."""
        words = f"cannot use {address}: {os.strerror(number)}"
        if address.startswith("tcp://") and number == errno.EADDRINUSE:
            port = address.rpartition(":")[2]
            words += (
                f". Port {port} belongs to another process, which `ss -ltnp 'sport = :{port}'` names: end that one, or"
                " choose another port in graph.yaml on all hosts; a wire takes two for each pair of replicas"
            )
        super().__init__(words)
