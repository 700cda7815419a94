"""The life of an association as a table (RFC 9260 section 4).

::

    state               what may happen, and the state that follows
    NEW                 START -> COOKIE_WAIT          COOKIE -> ESTABLISHED
    COOKIE_WAIT         INIT_ACK -> COOKIE_ECHOED     COOKIE -> ESTABLISHED
    COOKIE_ECHOED       COOKIE_ACK -> ESTABLISHED     COOKIE -> ESTABLISHED
    ESTABLISHED         CLOSE -> SHUTDOWN_PENDING     SHUTDOWN -> SHUTDOWN_RECEIVED
    SHUTDOWN_PENDING    DRAINED -> SHUTDOWN_SENT      SHUTDOWN -> SHUTDOWN_RECEIVED
    SHUTDOWN_SENT       SHUTDOWN -> SHUTDOWN_ACK_SENT SHUTDOWN_ACK -> CLOSED
    SHUTDOWN_RECEIVED   DRAINED -> SHUTDOWN_ACK_SENT
    SHUTDOWN_ACK_SENT   SHUTDOWN_ACK -> CLOSED        SHUTDOWN_COMPLETE -> CLOSED
    CLOSED              nothing; an ABORT or a peer that is gone leads here from everywhere

RFC 9260 calls both the first and the last state CLOSED; an association is used once, so they are
told apart. Chunks that a state has no use for change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

__all__ = [
    "ACCEPTING",
    "ACTIVE",
    "ENDING",
    "RECEIVING",
    "SENDING",
    "TRANSITIONS",
    "SctpState",
    "Step",
]


class SctpState(Enum):
    """State of an association."""

    NEW = auto()
    COOKIE_WAIT = auto()
    COOKIE_ECHOED = auto()
    ESTABLISHED = auto()
    SHUTDOWN_PENDING = auto()
    SHUTDOWN_SENT = auto()
    SHUTDOWN_RECEIVED = auto()
    SHUTDOWN_ACK_SENT = auto()
    CLOSED = auto()


class Step(Enum):
    """What leads from one state to another."""

    START = auto()
    """DTLS is up: INIT is sent."""
    INIT_ACK = auto()
    """The peer answered INIT; its cookie is echoed."""
    COOKIE = auto()
    """The peer echoed our cookie."""
    COOKIE_ACK = auto()
    """The peer took its cookie, or sends data, which says the same."""
    CLOSE = auto()
    """The user wants to end."""
    DRAINED = auto()
    """Everything queued was delivered and acknowledged."""
    SHUTDOWN = auto()
    """The peer has everything and wants to end."""
    SHUTDOWN_ACK = auto()
    """The peer has everything and sends no more."""
    SHUTDOWN_COMPLETE = auto()
    """The peer has ended."""


_S = SctpState
TRANSITIONS: Final[Mapping[SctpState, Mapping[Step, SctpState]]] = {
    _S.NEW: {Step.START: _S.COOKIE_WAIT, Step.COOKIE: _S.ESTABLISHED},
    _S.COOKIE_WAIT: {Step.INIT_ACK: _S.COOKIE_ECHOED, Step.COOKIE: _S.ESTABLISHED},
    _S.COOKIE_ECHOED: {Step.COOKIE_ACK: _S.ESTABLISHED, Step.COOKIE: _S.ESTABLISHED},
    _S.ESTABLISHED: {Step.CLOSE: _S.SHUTDOWN_PENDING, Step.SHUTDOWN: _S.SHUTDOWN_RECEIVED},
    _S.SHUTDOWN_PENDING: {Step.DRAINED: _S.SHUTDOWN_SENT, Step.SHUTDOWN: _S.SHUTDOWN_RECEIVED},
    _S.SHUTDOWN_SENT: {Step.SHUTDOWN: _S.SHUTDOWN_ACK_SENT, Step.SHUTDOWN_ACK: _S.CLOSED},
    _S.SHUTDOWN_RECEIVED: {Step.DRAINED: _S.SHUTDOWN_ACK_SENT},
    _S.SHUTDOWN_ACK_SENT: {Step.SHUTDOWN_ACK: _S.CLOSED, Step.SHUTDOWN_COMPLETE: _S.CLOSED},
    _S.CLOSED: {},
}
"""The state that follows, by state and step; a step that is not there has no effect."""

ACCEPTING: Final = frozenset((_S.NEW, _S.COOKIE_WAIT, _S.COOKIE_ECHOED, _S.ESTABLISHED))
"""States in which the user may queue messages."""

SENDING: Final = frozenset((_S.ESTABLISHED, _S.SHUTDOWN_PENDING, _S.SHUTDOWN_RECEIVED))
"""States in which data is transmitted."""

RECEIVING: Final = frozenset((_S.ESTABLISHED, _S.SHUTDOWN_PENDING, _S.SHUTDOWN_SENT))
"""States in which data is taken."""

ENDING: Final = frozenset((_S.SHUTDOWN_PENDING, _S.SHUTDOWN_RECEIVED))
"""States that wait for the last data to be acknowledged."""

ACTIVE: Final = SENDING | RECEIVING | {_S.SHUTDOWN_ACK_SENT}
"""States after the handshake."""
