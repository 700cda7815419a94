"""Time that passes only when every task waits for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio
import trio.testing

__all__ = ["run_in_virtual_time"]


def run_in_virtual_time(function: Callable[..., Awaitable[Any]], **options: Any) -> Any:
    """``trio.run`` with a clock that jumps to the next deadline whenever all tasks wait."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    return trio.run(function, **{**options, "clock": clock})
