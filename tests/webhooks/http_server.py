"""ASGI applications under hypercorn's trio worker, on a loopback port of the system's choice."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

hypercorn = pytest.importorskip("hypercorn", reason="hypercorn is not installed")
hypercorn_trio = pytest.importorskip("hypercorn.trio")


@asynccontextmanager
async def serve(app: Any, *, keep_alive: float = 5) -> AsyncGenerator[str, None]:
    """The URL, without a slash at the end, at which an application is served.

    The server keeps a connection for the seconds of ``keep_alive``, also when the client has gone.
    """
    config: Any = hypercorn.Config()
    config.bind = ["127.0.0.1:0"]
    config.graceful_timeout = 0
    config.keep_alive_timeout = keep_alive
    config.errorlog = logging.getLogger("hypercorn")
    stop = trio.Event()
    async with trio.open_nursery() as nursery:

        async def run(*, task_status: trio.TaskStatus[list[str]]) -> None:
            await hypercorn_trio.serve(
                app, config, shutdown_trigger=stop.wait, task_status=task_status, mode="asgi"
            )

        binds: list[str] = await nursery.start(run)
        try:
            yield binds[0]
        finally:
            stop.set()
