"""How much memory keeps growing."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable


def growth(step: Callable[[int], object], *, warm_up: int, steps: int) -> int:
    """Bytes by which memory grows over some steps, after others have filled what has a limit."""
    tracemalloc.start()
    try:
        for number in range(warm_up):
            step(number)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(warm_up, warm_up + steps):
            step(number)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before
