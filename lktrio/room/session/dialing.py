"""Byte streams as the options of a room want them opened."""

from __future__ import annotations

from lktrio.net.proxy import Dialer
from lktrio.room.options import RoomOptions

__all__ = ["dialer_of"]


def dialer_of(options: RoomOptions) -> Dialer:
    """What opens byte streams, perhaps through a proxy."""
    return Dialer(options.network, options.proxy, options.open_tcp_stream, options.ssl_context)
