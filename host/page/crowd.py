"""The connections of all who come, so that nobody keeps others out by coming and asking nothing."""

import asyncio
import time
from collections.abc import Collection

from aiohttp import web

from host.page.door import Handler

SILENCE = 10.0  # seconds without a request, or without taking an answer, after which a connection is closed
MOST = 256  # connections; of more, those that have been silent longest are closed at once
ROUND = 1.0  # seconds between two looks at them


class Crowd:
    """Knows whose request is at work, and since when the others are silent."""

    def __init__(self) -> None:
        self._at_work: set[web.RequestHandler] = set()
        self._silent: dict[web.RequestHandler, float] = {}  # -> since when, time.monotonic() seconds

    @web.middleware
    async def serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._at_work.add(request.protocol)
        try:
            return await handler(request)
        finally:
            self._at_work.discard(request.protocol)
            self._silent[request.protocol] = time.monotonic()

    async def thin_out(self, server: web.Server) -> None:
        """Close who is silent too long, for ever."""
        while True:
            self._look(server.connections)
            await asyncio.sleep(ROUND)

    def _look(self, there: Collection[web.RequestHandler]) -> None:
        now = time.monotonic()
        self._silent = {one: self._silent.get(one, now) for one in there if one not in self._at_work}
        by_silence = sorted(self._silent, key=lambda one: self._silent[one])
        for place, one in enumerate(by_silence):
            is_too_much = place < len(there) - MOST or now - self._silent[one] > SILENCE
            if is_too_much and one.transport:
                one.transport.abort()
