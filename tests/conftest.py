"""Settings for every test."""

from __future__ import annotations

import os

from hypothesis import settings

# A shared machine is slow at times, which says nothing about a single example. What continuous
# integration checks is the same for the same code; elsewhere every run looks at new examples.
settings.register_profile("lktrio", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "lktrio")
