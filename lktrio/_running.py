"""The check that trio runs, for functions that need it.

Without it, code that another event loop runs (asyncio's, curio's) fails in the depths, or waits for
ever, and nothing tells why.
"""

from __future__ import annotations

import sys

import trio

__all__ = ["require_trio"]


def require_trio(what: str) -> None:
    """Make sure that the calling function runs in a task of trio.

    Args:
        what: What needs trio, such as ``open_room()``: the beginning of the error's message.

    Raises:
        RuntimeError: It does not; the message says what to do.
    """
    if not trio.lowlevel.in_trio_task():
        raise RuntimeError(f"{what} needs trio, and {_found()}")


def _found() -> str:
    # Looked up, never imported: nothing here loads it, and without it nobody runs it.
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            return "asyncio runs this: start the program with trio.run() in place of asyncio.run()"
    return "no trio runs: call it in an async function that trio.run() started"
