"""What messages of the server change, and what they say changed: without tasks, time or network."""

from __future__ import annotations

from typing import Any, cast

from lktrio import events, proto
from lktrio.room import (
    ConnectionState,
    DisconnectReason,
    ParticipantState,
    ReconnectKind,
    RoomContext,
    TrackSource,
)
from lktrio.room.state.participant import Participant
from lktrio.room.state.room_state import RoomState

_State = proto.ParticipantInfo.State


def info(identity: str, *tracks: proto.TrackInfo, **values: Any) -> proto.ParticipantInfo:
    known = {"sid": f"PA_{identity}", "state": _State.ACTIVE, **values}
    return proto.ParticipantInfo(identity=identity, tracks=list(tracks), **known)


def track(sid: str, name: str = "", source: proto.TrackSource | None = None) -> proto.TrackInfo:
    return proto.TrackInfo(sid=sid, name=name, source=source or proto.TrackSource.UNKNOWN)


def joined(*others: proto.ParticipantInfo) -> RoomState:
    join = proto.JoinResponse(
        room=proto.Room(name="one", sid="RM_1"),
        participant=info("me", state=_State.JOINING),
        other_participants=list(others),
    )
    return RoomState(join, cast("Any", None), Participant)  # nothing here asks the server


def names(news: list[events.RoomEvent]) -> list[str]:
    return [type(event).__name__ for event in news]


def update(state: RoomState, *infos: proto.ParticipantInfo) -> list[str]:
    message = proto.ParticipantUpdate(participants=list(infos))
    return names(state.apply(proto.SignalResponse(update=message)))


def test_who_is_there_at_the_join_is_the_snapshot_and_no_news() -> None:
    camera = track("TR_1")
    state = joined(info("bob", camera), info("carol", state=_State.JOINED))
    assert state.take_news() == []
    assert names(list(state.snapshot())) == [
        "ParticipantConnected",
        "ParticipantActive",
        "TrackPublished",
        "ParticipantConnected",
    ]


def test_a_newcomer_who_is_active_already_is_told_to_be() -> None:
    """The server batches its updates, so this is the normal case."""
    state = joined()
    assert update(state, info("bob")) == ["ParticipantConnected", "ParticipantActive"]
    assert update(state, info("carol", state=_State.JOINED)) == ["ParticipantConnected"]
    assert update(state, info("carol")) == ["ParticipantActive"]
    assert state.roster.views["carol"].state is ParticipantState.ACTIVE


def test_publications_are_found_by_source_and_by_name() -> None:
    tracks = [
        track("TR_1", "mic", proto.TrackSource.MICROPHONE),
        track("TR_2", "film", proto.TrackSource.CAMERA),
        track("TR_3", "film", proto.TrackSource.SCREEN_SHARE),
    ]
    bob = joined(info("bob", *tracks)).roster.views["bob"]
    for wanted, sid in [
        ({"source": TrackSource.CAMERA}, "TR_2"),
        ({"source": "Screen_Share"}, "TR_3"),
        ({"name": "film"}, "TR_2"),
        ({"name": "film", "source": "screen_share"}, "TR_3"),
        ({"name": "film", "source": "microphone"}, None),
    ]:
        found = bob.get_track_publication(**cast("Any", wanted))
        assert (found and found.sid) == sid, wanted


def test_moving_to_another_room_replaces_what_is_there() -> None:
    state = joined(info("bob", track("TR_1")))
    moved = proto.RoomMovedResponse(
        room=proto.Room(name="two", sid="RM_2"),
        token="fresh",
        participant=info("me", sid="PA_me2", name="Me"),
        other_participants=[info("carol")],
    )
    told = state.apply(proto.SignalResponse(room_moved=moved))
    assert names(told) == [
        "TrackUnpublished",
        "ParticipantDisconnected",
        "RoomMoved",
        "ParticipantNameChanged",
        "ParticipantActive",
        "ParticipantConnected",
        "ParticipantActive",
        "TokenRefreshed",
    ]
    assert events.RoomMoved("two", "one") in told
    assert (state.info.sid, state.local.sid) == ("RM_2", "PA_me2")
    assert set(state.roster.views) == {"carol"}
    renamed = info("me", sid="PA_me2", name="I", version=1)
    assert update(state, renamed) == ["ParticipantNameChanged"]


def test_kinds_that_are_not_handled_are_counted() -> None:
    state = joined()
    for _ in range(2):
        quality = proto.SubscribedQualityUpdate(track_sid="TR_1")
        assert state.apply(proto.SignalResponse(subscribed_quality_update=quality)) == []
    state.apply(proto.SignalResponse(answer=proto.SessionDescription()))  # the session's
    packet = proto.DataPacket(metrics=proto.MetricsBatch())
    assert state.receive_data(bytes(packet), reliable=True, now=0.0) == []
    assert state.unhandled == {"subscribed_quality_update": 2, "data packet: metrics": 1}


