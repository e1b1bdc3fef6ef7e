"""The server: a socket of this machine, the application on it, and a browser in front."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable

import uvicorn

from otmaps._explorer._application import Opening, make_application
from otmaps._explorer._guard import is_loopback, own_names
from otmaps._explorer._studio import Studio

_PATIENCE = 1  # seconds that open requests get when the server stops


def serve(
    studio: Studio,
    opening: Opening,
    *,
    host: str,
    port: int,
    browser: bool,
    announce: Callable[[str, bool], None],
) -> None:
    """Serve until Ctrl-C.

    Parameters
    ----------
    studio : Studio
    opening : Opening
    host, port
        Where to listen; port 0 takes a free one.
    browser : bool
        Whether to open the page in the user's browser.
    announce : callable
        Told the address once the server listens, and whether others than this machine reach it.

    Raises
    ------
    OSError
        Where the address cannot be had.
    """
    with bound_socket(host, port) as listener:
        address = page_address(listener)
        application = make_application(studio, opening, own_names(host))
        config = uvicorn.Config(
            application,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=_PATIENCE,
        )
        announce(address, not is_loopback(host))
        if browser and _has_screen():
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        # The socket listens already: what a browser sends before the loop runs waits in its queue.
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again after it stopped
            uvicorn.Server(config).run(sockets=[listener])


def _has_screen() -> bool:
    """Whether a browser may show itself: without a screen some would take over the terminal."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens at an address.

    Raises
    ------
    OSError
        With the address and a remedy.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OSError(f"--host {host}: {error.strerror or error}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen()
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise OSError(
            f"cannot listen at {host} port {port} ({reason}). Choose another with --port, or "
            "--port 0 for any that is free."
        ) from error
    return listener


def page_address(listener: socket.socket) -> str:
    """The URL of the page."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - every address of the machine; this one is near
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
