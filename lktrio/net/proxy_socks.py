"""Through a SOCKS proxy, whose protocol is in `lktrio._socks`."""

from __future__ import annotations

import trio

from lktrio._proxies import Proxy
from lktrio._socks import socks_handshake

__all__ = ["connect_through_socks"]


async def connect_through_socks(
    stream: trio.abc.Stream, proxy: Proxy, host: str, port: int
) -> trio.abc.Stream:
    """Ask a SOCKS proxy to connect a stream to a host.

    Args:
        stream: The stream to the proxy; the caller closes it if this fails.
        proxy: The proxy.
        host: Name or address of the server, without brackets.
        port: Its port.

    Returns:
        The stream to the server.

    Raises:
        ProxyFailed: The proxy refuses, or its answer makes no sense.
        trio.BrokenResourceError: The stream broke.
    """
    steps = socks_handshake(proxy, host, port)
    out, size = next(steps)
    while True:
        if out:
            await stream.send_all(out)
        answer = await _read(stream, size)
        try:
            out, size = steps.send(answer)
        except StopIteration:
            return stream


async def _read(stream: trio.abc.Stream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await stream.receive_some(size - len(data))
        if not more:
            raise trio.BrokenResourceError("the end came before the answer")
        data += more
    await trio.lowlevel.checkpoint()
    return data
