"""What the page's process answers: one table of it, and how it is reached."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from bus.picture import Undecodable
from host.page.crowd import Crowd
from host.page.door import Door, harden, refusal
from host.page.pictures import LARGE
from host.page.viewer import Viewer
from host.page.watch import Watch, is_healthy, is_ready
from host.retry import Stays
from host.view import metrics

HERE = Path(__file__).parent
FILES = {  # path -> what is sent, and as what
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/drawing.js": ("drawing.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
MOST_VIEWERS = 64
MOST_BODY = 16 * 1024  # bytes of a request
LETTER = 480  # pixels of the longer side of a dead letter's image

Route = tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]


class Server:
    """The handlers."""

    def __init__(self, watch: Watch, door: Door) -> None:
        self._watch, self._door = watch, door
        self.crowd = Crowd()
        self._viewers: set[asyncio.Task[object]] = set()

    @property
    def routes(self) -> Sequence[Route]:
        return (
            *(("GET", path, partial(self._file, *file)) for path, file in FILES.items()),
            ("GET", "/stream", self._stream),
            ("GET", "/letters/{id}", self._letter),
            ("POST", "/retry", self._retry),
            ("GET", "/metrics", self._metrics),
            ("GET", "/health", self._health),
            ("GET", "/ready", self._ready),
        )

    @property
    def application(self) -> web.Application:
        application = web.Application(middlewares=[self.crowd.serve, self._door.guard], client_max_size=MOST_BODY)
        application.on_response_prepare.append(harden)
        application.on_shutdown.append(self._part)
        for method, path, handler in self.routes:
            application.router.add_route(method, path, handler)
        return application

    async def _file(self, name: str, kind: str, request: web.Request) -> web.StreamResponse:
        return web.Response(body=(HERE / name).read_bytes(), content_type=kind, charset="utf-8")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if len(self._viewers) >= MOST_VIEWERS:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_VIEWERS} viewers are here already.\n")
        task = asyncio.current_task()
        assert task
        self._viewers.add(task)
        try:
            return await Viewer(self._watch).attend(request)
        finally:
            self._viewers.discard(task)

    async def _letter(self, request: web.Request) -> web.StreamResponse:
        size = LARGE if "large" in request.query else LETTER
        try:
            jpeg = await self._watch.walking(self._watch.aside.image, request.match_info["id"], size)
        except KeyError:
            return refusal(HTTPStatus.NOT_FOUND, "This dead letter is not there any longer.\n")
        except (Undecodable, ValueError, MemoryError) as error:
            return refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{error}\n")
        return web.Response(body=jpeg, content_type="image/jpeg")

    async def _retry(self, request: web.Request) -> web.StreamResponse:
        try:
            id = json.loads(await request.read())["id"]
            went, said = True, await self._watch.walking(self._watch.aside.retry, id)
        except KeyError:
            went, said = False, "it is not there any longer"
        except Stays as stays:
            went, said = False, str(stays)
        except (ValueError, TypeError, RecursionError, web.RequestPayloadError):
            return refusal(HTTPStatus.BAD_REQUEST, 'Send {"id": "…"} of a dead letter.\n')
        await self._watch.list_letters()
        return web.json_response({"went": went, "said": said})

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        whole = self._watch.now.whole
        if whole is None:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, "The launcher has written no numbers yet.\n")
        is_open = metrics.OPENMETRICS.partition(";")[0] in request.headers.get("Accept", "")
        kind = metrics.OPENMETRICS if is_open else metrics.PLAIN
        text = await asyncio.to_thread(metrics.text, whole, openmetrics=is_open)  # of a large graph it takes its time
        return web.Response(body=text.encode(), headers={"Content-Type": kind})

    async def _health(self, request: web.Request) -> web.StreamResponse:
        return _verdict(is_healthy(self._watch.now.whole), "healthy")

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        return _verdict(is_ready(self._watch.now.whole), "ready")

    async def _part(self, application: web.Application) -> None:
        """End the viewers' connections: they would go on for ever."""
        for task in self._viewers:
            task.cancel()


def _verdict(is_so: bool, word: str) -> web.Response:
    status = HTTPStatus.OK if is_so else HTTPStatus.SERVICE_UNAVAILABLE
    return web.Response(status=status, text=f"{word if is_so else f'not {word}'}\n")
