"""The nursery of background tasks, as signalling and rooms know it: see `lktrio._scope`."""

from __future__ import annotations

from lktrio._scope import first_leaf, open_service_nursery

__all__ = ["first_leaf", "open_service_nursery"]
