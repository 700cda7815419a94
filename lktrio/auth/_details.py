"""What a program may pass for a token, and the connection details that come of it."""

from __future__ import annotations

import trio

from lktrio._running import require_trio
from lktrio.auth._sources import ConnectionDetails, TokenSource
from lktrio.auth._tokens import AccessToken

__all__ = ["ParticipantToken", "connection_details"]

ParticipantToken = str | AccessToken | TokenSource
"""A signed token, one to sign with the key and secret of the environment, or a source of tokens."""


async def connection_details(
    url: str, token: ParticipantToken, *, renew: bool = False
) -> ConnectionDetails:
    """Where to connect with which signed token.

    White space around URL and token, such as the line end of a file, is taken away. Cancelled while
    a source fetches, the source stays as it was.

    Args:
        url: The server's; empty for what a token source says.
        token: A signed token; an `AccessToken`, which is signed with ``LIVEKIT_API_KEY`` and
            ``LIVEKIT_API_SECRET``; or a `TokenSource`, which is asked.
        renew: Whether a source must not return what it has cached.

    Raises:
        TokenError: The source has no token.
        ValueError: The text cannot be a token, the `AccessToken` cannot be signed (without key or
            secret, for instance), or it is none of the three.
        RuntimeError: Trio does not run.
    """
    require_trio("connecting")
    if isinstance(token, TokenSource):
        details = await token.fetch(force=renew)
        url, signed = url or details.server_url, details.participant_token
    else:
        await trio.lowlevel.checkpoint()
        signed = token.to_jwt() if isinstance(token, AccessToken) else token
    # Callers may be untyped, and what os.environ.get() does not find is None.
    if not isinstance(signed, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(
            "the token is a str, as AccessToken.to_jwt() returns it, an AccessToken or a "
            f"TokenSource, not {type(signed).__name__}"
        )
    signed = signed.strip()
    if not signed or not signed.isascii() or not signed.isprintable() or " " in signed:
        raise ValueError("the token is not a JWT: pass what AccessToken.to_jwt() returned")
    return ConnectionDetails(server_url=_stripped(url), participant_token=signed)


def _stripped(url: object) -> str:
    if not isinstance(url, str):
        raise ValueError(f"{url!r} is not a LiveKit URL: pass one like wss://example.com")
    return url.strip()
