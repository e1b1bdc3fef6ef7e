"""Who may ask: the page itself, under a name of this machine, and no page of another site.

A site that a browser has open may send requests to a local server, and may make its own name
point to this machine (DNS rebinding). The first is seen by Origin and Sec-Fetch-Site, which pages
cannot forge; the second by Host, which then is the name of that site.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "cache-control": "no-cache",  # another version may serve at the same address
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def own_names(host: str) -> frozenset[str]:
    """The names, besides bare addresses, under which the server may be asked for."""
    names = {"localhost", host}
    if not is_loopback(host):
        names |= {socket.gethostname(), socket.getfqdn()}
    return frozenset(name.lower() for name in names)


def is_loopback(host: str) -> bool:
    """Whether a server bound to this host is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def refusal(
    host: str | None, origin: str | None, site: str | None, navigates: bool, names: Iterable[str]
) -> str | None:
    """Why a request with these headers is refused, or None.

    Parameters
    ----------
    host, origin, site : str or None
        The headers Host, Origin and Sec-Fetch-Site; programs that are no browsers send the first
        alone.
    navigates : bool
        Whether the browser opens the page, as by a link, rather than asks for data.
    names : iterable of str
        Names of this machine in lower case; bare addresses, which no site can own, are taken too.
    """
    name = _host_name(host or "")
    if name is None or not (_is_address(name) or name in names):
        return (
            f"this server does not answer to the name {host!r}. Open it by its address, or start "
            "it with --host NAME."
        )
    if origin is not None and urlsplit(origin).netloc.lower() != (host or "").lower():
        return f"a page of {origin} asked; the explorer answers to its own page alone."
    if site not in {None, "same-origin", "none"} and not navigates:
        return "a page of another site asked; the explorer answers to its own page alone."
    return None


def _host_name(host: str) -> str | None:
    """The name in a Host header, in lower case, without the port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Guard:
    """Refuses requests of others, and adds headers that keep the page to itself.

    Attributes
    ----------
    app : ASGI application
    names : frozenset of str
        As of `own_names`.
    """

    app: ASGIApp
    names: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        why = refusal(
            headers.get("host"),
            headers.get("origin"),
            headers.get("sec-fetch-site"),
            scope["path"] == "/" and headers.get("sec-fetch-mode") == "navigate",
            self.names,
        )
        if why is not None:
            await PlainTextResponse(f"Refused: {why}\n", status_code=403)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    *((k.encode("ascii"), v.encode("ascii")) for k, v in _HEADERS.items()),
                ]
            await send(message)

        await self.app(scope, receive, send_with_headers)
