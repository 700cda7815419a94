"""The root of the exception tree, and the errors of protocols, which need no trio.

The protocol core imports them from here: :mod:`lktrio.errors`, where programs find them, loads trio
because the end of a room is one of trio's exceptions.
"""

from __future__ import annotations

__all__ = ["LiveKitError", "LocalProtocolError", "ProtocolError", "RemoteProtocolError"]

_PUBLIC = "lktrio.errors"  # the name that tracebacks show is the one to import


class LiveKitError(Exception):
    """Base of everything that lktrio raises on purpose."""

    __module__ = _PUBLIC


class ProtocolError(LiveKitError):
    """A protocol rule was broken; the subclass says by whom."""

    __module__ = _PUBLIC


class LocalProtocolError(ProtocolError):
    """You asked for something that the protocol does not allow now."""

    __module__ = _PUBLIC


class RemoteProtocolError(ProtocolError):
    """The peer sent something that the protocol does not allow."""

    __module__ = _PUBLIC
