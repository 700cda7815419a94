"""The events of a room; see ``Room.events``."""

from __future__ import annotations

from lktrio.room.state.events import *  # noqa: F403 - the same names in a shorter place
from lktrio.room.state.events import __all__ as __all__
