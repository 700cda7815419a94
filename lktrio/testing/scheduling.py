"""Making the order of tasks repeatable.

trio runs tasks that are ready at the same time in a random order, on purpose, and has a switch for
tests that need the same order each time (Hypothesis and pytest-trio throw it as well).
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["make_scheduling_repeatable"]


def make_scheduling_repeatable(seed: int) -> None:
    """Let trio choose the order of tasks from this seed on, in this process."""
    run: Any = importlib.import_module("trio._core._run")  # where the switch is
    run._ALLOW_DETERMINISTIC_SCHEDULING = True  # noqa: SLF001
    run._r.seed(seed)  # noqa: SLF001
