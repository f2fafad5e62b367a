"""Who gets in: whoever has the token, under a name that is ours, and from no page but our own."""

import hmac
import ipaddress
import os
import re
import socket
from collections.abc import Awaitable, Callable
from hashlib import sha256
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from aiohttp import web

from host.runfolder import Refused

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SHORTEST = 16  # characters of a token: there is no limit to guesses
TOKEN = re.compile(rf"[!-~]{{{SHORTEST},}}")
OPEN = ("/health", "/ready")  # what anybody may ask, as probes have no token: they say yes or no
HEADERS = {  # of every answer
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
WHERE_IT_STANDS = (
    "This page opens with its token only.\n"
    "Open the address that the launcher showed at its start; it also stands in the file page.url in the run folder.\n"
)
NOT_OURS = "This server does not go by that name. Use the one that the launcher showed, or a number (127.0.0.1).\n"
FOREIGN = "Another site's page asked for this.\n"


class Door:
    """Lets requests through to a handler, or not."""

    def __init__(self, token: str, address: str, port: int) -> None:
        """`address`: the name or number that the server was told to listen at."""
        self._token = token.encode()
        self._key = hmac.digest(self._token, b"cookie", "sha256").hex()  # the cookie does not tell the token
        self._cookie = f"page-{port}"  # browsers send the cookies of all ports to each
        machine = socket.gethostname().lower()
        names = "localhost", address.lower(), machine, machine.partition(".")[0], f"{machine}.local"
        self._names = {name for name in names if name}

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in OPEN:
            return await handler(request)
        if not self._is_ours(request.headers.get("Host", "")):
            return refusal(HTTPStatus.FORBIDDEN, NOT_OURS)
        if not self._is_own_page(request):
            return refusal(HTTPStatus.FORBIDDEN, FOREIGN)
        given = request.query.get("token")
        if given is None:
            return await handler(request) if self._is_known(request) else self._shut()
        if not self._fits(given):
            return self._shut()
        return self._welcome(request) if request.path == "/" else await handler(request)

    def _is_ours(self, host: str) -> bool:
        """Whether `host`, of a header, is us. Foreign names can be pointed here by pages that want in (rebinding)."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or _is_number(name)

    def _is_own_page(self, request: web.Request) -> bool:
        """Whether no page asks, or one of our own."""
        origin = request.headers.get("Origin")
        return origin is None or origin in (f"http://{request.host}", f"https://{request.host}")

    def _is_known(self, request: web.Request) -> bool:
        kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._fits(bearer.strip())
        return hmac.compare_digest(request.cookies.get(self._cookie, "").encode(errors="replace"), self._key.encode())

    def _fits(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(errors="replace"), self._token)

    def _welcome(self, request: web.Request) -> web.StreamResponse:
        """Hand out the cookie, and get the token out of the address, where a shoulder or a history could read it."""
        if request.headers.get("Sec-Fetch-Site") == "cross-site":  # of a chain that began there it would not be sent
            answer = web.Response(text="Go on to /\n", headers={"Refresh": "0; url=/"})
        else:
            answer = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
        answer.set_cookie(self._cookie, self._key, httponly=True, samesite="Strict", path="/")
        return answer

    def _shut(self) -> web.StreamResponse:
        answer = refusal(HTTPStatus.UNAUTHORIZED, WHERE_IT_STANDS)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer


def refusal(status: HTTPStatus, words: str) -> web.Response:
    return web.Response(status=status, text=words)


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Put on every answer what tells a browser to trust nothing else."""
    response.headers.update(HEADERS)
    response.headers.popall("Server", None)


def token_for(secret: bytes, graph: str, host: str) -> str:
    """The token of the page of `graph` on `host`: PAGE_TOKEN, else one that is the same at each start.

    Raises Refused for a PAGE_TOKEN that could be guessed, or that no header can carry.
    """
    given = os.environ.get("PAGE_TOKEN", "")
    if not given:
        return hmac.new(secret, b"\0".join([os.fsencode(graph), host.encode()]), sha256).hexdigest()
    if not TOKEN.fullmatch(given):
        raise Refused(
            f"PAGE_TOKEN is no token: let it have {SHORTEST} letters, digits or marks of ASCII, or more, and no blank"
        )
    return given


def address_with(token: str, host: str, port: int) -> str:
    """What to open."""
    place = f"[{host}]" if ":" in host else host
    return f"http://{place}:{port}/?token={quote(token, safe='')}"


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
