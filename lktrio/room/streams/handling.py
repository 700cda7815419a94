"""Handlers of streams, each in a task of its own."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from lktrio._text import printable
from lktrio.errors import LiveKitError
from lktrio.room.streams.reader import ByteStreamReader, TextStreamReader
from lktrio.room.streams.serving import StreamChannel

__all__ = ["MAX_HANDLERS", "handle_streams"]

_log = logging.getLogger("lktrio.room")

MAX_HANDLERS = 64
"""Handlers of one topic at once."""

R = TypeVar("R", bound="TextStreamReader | ByteStreamReader")


async def handle_streams(
    streams: StreamChannel[R], handler: Callable[[R], Awaitable[object]]
) -> None:
    """Call a handler for every stream, until the room has ended."""
    limit = trio.Semaphore(MAX_HANDLERS)
    async with trio.open_nursery() as nursery:
        while True:
            await limit.acquire()
            try:
                stream = await streams.receive()
            except trio.EndOfChannel:
                break
            nursery.start_soon(_handle, handler, stream, limit, name="lktrio.room stream handler")


async def _handle(  # noqa: ASYNC910 - a task of its own
    handler: Callable[[R], Awaitable[object]], stream: R, limit: trio.Semaphore
) -> None:
    try:
        await handler(stream)
    except LiveKitError as error:
        _log.info("the handler of a stream gave up: %s", printable(str(error)))
    except Exception:  # noqa: BLE001 - what a handler does wrong ends its stream alone
        _log.exception("the handler of a stream failed")
    finally:
        stream.close()
        limit.release()
