"""The life of a participant's session, as a table of states.

A session outlives its signalling links and, for some seconds, its peer connections. What happens to
it moves it from state to state as `_TRANSITIONS` says; what the table does not list changes
nothing. In some states a session only waits: `_TIMEOUTS` says for how long.
"""

from __future__ import annotations

import enum
import math

__all__ = ["Happening", "Lifecycle", "State"]


class State(enum.Enum):
    """Where a session is in its life."""

    JOINING = enum.auto()
    """It is made, and its client was told nothing yet."""
    JOINED = enum.auto()
    """Its client has the join response; the primary peer connection is not up yet."""
    ACTIVE = enum.auto()
    """Its peer connections are up."""
    SILENT = enum.auto()
    """Nothing arrives on one of its peer connections any more."""
    LOST = enum.auto()
    """A peer connection is lost. The client was told to resume the session."""
    RESUMING = enum.auto()
    """The client has come back on another link, and has to bring up its peer connection."""
    LEAVING = enum.auto()
    """The client closed a peer connection; a leave or the end of its link is to follow."""
    ENDED = enum.auto()
    """It is over."""


class Happening(enum.Enum):
    """What moves a session."""

    WELCOMED = enum.auto()
    """The join response was sent."""
    CONNECTED = enum.auto()
    """A peer connection is up, and the primary one is or was."""
    SILENCE = enum.auto()
    """Nothing arrived on a peer connection for a while."""
    FAILURE = enum.auto()
    """A peer connection found no path any more."""
    HANGUP = enum.auto()
    """The client closed a peer connection."""
    RESUMPTION = enum.auto()
    """The client came back on another link."""
    EXPIRY = enum.auto()
    """The time that the state may last is over."""
    END = enum.auto()
    """The session was ended: by its client, by the server, or by an error."""


_TRANSITIONS: dict[State, dict[Happening, State]] = {
    State.JOINING: {
        Happening.WELCOMED: State.JOINED,
        Happening.EXPIRY: State.ENDED,
    },
    State.JOINED: {
        Happening.CONNECTED: State.ACTIVE,
        Happening.FAILURE: State.LOST,
        Happening.HANGUP: State.LEAVING,
        Happening.EXPIRY: State.ENDED,
    },
    State.ACTIVE: {
        Happening.SILENCE: State.SILENT,
        Happening.FAILURE: State.LOST,
        Happening.HANGUP: State.LEAVING,
    },
    State.SILENT: {
        Happening.CONNECTED: State.ACTIVE,
        Happening.FAILURE: State.LOST,
        Happening.HANGUP: State.LEAVING,
        Happening.RESUMPTION: State.RESUMING,
        Happening.EXPIRY: State.LOST,
    },
    State.LOST: {
        Happening.CONNECTED: State.ACTIVE,
        Happening.RESUMPTION: State.RESUMING,
        Happening.EXPIRY: State.ENDED,
    },
    State.RESUMING: {
        Happening.CONNECTED: State.ACTIVE,
        Happening.FAILURE: State.LOST,
        Happening.HANGUP: State.LEAVING,
        Happening.EXPIRY: State.ENDED,
    },
    State.LEAVING: {
        Happening.CONNECTED: State.ACTIVE,
        Happening.RESUMPTION: State.RESUMING,
        Happening.EXPIRY: State.ENDED,
    },
    State.ENDED: {},
}

_TIMEOUTS: dict[State, float] = {
    State.JOINING: 60.0,
    State.JOINED: 60.0,
    State.SILENT: 5.0,
    State.LOST: 5.0,
    State.RESUMING: 60.0,
    State.LEAVING: 5.0,
}
"""Seconds for which a session stays in a state; what is not listed may last for ever."""


class Lifecycle:
    """Where one session is in its life.

    Args:
        now: When it begins.

    Attributes:
        state: Where it is.
        was_active: Whether it has been active, at any time.
    """

    def __init__(self, now: float) -> None:
        self.state = State.JOINING
        self.was_active = False
        self._expires = now + _TIMEOUTS[State.JOINING]

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state is State.ENDED

    def is_expired(self, now: float) -> bool:
        """Whether the present state has lasted as long as it may."""
        return now >= self._expires

    def advance(self, happening: Happening, now: float) -> State | None:
        """Let something happen; the state that begins with it, None if it changes nothing."""
        following = _TRANSITIONS[self.state].get(happening)
        if happening is Happening.END and not self.ended:
            following = State.ENDED
        if following is None:
            return None
        if self.state is State.JOINING and following is State.JOINED:
            self.state = following  # which shares the time that joining may take
            return following
        self.state = following
        self.was_active = self.was_active or following is State.ACTIVE
        self._expires = now + _TIMEOUTS.get(following, math.inf)
        return following
