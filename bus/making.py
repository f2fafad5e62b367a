"""What a message is to carry on a wire, made when it is about to be sent: pixels are encoded, a file is read."""

from __future__ import annotations

import time

from bus.door import Undecodable
from bus.link import MAX_PART
from bus.outgoing import Outgoing
from bus.refusals import Refusals
from bus.unreadable import Unreadable


class Making:
    """That of one wire."""

    def __init__(self, wire: str, local: bool, refusals: Refusals) -> None:
        """`local`: whether it stays on this host."""
        self._wire, self._local, self._refusals = wire, local, refusals
        self._read = 0.0  # when a file was read, by time.monotonic

    def make(self, out: Outgoing) -> tuple[str, str] | None:
        """Have it carry what it is to carry, or be tried again while others go first.

        Verdict and reason, if it can never be sent.
        """
        form = out.form
        try:
            out.make()
        except FileNotFoundError:
            return "gone", ""  # finished elsewhere
        except Unreadable as error:
            self._refusals.trouble(f'cannot read a file that is to go on "{self._wire}": {error.strerror}; tries again')
            if form is None or not form.put_off(self._read):
                return "rejected", f'on "{self._wire}": {error.strerror}'
        except (Undecodable, OSError) as error:
            return "rejected", f'on "{self._wire}": {error}'
        else:
            self._read = time.monotonic()
            if not self._local and len(out.payload) > MAX_PART:
                words = f"has {len(out.payload)} bytes, and at most {MAX_PART} cross a network"
                return "rejected", f'on "{self._wire}": {words}'
        return None
