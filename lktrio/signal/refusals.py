"""Why a server did not let us in, told as one of the exceptions of joining.

LiveKit's server refuses before the upgrade, with an HTTP status and a line of text. Where the text
is missing (a proxy ate it, or there was no HTTP answer at all) the ``validate`` endpoint is asked:
it runs the same checks and answers ``success`` or the text. Only then is the HTTP client loaded: a
program whose joins succeed does without.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import trio

from lktrio.errors import AuthenticationFailed, ConnectError, JoinRejected, ServerUnreachable
from lktrio.net.network import StreamOpener
from lktrio.signal.urls import SignalUrl
from lktrio.signal.websocket import UpgradeRefused

if TYPE_CHECKING:
    import httpx

__all__ = ["explain_refusal", "is_unknown_path"]

_NO_ROOM = "requested room does not exist"  # tells this 404 from the one of an unknown path
_JWT_DOTS = 2  # RFC 7519 section 3
_ADVICE = {  # for texts that do not say what to do
    _NO_ROOM: "create the room first, or have the server create rooms when they are joined",
    "connection closed by media": "the room may be full: see its max_participants",
}
_NOT_FOUND = 404
_FIRST_ERROR = 400  # below it are answers that no LiveKit server gives to an upgrade
_BAD_TOKEN = (401, 403)
_MAX_TEXT = 300
_MAX_ANSWER = 4096


def is_unknown_path(refused: UpgradeRefused) -> bool:
    """Whether the server does not know the path of the request."""
    return refused.status == _NOT_FOUND and _NO_ROOM not in refused.text


async def explain_refusal(
    refused: UpgradeRefused,
    url: SignalUrl,
    validate: str,
    token: str,
    *,
    seconds: float,
    http: httpx.AsyncClient | None,
    ssl_context: ssl.SSLContext | None,
    connect: StreamOpener,
) -> ConnectError:
    """Find the exception to raise for a refused upgrade.

    Args:
        refused: What the server answered.
        url: Where.
        validate: Path and query of the ``validate`` endpoint.
        token: The access token.
        seconds: How long asking it may take.
        http: The client to ask with; None makes one.
        ssl_context: For TLS; None stands for the default.
        connect: Opens the byte stream.
    """
    await trio.lowlevel.checkpoint()
    status, text = refused.status, refused.text
    if status is None or not text.strip() or is_unknown_path(refused):
        asked = None
        with trio.move_on_after(seconds):
            if http is not None:
                asked = await _get(http, url.http(validate), token)
            else:
                asked = await _ask(url, validate, token, ssl_context, connect)
        if asked is not None and asked[0] >= _FIRST_ERROR:
            status, text = asked
        elif asked is not None and asked[1].strip() == "success":
            return ServerUnreachable(
                f"the LiveKit server at {url.place} would take the join, but the WebSocket did "
                f"not open ({_http(status)}); a proxy on the way may not let WebSockets through"
            )
    return _error_of(status, _line(_without(token, text)), url)


async def _ask(
    url: SignalUrl,
    validate: str,
    token: str,
    context: ssl.SSLContext | None,
    connect: StreamOpener,
) -> tuple[int, str] | None:
    import httpx

    from lktrio.net.http import NetworkTransport

    if url.secure and context is None:
        context = ssl.create_default_context()
    async with httpx.AsyncClient(transport=NetworkTransport(connect, context)) as client:
        return await _get(client, url.http(validate), token)


async def _get(http: httpx.AsyncClient, address: str, token: str) -> tuple[int, str] | None:
    import httpx

    headers = {"Authorization": f"Bearer {token}"}
    status, body = None, b""
    # Cancelled rather than left early: leaving a loop over httpx' generators leaves them open.
    with trio.CancelScope() as enough:
        try:
            async with http.stream("GET", address, headers=headers, follow_redirects=False) as got:
                status = got.status_code
                async for chunk in got.aiter_bytes():
                    body += chunk[:_MAX_ANSWER]
                    if len(body) > _MAX_ANSWER:
                        enough.cancel()
        except httpx.HTTPError:
            status = None
    await trio.lowlevel.checkpoint()
    return None if status is None else (status, body.decode("utf-8", "replace"))


def _without(token: str, text: str) -> str:
    """The text without our token, which LiveKit's server repeats; a secret until it expires."""
    return text.replace(token, "...") if token.count(".") == _JWT_DOTS else text


def _line(text: str) -> str:
    """The text as one line that can stand in a message."""
    line = " ".join(text.split())
    return "".join(filter(str.isprintable, line))[:_MAX_TEXT]


def _http(status: int | None) -> str:
    return "no HTTP answer" if status is None else f"HTTP {status}"


def _error_of(status: int | None, text: str, url: SignalUrl) -> ConnectError:
    said = f": {text}" if text else ""
    if status is None:
        return ServerUnreachable(
            f"{url.place} took the connection but does not speak HTTP; check the port, and "
            f"whether the URL should start with {'ws' if url.secure else 'wss'}://"
        )
    if status in _BAD_TOKEN:
        return AuthenticationFailed(
            f"the server at {url.place} refused the token ({status}){said}; check that its API "
            "key and secret are the server's, that it has not expired, and its grants"
        )
    if "HTTPS" in text and not url.secure:
        return ServerUnreachable(f"{url.place} expects TLS{said}; use wss://")
    if status < _FIRST_ERROR or (status == _NOT_FOUND and _NO_ROOM not in text):
        return ServerUnreachable(
            f"what answers at {url.http(url.path or '/')} is not a LiveKit server (HTTP {status})"
        )
    advice = "".join(f"; {advice}" for known, advice in _ADVICE.items() if known in text)
    return JoinRejected(
        f"the server at {url.place} refused the join ({status}){said}{advice}", status=status
    )
