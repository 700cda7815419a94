"""How far a session in a room is, and what the loss of its link leads to.

A session has one *link* with the server at a time: signalling, and one or two peer connections. A
link that is lost is replaced, in one of two ways. A *resume* keeps the peer connections and the
session of the server, over new signalling. A *restart* is a new join.

==============  ===============================================  ===============================
state           entered when                                     left for
==============  ===============================================  ===============================
``JOINING``     the first join begins                            ``CONNECTED``, ``ENDED``
``CONNECTED``   media can flow                                   ``RESUMING``, ``RESTARTING``,
                                                                 ``ENDED``
``RESUMING``    signalling or media are lost, or the server      ``CONNECTED``, ``RESTARTING``,
                asks for it (``leave`` with RESUME)              ``ENDED``
``RESTARTING``  a resume was refused or is not allowed, the      ``CONNECTED``, ``ENDED``
                descriptions of the connections went wrong, or
                the server asks for it (RECONNECT)
``ENDED``       we leave, are sent away, or have given up        never
==============  ===============================================  ===============================
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from lktrio import proto
from lktrio._regions import urls_of
from lktrio.errors import AuthenticationFailed, JoinRejected, LiveKitError, ServerUnreachable
from lktrio.room.options import ReconnectPolicy
from lktrio.room.state.enums import DisconnectReason, ReconnectKind
from lktrio.signal import LeaveReceived

__all__ = [
    "LinkLoss",
    "SessionState",
    "loss_by_leave",
    "may_join_again",
    "may_resume_again",
    "signal_loss",
]


class SessionState(enum.Enum):
    """See the table above."""

    JOINING = enum.auto()
    CONNECTED = enum.auto()
    RESUMING = enum.auto()
    RESTARTING = enum.auto()
    ENDED = enum.auto()

    def may_become(self, state: SessionState) -> bool:
        """Whether the other state may follow."""
        return state in _NEXT[self]


_NEXT = {
    SessionState.JOINING: {SessionState.CONNECTED, SessionState.ENDED},
    SessionState.CONNECTED: {SessionState.RESUMING, SessionState.RESTARTING, SessionState.ENDED},
    SessionState.RESUMING: {
        SessionState.CONNECTED,
        SessionState.RESUMING,  # a further try
        SessionState.RESTARTING,
        SessionState.ENDED,
    },
    SessionState.RESTARTING: {
        SessionState.CONNECTED,
        SessionState.RESTARTING,
        SessionState.ENDED,
    },
    SessionState.ENDED: set[SessionState](),
}


@dataclass(frozen=True, slots=True)
class LinkLoss:
    """Why a link works no more, and what is to be done."""

    kind: ReconnectKind | None
    """In which way it may be replaced; None: not at all."""
    reason: DisconnectReason
    """Why the room ends, if it does."""
    error: LiveKitError
    """What happened, for people."""
    resume_reason: proto.ReconnectReason = proto.ReconnectReason.RR_UNKNOWN
    """What the server is told of it."""

    asked: bool = False
    """Whether the server asks for the replacement: then at once."""
    urls: tuple[str, ...] = ()
    """Where the server wants us to come back, the best first; empty if it does not say."""
    can_reconnect: bool = False
    """Whether it makes sense to join again once the room has ended."""

    def allowed_by(self, policy: ReconnectPolicy | None) -> LinkLoss:
        """The same with what is left to be done when a policy is kept to."""
        kind = self.kind if policy is not None else None
        if policy is not None:
            if kind is ReconnectKind.RESUME and not policy.resume:
                kind = ReconnectKind.RESTART
            if kind is ReconnectKind.RESTART and not policy.restart:
                kind = None
        comes_back = self.can_reconnect or self.kind is not None
        return replace(self, kind=kind, can_reconnect=comes_back)

    def restart(self) -> LinkLoss:
        """The same, when a resume is not possible."""
        return self if self.kind is None else replace(self, kind=ReconnectKind.RESTART)

    def because(self, error: LiveKitError) -> LinkLoss:
        """The same, with what went wrong since."""
        return replace(self, error=error)

    def final(self) -> LinkLoss:
        """The same, when no further try is made."""
        return replace(self, kind=None, can_reconnect=True)


def signal_loss(why: object) -> LinkLoss:
    """The connection for signalling was lost, without a word of the server."""
    message = f"the connection to the server was lost ({why})"
    return LinkLoss(
        ReconnectKind.RESUME,
        DisconnectReason.SIGNAL_CLOSE,
        ServerUnreachable(message),
        proto.ReconnectReason.RR_SIGNAL_DISCONNECTED,
    )


_SERVER_ERRORS = 500  # HTTP statuses from here on: it is the server that failed

_ACTIONS = {
    proto.LeaveRequest.Action.RESUME: ReconnectKind.RESUME,
    proto.LeaveRequest.Action.RECONNECT: ReconnectKind.RESTART,
}


def loss_by_leave(leave: proto.LeaveRequest) -> LinkLoss:
    """The server has sent ``leave``: what it wants of us."""
    reason = DisconnectReason.from_proto(leave.reason)
    kind = _ACTIONS.get(leave.action)
    if kind is None and leave.can_reconnect:  # what servers said before there were actions
        kind = ReconnectKind.RESTART
    asks = "" if kind is None else f", and asks for a {kind}"
    error = JoinRejected(f"the server sent us away ({reason}){asks}")
    regions = urls_of(leave.regions) if leave.regions is not None else []
    urls = tuple(f"ws{url.removeprefix('http')}" for url in regions)
    return LinkLoss(kind, reason, error, asked=kind is not None, urls=urls)


def may_join_again(error: LiveKitError) -> bool:
    """Whether a further join may succeed where one has failed."""
    if isinstance(error, LeaveReceived):
        return error.leave.action != proto.LeaveRequest.Action.DISCONNECT
    return not isinstance(error, AuthenticationFailed)


def may_resume_again(error: LiveKitError) -> bool:
    """Whether the session may still be there although the server has refused a resume.

    It may when the server hung up or failed: that says nothing about the session.
    """
    if isinstance(error, LeaveReceived) or not isinstance(error, JoinRejected):
        return False
    return error.status is None or error.status >= _SERVER_ERRORS
