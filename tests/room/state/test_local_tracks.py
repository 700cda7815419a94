"""The life of the local participant's tracks, and messages that are ahead of it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from lktrio import media, proto
from lktrio.room.state.local import LocalTrackRecord, PublicationState
from lktrio.room.state.local_tracks import LocalTracks
from lktrio.room.state.participant import Participant
from lktrio.room.state.room_state import RoomState

SENDER = cast("Any", None)  # nothing is sent here


def joined() -> tuple[RoomState, LocalTracks]:
    join = proto.JoinResponse(participant=proto.ParticipantInfo(identity="me", sid="PA_me"))
    state = RoomState(join, cast("Any", None), Participant)
    return state, state.local_tracks


def told(state: RoomState, **message: Any) -> list[str]:
    return [type(event).__name__ for event in state.apply(proto.SignalResponse(**message))]


def published(state: RoomState, sid: str = "TR_1") -> tuple[LocalTrackRecord, list[str]]:
    record = state.local_tracks.announce(f"cid {sid}", media.OPUS, muted=False)
    state.local_tracks.publish(record, proto.TrackInfo(sid=sid), SENDER)
    return record, [type(event).__name__ for event in state.take_news()]


def test_a_track_is_published_muted_and_unpublished() -> None:
    state, tracks = joined()
    record, news = published(state)
    assert news == ["LocalTrackPublished"]
    assert state.local.track_publications == {"TR_1": record.view}
    mute = proto.MuteTrackRequest(sid="TR_1", muted=True)
    assert told(state, mute=mute) == ["TrackMuted"]
    assert told(state, mute=mute) == []
    assert record.view.muted
    assert tracks.unpublish(record)
    assert not tracks.unpublish(record)
    assert [type(event).__name__ for event in state.take_news()] == ["LocalTrackUnpublished"]
    assert record.state is PublicationState.UNPUBLISHED
    assert not state.local.track_publications
    assert told(state, mute=mute) == []


def test_the_server_takes_a_track_away() -> None:
    state, _ = joined()
    record, _ = published(state)
    gone = proto.TrackUnpublishedResponse(track_sid="TR_1")
    assert told(state, track_unpublished=gone) == ["LocalTrackUnpublished"]
    assert record.state is PublicationState.REMOVED
    assert told(state, track_unpublished=gone) == []


def test_what_is_said_of_a_track_before_it_is_published_follows_then() -> None:
    state, tracks = joined()
    record = tracks.announce("cid", media.OPUS, muted=False)
    assert tracks.announced == 1
    assert told(state, track_subscribed=proto.TrackSubscribed(track_sid="TR_1")) == []
    for number in range(100):  # bounded
        assert told(state, track_subscribed=proto.TrackSubscribed(track_sid=f"TR_no{number}")) == []
    tracks.publish(record, proto.TrackInfo(sid="TR_1"), SENDER)
    news = [type(event).__name__ for event in state.take_news()]
    assert news == ["LocalTrackPublished", "LocalTrackSubscribed"]
    assert tracks.announced == 0
    assert told(state, track_subscribed=proto.TrackSubscribed(track_sid="TR_2")) == []
    _, news = published(state, "TR_2")
    assert news == ["LocalTrackPublished"]  # nobody was about to publish then


def test_a_track_cannot_come_back() -> None:
    state, tracks = joined()
    record, _ = published(state)
    tracks.unpublish(record)
    with pytest.raises(AssertionError, match="UNPUBLISHED"):
        tracks.publish(record, proto.TrackInfo(sid="TR_1"), SENDER)