def test_the_end_is_told_once_and_is_all_there_is_to_tell_afterwards() -> None:
    state = joined(info("bob", track("TR_1")))
    states = [state.connection_state]
    state.connected()
    states.append(state.connection_state)
    end = events.Disconnected(DisconnectReason.ROOM_DELETED, can_reconnect=False)
    assert state.end(DisconnectReason.ROOM_DELETED) == [end]
    assert state.end(DisconnectReason.MIGRATION, can_reconnect=True) == []
    states.append(state.connection_state)
    assert states == [
        ConnectionState.CONNECTING,
        ConnectionState.CONNECTED,
        ConnectionState.DISCONNECTED,
    ]
    assert list(state.snapshot()) == [end]


def test_what_others_call_themselves_is_shown_on_one_line() -> None:
    evil = "a\nERROR b\x1b[2J"
    named = track(f"TR_{evil}", evil)
    state = joined(info(evil, named, sid=f"PA_{evil}"))
    (participant,) = state.roster.views.values()
    (publication,) = participant.track_publications.values()
    shown = [participant, publication, RoomContext(evil, evil), *state.snapshot()]
    for text in map(str, shown):
        assert text.isprintable(), text


# The link is replaced


def connected(*others: proto.ParticipantInfo) -> RoomState:
    state = joined(*others)
    state.connected()
    state.reconnecting(ReconnectKind.RESTART, 1)
    return state


def rejoin(state: RoomState, *others: proto.ParticipantInfo) -> list[str]:
    join = proto.JoinResponse(
        room=proto.Room(name="one", sid="RM_1"),
        participant=info("me", sid="PA_me2"),
        other_participants=list(others),
    )
    return names(state.rejoin(join))


def test_after_a_resume_who_is_not_named_has_left() -> None:
    state = connected(info("bob"), info("carol"), info("dave"))
    state.roster.expect_everybody()
    assert update(state, info("bob"), info("erin")) == ["ParticipantConnected", "ParticipantActive"]
    assert update(state, info("dave", state=_State.DISCONNECTED)) == ["ParticipantDisconnected"]
    state.roster.forget_unseen()
    assert names(state.take_news()) == ["ParticipantDisconnected"]
    assert sorted(state.roster.views) == ["bob", "erin"]
    state.roster.forget_unseen()
    assert state.take_news() == []


def test_a_new_join_tells_only_what_differs() -> None:
    mic, camera = track("TR_1", "mic"), track("TR_2", "camera")
    state = connected(info("bob", mic, camera), info("carol"))
    bob = state.roster.views["bob"]
    publication = bob.track_publications["TR_1"]
    assert rejoin(state, info("bob", track("TR_1", "mic"))) == [
        "ParticipantActive",  # we
        "ParticipantDisconnected",
        "TrackUnpublished",
    ]
    assert state.local.sid == "PA_me2"
    assert state.roster.views == {"bob": bob}
    assert bob.track_publications == {"TR_1": publication}
    assert names(state.reconnected(ReconnectKind.RESTART)) == ["Reconnected"]
    assert state.connection_state is ConnectionState.CONNECTED


def test_who_joined_anew_as_well_is_the_same_with_the_same_tracks() -> None:
    state = connected(info("bob", track("TR_1", "mic"), track("TR_2", "camera")))
    bob = state.roster.views["bob"]
    mic = bob.track_publications["TR_1"]
    assert rejoin(state, info("bob", track("TR_3", "mic"), sid="PA_bob2")) == ["ParticipantActive"]
    assert bob.sid == "PA_bob2"
    assert bob.track_publications["TR_3"] is mic
    assert mic.sid == "TR_3"
    again = info("bob", track("TR_3", "mic"), track("TR_4", "camera"), sid="PA_bob2", version=1)
    assert update(state, again) == []
    assert sorted(bob.track_publications) == ["TR_3", "TR_4"]


def test_of_a_room_that_was_lost_everybody_is_awaited() -> None:
    state = connected(info("bob", track("TR_1", "mic")), info("carol", track("TR_2", "mic")))
    bob = state.roster.views["bob"]
    mic = bob.track_publications["TR_1"]
    assert rejoin(state) == ["ParticipantActive"]
    assert sorted(state.roster.views) == ["bob", "carol"]
    assert update(state, info("bob", sid="PA_bob2")) == []  # not published again yet
    back = info("bob", track("TR_3", "mic"), sid="PA_bob2", version=1)
    assert update(state, back) == []
    assert bob.track_publications == {"TR_3": mic}
    state.roster.forget_awaited()
    assert names(state.take_news()) == ["TrackUnpublished", "ParticipantDisconnected"]
    assert state.roster.views == {"bob": bob}
    assert update(state, info("bob", sid="PA_bob2", version=2)) == ["TrackUnpublished"]
