"""Make an access token with which somebody can join a room.

    python make_token.py IDENTITY ROOM

The key that signs it comes from the environment: LIVEKIT_API_KEY and LIVEKIT_API_SECRET.
"""

from __future__ import annotations

import sys
from datetime import timedelta

import lktrio


def make_token(identity: str, room: str) -> str:
    """A token for one hour, one identity and one room."""
    return lktrio.AccessToken(
        identity=identity,
        ttl=timedelta(hours=1),
        video=lktrio.VideoGrants(room_join=True, room=room),
    ).to_jwt()


if __name__ == "__main__":
    print(make_token(*sys.argv[1:]))
