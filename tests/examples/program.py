"""Running the example programs as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from lktrio.devserver import DevServer

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 60.0
"""Seconds that anything here may take: starting Python takes some on a busy machine."""


def command(name: str, *words: str) -> list[str]:
    return [sys.executable, "-W", "error", str(EXAMPLES / name), *words]


def environment(server: DevServer) -> dict[str, str]:
    return {
        **os.environ,
        "LIVEKIT_URL": server.url,
        "LIVEKIT_API_KEY": server.api_key,
        "LIVEKIT_API_SECRET": server.api_secret,
    }


class Program:
    """A running example."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self._pending = b""

    async def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        with trio.fail_after(PATIENCE):
            while b"\n" not in self._pending:
                more = await self.process.stdout.receive_some()
                assert more, "the program has ended"
                self._pending += more
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode()

    async def rest(self) -> list[str]:
        """What it prints until its end."""
        assert self.process.stdout is not None
        with trio.fail_after(PATIENCE):
            async for more in self.process.stdout:
                self._pending += more
        return self._pending.decode().splitlines()


@asynccontextmanager
async def running(server: DevServer, name: str, *words: str) -> AsyncGenerator[Program, None]:
    """An example as a process; it must end by itself, and well, after the block."""
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            lambda task_status: trio.run_process(
                command(name, *words),
                env=environment(server),
                stdout=subprocess.PIPE,
                check=True,
                task_status=task_status,
            )
        )
        with trio.fail_after(PATIENCE):
            yield Program(process)
            await process.wait()
