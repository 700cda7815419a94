"""Tokens need neither an HTTP client nor protocol messages."""

from __future__ import annotations

import subprocess
import sys


def test_making_and_verifying_a_token_loads_little() -> None:
    program = (
        "import sys; from lktrio.auth import *;"
        "video = VideoGrants(room_join=True, room='r');"
        "t = AccessToken(identity='b', video=video).to_jwt('k', 's');"
        "verify_token(t, ('k', 's'));"
        "print([m for m in ('httpx', 'betterproto2', 'lktrio.proto') if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert loaded == "[]\n"
