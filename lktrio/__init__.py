"""A trio-native LiveKit SDK in pure Python."""

from __future__ import annotations

from lktrio._version import __version__

__all__ = ["__version__"]
