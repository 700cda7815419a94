"""No remote participant can end a subscription, whatever it does; what is there is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast, get_args

import pytest

from lktrio import proto
from lktrio.errors import SlowConsumer
from lktrio.room.channels.events import QUEUE_LIMIT, Broadcast, Subscription
from lktrio.room.state import events
from lktrio.room.state.events import RoomEvent
from lktrio.room.state.participant import Participant
from lktrio.room.state.room_state import RoomState
from lktrio.room.state.rules import EVENT_RULES

State = proto.ParticipantInfo.State


def new_state() -> RoomState:
    join = proto.JoinResponse(
        room=proto.Room(name="demo"),
        participant=proto.ParticipantInfo(identity="me", sid="PA_me"),
    )
    return RoomState(join, cast("Any", None), Participant)  # nothing here asks the server


def bob(version: int, *tracks: proto.TrackInfo, **values: Any) -> proto.SignalResponse:
    info = {"identity": "bob", "sid": "PA_bob", "state": State.ACTIVE, **values}
    participant = proto.ParticipantInfo(version=version, tracks=list(tracks), **info)
    return proto.SignalResponse(update=proto.ParticipantUpdate(participants=[participant]))


def track(sid: str, *, muted: bool = False) -> proto.TrackInfo:
    return proto.TrackInfo(sid=sid, type=proto.TrackType.AUDIO, muted=muted)


def failure(sid: str) -> proto.SignalResponse:
    return proto.SignalResponse(
        subscription_response=proto.SubscriptionResponse(
            track_sid=sid, err=proto.SubscriptionError.SE_CODEC_UNSUPPORTED
        )
    )


def leave_and_return(n: int) -> Iterable[proto.SignalResponse]:
    yield bob(1, sid=f"PA_{n}")
    yield bob(2, sid=f"PA_{n}", state=State.DISCONNECTED)


def publish_and_unpublish(n: int) -> Iterable[proto.SignalResponse]:
    yield bob(3 * n, track(f"TR_{n}"))
    yield failure(f"TR_{n}")
    yield bob(3 * n + 1, track(f"TR_{n}", muted=True))
    yield bob(3 * n + 2)


def publish_more(n: int) -> Iterable[proto.SignalResponse]:
    if n < QUEUE_LIMIT + 10 and n % 100 == 0:
        yield bob(n, *(track(f"TR_{number}") for number in range(n)))


FLOODS: dict[str, Callable[[int], Iterable[proto.SignalResponse]]] = {
    "joins and leaves": leave_and_return,
    "publishes and unpublishes": publish_and_unpublish,
    "publishes more and more": publish_more,
    "changes its name": lambda n: [bob(n, name=str(n))],
    "changes its metadata": lambda n: [bob(n, metadata=str(n))],
    "changes its attributes": lambda n: [bob(n, attributes={str(n % 3): str(n)})],
    "mutes and unmutes": lambda n: [bob(n, track("TR_1", muted=n % 2 == 0))],
}


async def test_no_remote_participant_ends_a_subscription() -> None:
    everything = get_args(RoomEvent)
    for name, flood in FLOODS.items():
        state = new_state()
        source: Broadcast[RoomEvent] = Broadcast(EVENT_RULES)
        readers: list[Subscription[Any]] = [source.subscribe()]
        readers += [source.subscribe(kind) for kind in everything]
        for number in range(1, QUEUE_LIMIT + 100):
            for message in flood(number):
                for event in state.apply(message):
                    source.publish(event)
        source.end()
        for reader in readers:
            left = [event async for event in reader]
            assert len(left) <= 2 * QUEUE_LIMIT, name


async def test_the_newest_of_every_change_is_told() -> None:
    state = new_state()
    source: Broadcast[RoomEvent] = Broadcast(EVENT_RULES)
    for event in state.apply(bob(0, name="first", metadata="one")):
        source.publish(event)
    slow = source.subscribe()
    for number in range(1, QUEUE_LIMIT):
        info = {"name": str(number), "metadata": str(number), "attributes": {str(number % 3): "x"}}
        for event in state.apply(bob(number, **info)):
            source.publish(event)
    source.end()
    told = {type(event): event async for event in slow}
    named = told[events.ParticipantNameChanged]
    assert isinstance(named, events.ParticipantNameChanged)
    assert named.participant.name == str(QUEUE_LIMIT - 1)
    changed = told[events.ParticipantAttributesChanged]
    assert isinstance(changed, events.ParticipantAttributesChanged)
    assert changed.changed == {"0": "x", "1": "", "2": ""}


async def test_a_crowd_that_does_not_fit_ends_a_slow_subscription() -> None:
    state = new_state()
    source: Broadcast[RoomEvent] = Broadcast(EVENT_RULES)
    slow = source.subscribe()
    for number in range(QUEUE_LIMIT + 1):
        message = bob(1, identity=f"guest {number}", sid=f"PA_{number}")
        for event in state.apply(message):
            source.publish(event)
    with pytest.raises(SlowConsumer):
        async for _ in slow:
            pass
    again = source.subscribe(events.ParticipantConnected, replay=state.snapshot())
    source.end()
    assert len([event async for event in again]) == QUEUE_LIMIT + 1


def test_every_event_of_a_peer_has_a_rule() -> None:
    assert set(get_args(RoomEvent)) - set(EVENT_RULES) == {events.Disconnected}
