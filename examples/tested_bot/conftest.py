"""The fixtures of lktrio; see lktrio.testing.pytest_plugin."""

from __future__ import annotations

pytest_plugins = ["lktrio.testing.pytest_plugin"]
