"""Recordings of LiveKit's server: what it was asked and what it answered."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SECRET = "secret" * 6
"""What the tokens in the recordings are signed with."""
_DATA = Path(__file__).parents[1] / "data"


def load(name: str) -> Any:
    """A file of recordings."""
    return json.loads((_DATA / name).read_text(encoding="utf-8"))


@contextmanager
def at(date: str) -> Generator[None, None, None]:
    """Let tokens be verified as at the time of a recording."""
    moment = parsedate_to_datetime(date).timestamp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lktrio.auth._tokens.time", SimpleNamespace(time=lambda: moment))
        yield
