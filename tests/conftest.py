"""Settings for every test."""

from __future__ import annotations

import gc
import inspect
import os
import signal

import pytest
from hypothesis import settings

from lktrio.testing import run_in_virtual_time

# A shared machine is slow at times, which says nothing about a single example. What continuous
# integration checks is the same for the same code; elsewhere every run looks at new examples, and
# ``pytest --hypothesis-profile=deep`` at many.
settings.register_profile("lktrio", deadline=None, max_examples=40)
settings.register_profile("ci", settings.get_profile("lktrio"), derandomize=True, database=None)
settings.register_profile("deep", deadline=None, max_examples=2_000)
settings.load_profile("ci" if os.environ.get("CI") else "lktrio")

# A shell that runs the tests in the background has the signal of Ctrl-C ignored, in the programs
# that they start as well. Some tests press Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Run what is marked ``virtual_time`` under a clock that jumps; not with a real server."""
    function = getattr(item, "function", None)
    if item.get_closest_marker("virtual_time") is None or not inspect.iscoroutinefunction(function):
        return
    if item.get_closest_marker("livekit_server") is not None:
        return
    item.add_marker(pytest.mark.trio(run=run_in_virtual_time), append=False)


def pytest_collection_finish() -> None:
    """Keep what was imported out of garbage collections, which would go through it again and again.

    They are a sixth of the time of the tests otherwise: half a million objects live as long as the
    process, and a sweep over cancellations collects after each run of an operation.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
