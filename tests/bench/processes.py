"""Sides that are processes of their own: what they find is the last line that they print."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import trio

__all__ = ["Background", "answer", "background", "in_asyncio", "in_trio", "measure", "resident_mib"]

PATIENCE = 120
Side = Callable[..., Any]


def measure(module: str, side: str, *arguments: str) -> Any:
    """Run one side of a module of this folder, and give what it finds."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{module}", side, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    return json.loads(done.stdout.splitlines()[-1])


def answer(sides: Mapping[str, Side]) -> NoReturn:
    """In the process of a side: run it, and print what it finds."""
    print(json.dumps(sides[sys.argv[1]](*sys.argv[2:])), flush=True)
    os._exit(0)  # the threads of LiveKit's SDK have no end of their own


def in_trio(work: Callable[..., Coroutine[Any, Any, Any]]) -> Side:
    return lambda *arguments: trio.run(work, *arguments)


def in_asyncio(work: Callable[..., Coroutine[Any, Any, Any]]) -> Side:
    return lambda *arguments: asyncio.run(asyncio.wait_for(work(*arguments), PATIENCE))


@dataclass(frozen=True)
class Background:
    """A process, and what it printed first."""

    process: subprocess.Popen[str]
    first_line: str


@contextmanager
def background(module: str, side: str, *arguments: str) -> Generator[Background]:
    """A side that goes on for the time of the block, from the first line that it prints on."""
    command = [sys.executable, "-m", f"tests.bench.{module}", side, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            if not first:
                raise RuntimeError(f"{side} of {module} has ended at once")
            yield Background(process, first)
        finally:
            process.kill()


def resident_mib() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
