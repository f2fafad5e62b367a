"""One viewer of the page without a browser, and pictures for it."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from PIL import Image

from tests.pages import Served


class Viewer:
    """One viewer's stream."""

    def __init__(self, socket: "ClientWebSocketResponse[bool]") -> None:
        self.socket = socket
        self.pictures: list[tuple[dict[str, Any], bytes]] = []

    async def ask(self, text: str) -> dict[str, Any]:
        """Ask, take in the pictures that come, and return the numbers."""
        await self.socket.send_str(text)
        while (message := await self.socket.receive(20)).type is WSMsgType.BINARY:
            length = int.from_bytes(message.data[:4], "big")
            self.pictures.append((json.loads(message.data[4 : 4 + length]), message.data[4 + length :]))
        assert message.type is WSMsgType.TEXT, message
        answer: dict[str, Any] = json.loads(message.data)
        return answer

    async def until(self, text: str, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        deadline = time.monotonic() + 15
        while not condition(answer := await self.ask(text)):
            assert time.monotonic() < deadline, answer
        return answer


@asynccontextmanager
async def viewer(page: Served) -> AsyncIterator[Viewer]:
    async with ClientSession(headers=page.bearer) as session, session.ws_connect(f"{page.place}/stream") as socket:
        yield Viewer(socket)


def viewed(page: Served, look: Callable[[Viewer], Awaitable[None]]) -> None:
    """Look at the page with one viewer."""

    async def all_of_it() -> None:
        async with viewer(page) as one:
            await look(one)

    asyncio.run(all_of_it())


def write_picture(file: Path, body: bytes, **facts: Any) -> None:
    head = {"at": time.time_ns(), "stream": "cam", "number": 1, "name": "cam-1.jpg", "captured": 1, **facts}
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_bytes(json.dumps(head).encode() + b"\n" + body)
    fresh.replace(file)


def jpeg(width: int, height: int, colour: str = "red") -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(body, "JPEG")
    return body.getvalue()
