"""A program as a child process, talking JSON lines both ways."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from tests.interop.support.reports import Program

__all__ = ["Child", "open_child", "open_program"]

ROOT = Path(__file__).parents[3]
GOODBYE = 10.0
"""Seconds that a child may take to end after its input has ended."""


class Child(Program):
    """The other process: commands go in, reports come out."""

    def __init__(self, name: str, process: trio.Process) -> None:
        super().__init__(name)
        assert process.stdin is not None
        self._process = process
        self._stdin = process.stdin
        self._errors = b""

    async def send_command(self, command: dict[str, Any]) -> None:
        await self._stdin.send_all(json.dumps(command).encode() + b"\n")

    async def read_reports(self) -> None:
        assert self._process.stdout is not None
        buffer = b""
        async for data in self._process.stdout:
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                self.add(json.loads(line))
        await self._process.wait()
        self.end(f"exit code {self._process.returncode}\n{self.errors}")

    async def read_errors(self) -> None:
        assert self._process.stderr is not None
        async for data in self._process.stderr:
            self._errors += data

    @property
    def errors(self) -> str:
        """The last of what it wrote to its standard error."""
        return self._errors[-4000:].decode(errors="replace")

    async def leave(self) -> None:
        """End its input, which asks it to end, and wait until it has."""
        await self._stdin.aclose()
        with trio.move_on_after(GOODBYE):
            await self._process.wait()
            return
        raise AssertionError(f"{self.name} does not end\n{self.tail()}\n{self.errors}")


@asynccontextmanager
async def open_child(module: str, *, name: str = "") -> AsyncGenerator[Child, None]:
    """Run ``tests.interop.support.<module>`` with this interpreter until the block ends."""
    command = [sys.executable, "-m", f"tests.interop.support.{module}"]
    async with open_program(command, name=name or module) as child:
        yield child


@asynccontextmanager
async def open_program(
    command: Sequence[str], *, name: str, env: Mapping[str, str] | None = None
) -> AsyncGenerator[Child, None]:
    """Run a program until the block ends."""
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            lambda task_status: trio.run_process(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=ROOT,
                env=env,
                check=False,
                task_status=task_status,
            )
        )
        child = Child(name, process)
        nursery.start_soon(child.read_reports)
        nursery.start_soon(child.read_errors)
        yield child
        await child.leave()
        nursery.cancel_scope.cancel()
