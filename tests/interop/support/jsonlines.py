"""The child's side of the conversation: asyncio, commands in, reports out."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["report", "serve_commands"]


def report(event: str, **values: Any) -> None:
    """Tell the test something."""
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


async def serve_commands(handle: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Carry out one command after the other until the input ends."""
    reader = asyncio.StreamReader(limit=2**20)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await reader.readline():
        await handle(json.loads(line))
