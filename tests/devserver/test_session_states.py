"""A session goes through the states that its table has, and through no others."""

from __future__ import annotations

from lktrio.devserver.lifecycle import Happening, Lifecycle, State

H = Happening

PATHS: dict[str, tuple[list[H], State]] = {
    "joined": ([H.WELCOMED], State.JOINED),
    "silence before the connection is up": ([H.WELCOMED, H.SILENCE], State.JOINED),
    "active": ([H.WELCOMED, H.CONNECTED], State.ACTIVE),
    "never connected": ([H.WELCOMED, H.EXPIRY], State.ENDED),
    "silent": ([H.WELCOMED, H.CONNECTED, H.SILENCE], State.SILENT),
    "heard again": ([H.WELCOMED, H.CONNECTED, H.SILENCE, H.CONNECTED], State.ACTIVE),
    "silent too long": ([H.WELCOMED, H.CONNECTED, H.SILENCE, H.EXPIRY], State.LOST),
    "no path": ([H.WELCOMED, H.CONNECTED, H.FAILURE], State.LOST),
    "back": ([H.WELCOMED, H.CONNECTED, H.FAILURE, H.RESUMPTION, H.CONNECTED], State.ACTIVE),
    "not back": ([H.WELCOMED, H.CONNECTED, H.FAILURE, H.EXPIRY], State.ENDED),
    "another link while all is well": ([H.WELCOMED, H.CONNECTED, H.RESUMPTION], State.ACTIVE),
    "hung up": ([H.WELCOMED, H.CONNECTED, H.HANGUP], State.LEAVING),
    "hung up, then left": ([H.WELCOMED, H.CONNECTED, H.HANGUP, H.END], State.ENDED),
    "nothing follows the end": ([H.WELCOMED, H.END, H.CONNECTED, H.RESUMPTION], State.ENDED),
}


def test_what_happens_leads_where_the_table_says() -> None:
    for case, (happenings, state) in PATHS.items():
        life = Lifecycle(0.0)
        for happening in happenings:
            life.advance(happening, 1.0)
        assert life.state is state, case
        assert life.was_active == (H.CONNECTED in happenings[:2]), case


def test_only_changes_are_told() -> None:
    life = Lifecycle(0.0)
    assert life.advance(H.CONNECTED, 0.0) is None
    assert life.advance(H.WELCOMED, 0.0) is State.JOINED
    assert life.advance(H.CONNECTED, 0.0) is State.ACTIVE
    assert life.advance(H.CONNECTED, 0.0) is None
    assert life.advance(H.END, 0.0) is State.ENDED
    assert life.advance(H.END, 0.0) is None


def test_joining_is_given_a_minute_and_coming_back_five_seconds() -> None:
    life = Lifecycle(100.0)
    life.advance(H.WELCOMED, 130.0)
    assert not life.is_expired(159.9)
    assert life.is_expired(160.0)
    life.advance(H.CONNECTED, 150.0)
    assert not life.is_expired(1e9)
    life.advance(H.FAILURE, 200.0)
    assert not life.is_expired(204.9)
    assert life.is_expired(205.0)
