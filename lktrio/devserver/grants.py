"""Which grants the methods of the server APIs ask for."""

from __future__ import annotations

from lktrio.auth import Claims
from lktrio.devserver.twirp import permissions_denied

__all__ = ["require", "require_admin"]


def require(granted: bool | None) -> None:
    """Refuse who does not have a grant.

    Raises:
        TwirpError: It is not granted.
    """
    if not granted:
        raise permissions_denied()


def require_admin(claims: Claims, room: str) -> None:
    """Refuse who does not administer a room.

    Raises:
        TwirpError: It is not granted, or for another room.
    """
    require(claims.video.room_admin and claims.video.room == room)
