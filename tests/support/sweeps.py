"""Which part of the long sweeps over cancellations a process does.

A sweep over a whole session joins a room some hundred times. What it finds does not depend on the
Python, so each Python does a part, and together they do all of it.
"""

from __future__ import annotations

import os
import sys

_VARIABLE = "LKTRIO_SWEEP"
_PARTS = 3


def _part() -> tuple[int, int]:
    """What the environment says, as ``2/3``, and otherwise a part by this Python's version."""
    text = os.environ.get(_VARIABLE) or f"{sys.version_info.minor % _PARTS + 1}/{_PARTS}"
    first, _, parts = text.partition("/")
    return int(first), int(parts)


PART = _part()
"""For the argument ``part`` of `lktrio.testing.cancel_at_every_checkpoint`."""
