"""Data tracks of others, as participant updates tell of them."""

from __future__ import annotations

from typing import Any, cast

from lktrio import events, proto
from lktrio.room.state.participant import Participant
from lktrio.room.state.room_state import RoomState

_State = proto.ParticipantInfo.State


def info(identity: str, *tracks: str, **values: Any) -> proto.ParticipantInfo:
    """Somebody with data tracks, each given by its SID and its name."""
    known = {"sid": f"PA_{identity}", "state": _State.ACTIVE, **values}
    data_tracks = [proto.DataTrackInfo(sid=sid, name=name) for sid, name in map(str.split, tracks)]
    return proto.ParticipantInfo(identity=identity, data_tracks=data_tracks, **known)


def joined(*others: proto.ParticipantInfo) -> RoomState:
    join = proto.JoinResponse(
        room=proto.Room(name="one"),
        participant=info("me", "DTR_0 mine"),
        other_participants=list(others),
    )
    state = RoomState(join, cast("Any", None), Participant)  # nothing here asks the server
    state.connected()
    return state


def told(news: list[events.RoomEvent]) -> list[str]:
    """What is told of data tracks."""
    return [
        f"{'+' if isinstance(event, events.DataTrackPublished) else '-'} {event.track.sid}"
        for event in news
        if isinstance(event, (events.DataTrackPublished, events.DataTrackUnpublished))
    ]


def update(state: RoomState, *infos: proto.ParticipantInfo) -> list[str]:
    message = proto.ParticipantUpdate(participants=list(infos))
    return told(state.apply(proto.SignalResponse(update=message)))


def rejoin(state: RoomState, *others: proto.ParticipantInfo) -> list[str]:
    join = proto.JoinResponse(participant=info("me"), other_participants=list(others))
    return told(state.rejoin(join))


def test_tracks_come_and_go_with_updates() -> None:
    state = joined(info("bob", "DTR_1 a"))
    bob = state.roster.views["bob"]
    assert told(list(state.snapshot())) == ["+ DTR_1"]
    a = bob.data_tracks["a"]
    assert (a.participant, a.publisher_identity, a.published) == (bob, "bob", True)
    assert update(state, info("bob", "DTR_1 a", "DTR_2 b")) == ["+ DTR_2"]
    assert bob.data_tracks["a"] is a
    assert update(state, info("bob", "DTR_3 a", "DTR_2 b")) == ["- DTR_1", "+ DTR_3"]
    assert (a.published, bob.data_tracks["a"].sid) == (False, "DTR_3")
    assert update(state, info("bob", "DTR_4 c", "DTR_5 c")) == ["- DTR_2", "- DTR_3", "+ DTR_4"]
    assert update(state, info("me", "DTR_0 mine", "DTR_9 x")) == []
    assert update(state, info("bob", "DTR_4 c", sid="PA_bob2")) == ["- DTR_4", "+ DTR_4"]
    assert state.roster.data_tracks.find("DTR_4") is not None
    assert update(state, info("bob", sid="PA_bob2", state=_State.DISCONNECTED)) == ["- DTR_4"]
    assert list(state.roster.data_tracks) == []


def test_who_has_which_track_is_not_mixed_up_by_equal_sids() -> None:
    state = joined(info("bob", "DTR_1 a"), info("carol", "DTR_1 a"))
    assert update(state, info("bob")) == ["- DTR_1"]
    assert state.roster.views["carol"].data_tracks["a"].published
    found = state.roster.data_tracks.find("DTR_1")
    assert found is not None
    assert found.participant is state.roster.views["carol"]


def test_after_a_new_join_of_ours_tracks_are_the_same() -> None:
    state = joined(info("bob", "DTR_1 a", "DTR_2 b"), info("carol", "DTR_3 c"))
    bob = state.roster.views["bob"]
    a = bob.data_tracks["a"]
    assert rejoin(state, info("bob", "DTR_1 a")) == ["- DTR_3", "- DTR_2"]
    assert bob.data_tracks == {"a": a}


def test_tracks_of_who_joins_anew_with_us_are_awaited() -> None:
    state = joined(info("bob", "DTR_1 a", "DTR_2 b", "DTR_3 c"))
    bob = state.roster.views["bob"]
    before = dict(bob.data_tracks)
    changes: list[None] = []
    state.roster.data_tracks.changed = lambda: changes.append(None)
    assert rejoin(state) == []
    assert update(state, info("bob", sid="PA_bob2")) == []
    assert update(state, info("bob", "DTR_4 a", sid="PA_bob2", version=1)) == []
    assert bob.data_tracks == before
    assert before["a"].sid == "DTR_4"
    assert len(changes) == 1
    found = state.roster.data_tracks.find("DTR_4")
    assert found is not None
    assert found.view is before["a"]
    assert state.roster.data_tracks.find("DTR_1") is None
    again = info("bob", "DTR_4 a", "DTR_5 b", "DTR_6 d", sid="PA_bob2", version=2)
    assert update(state, again) == ["+ DTR_6"]
    state.roster.forget_awaited()
    assert told(state.take_news()) == ["- DTR_3"]
    assert sorted(bob.data_tracks) == ["a", "b", "d"]
    assert update(state, info("bob", "DTR_4 a", sid="PA_bob2", version=3)) == [
        "- DTR_5",
        "- DTR_6",
    ]


def test_a_publisher_may_forbid_its_track() -> None:
    state = joined(info("bob", "DTR_1 a"))
    track = state.roster.views["bob"].data_tracks["a"]
    for allowed in (False, True):
        message = proto.SubscriptionPermissionUpdate(track_sid="DTR_1", allowed=allowed)
        assert state.apply(proto.SignalResponse(subscription_permission_update=message)) == []
        assert track.subscription_allowed is allowed
