"""Signals as something to wait for beside pipes and sockets."""

import os
import signal

TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """From now on the signals that ask the launcher to stop arrive here, and interrupt nothing."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        signal.set_wakeup_fd(self._writing)
        for number in TO_STOP:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # started under nohup
                signal.signal(number, lambda *_: None)

    def fileno(self) -> int:
        return self._reading

    def read(self) -> list[int]:
        """The numbers of those that have arrived. To be called when there are some."""
        return [number for number in os.read(self._reading, 4096) if number in TO_STOP]

    def close(self) -> None:
        """From now on they are not heard: what is left to do takes a moment."""
        signal.set_wakeup_fd(-1)
        os.close(self._reading)
        os.close(self._writing)
