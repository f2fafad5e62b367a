"""One viewer: one WebSocket, on which everything comes that it sees, and always the newest of it.

The viewer asks, and is answered with what has changed since its last question: pictures, each a binary message of a
header's length (4 bytes, big-endian), the header (JSON) and the JPEG, then the numbers, a text message of JSON. Then it
asks again. So at most one answer is on its way to a viewer, however slow it is, and none ever waits for another's.
What the way to a viewer does not carry in a second is left for its next questions, so that the numbers come in time.
"""

import asyncio
import json
import struct
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from host.page.pictures import LARGE, SIDES, SMALL, Wanted
from host.page.watch import Look, Watch

STALLED = 20.0  # seconds that a viewer may take for an answer, or for its next question …
UNSEEN = 100.0  # … or so many for that, in a hidden tab, in which browsers let timers run once a minute
MOST_QUESTION = 16 * 1024  # bytes
BUFFER = 64 * 1024  # bytes of an answer that wait in this process
ENOUGH = (
    1.0  # seconds that an answer with pictures may take, there and back; the next one is half of one that took more
)
LEAST, MOST = 16 * 1024, 4 * 1024 * 1024  # bytes of pictures in an answer; one goes whatever it has
LENGTH = struct.Struct(">I")


class Malformed(ValueError):
    """Raised for a question that no page of ours asks."""


@dataclass(frozen=True)
class Question:
    """What a viewer looks at."""

    looks: bool  # whether anybody sees it: a hidden page wants no pictures
    nodes: frozenset[str]  # whose pictures are in view
    large: Wanted | None  # the one that is shown large
    node: str  # whose lines it shows; lines.ALL: everybody's

    @classmethod
    def parse(cls, text: str, known: set[str]) -> "Question":
        """Raises Malformed."""
        try:
            asked = json.loads(text)
            nodes, large, node = asked["nodes"], asked["large"], asked["node"]
            wanted = Wanted(large[0], large[1], LARGE) if large else None
            if wanted and (wanted.node not in known or wanted.side not in SIDES):
                raise Malformed
            return cls(bool(asked["looks"]), frozenset(nodes) & known, wanted, str(node))
        except (ValueError, TypeError, KeyError, IndexError, RecursionError):
            raise Malformed from None

    @property
    def pictures(self) -> set[Wanted]:
        small = {Wanted(node, side, SMALL) for node in self.nodes for side in SIDES}
        return small | ({self.large} if self.large else set())


@dataclass
class Seen:
    """What the viewer has been sent."""

    look: int = 0  # number of the newest
    point: int = 0  # moment of the newest
    letters: int = 0
    lines: tuple[str, int] = ("", -1)  # whose, and the number of the newest
    pictures: dict[Wanted, Any] = field(default_factory=dict)  # -> its version; those that were sent last are the last


class Viewer:
    """Answers one viewer for as long as it listens."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._seen = Seen()
        self._patience = STALLED
        self._room = LEAST  # bytes of pictures in the next answer
        self._sent, self._begun = 0, 0.0  # bytes of them in the last one, and when it began, time.monotonic()

    async def attend(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, max_msg_size=MOST_QUESTION, writer_limit=0)
        await socket.prepare(request)
        transport = request.transport
        if transport:
            transport.set_write_buffer_limits(BUFFER)
        try:
            while question := await self._question(socket):
                if question.looks:
                    self._watch.wants[self] = question.pictures
                else:
                    self._watch.wants.pop(self, None)
                await asyncio.wait_for(self._answer(socket, question), STALLED)
        except (asyncio.TimeoutError, ConnectionError):
            if transport:
                transport.abort()  # what waits for it is let go at once
        except Malformed:
            await socket.close(code=1008)
        finally:
            self._watch.wants.pop(self, None)
        return socket

    async def _question(self, socket: web.WebSocketResponse) -> Question | None:
        """The next one; None: the viewer has gone. Raises asyncio.TimeoutError, Malformed."""
        message: WSMessage = await socket.receive(self._patience)
        if message.type is not WSMsgType.TEXT:
            return None
        question = Question.parse(message.data, self._watch.nodes)
        self._patience = STALLED if question.looks else UNSEEN
        if self._sent:
            took = time.monotonic() - self._begun
            self._room = max(LEAST, self._sent // 2) if took > ENOUGH else min(MOST, 2 * self._room)
        return question

    async def _answer(self, socket: web.WebSocketResponse, question: Question) -> None:
        look = await self._watch.after(self._seen.look)
        self._sent, self._begun = 0, time.monotonic()
        for wanted in self._by_turns(question) if question.looks else ():
            picture = self._watch.picture(wanted)
            if picture and self._seen.pictures.get(wanted) != picture.version and self._sent < self._room:
                self._seen.pictures.pop(wanted, None)
                self._seen.pictures[wanted] = picture.version
                header = json.dumps({**wanted._asdict(), **picture.facts}).encode()
                await socket.send_bytes(LENGTH.pack(len(header)) + header + picture.jpeg)
                self._sent += len(picture.jpeg)
        await socket.send_str(f'{{"shared": {look.text}, "own": {json.dumps(self._own(look, question))}}}')
        self._seen.look = look.number

    def _by_turns(self, question: Question) -> list[Wanted]:
        """The large one, then those that were sent longest ago."""
        turns = {wanted: turn for turn, wanted in enumerate(self._seen.pictures)}
        for gone in turns.keys() - question.pictures:
            del self._seen.pictures[gone]  # it may have been let go of over there
        return sorted(question.pictures, key=lambda wanted: (-wanted.size, turns.get(wanted, -1), wanted))

    def _own(self, look: Look, question: Question) -> dict[str, Any]:
        """What has changed for this viewer alone."""
        seen, own = self._seen, dict[str, Any]()
        newest = self._watch.newest_point
        if newest != seen.point:
            since = seen.point if seen.point < newest else 0  # the clock was set back: all of them again
            own["points"], seen.point = self._watch.points_since(since), newest
        if self._watch.letters[0] != seen.letters:
            seen.letters, text = self._watch.letters
            own["letters"] = json.loads(text)
        node = question.node
        number = seen.lines[1] if seen.lines[0] == node else -1
        lines = self._watch.lines_since(node, number)
        if lines or seen.lines != (node, number):
            own["lines"] = {"node": node, "anew": number < 0, "lines": lines}
            seen.lines = node, lines[-1].number if lines else 0
        return own
