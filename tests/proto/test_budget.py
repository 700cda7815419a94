"""How much one message may hold: a few bytes do not become many objects; real messages fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lktrio import proto
from lktrio.errors import RemoteProtocolError
from lktrio.proto.codec import (
    ANSWER,
    DATA_PACKET,
    SIGNAL_REQUEST,
    SIGNAL_RESPONSE,
    Budget,
    decode,
    encode,
    from_json,
    to_json,
)

MANY = 20_000
UNKNOWN = b"\xf8\x7f\x01"  # field 2047, which no message has
GROUP = b"\xfb\x7f" + b"\x08\x01" * MANY + b"\xfc\x7f"


def packed() -> bytes:
    sources = proto.ParticipantPermission(can_publish_sources=[proto.TrackSource.CAMERA] * MANY)
    return encode(proto.ParticipantInfo(permission=sources))


FLOODS: dict[str, tuple[type[proto.Message], bytes]] = {
    "messages": (
        proto.DataPacket,
        encode(
            proto.DataPacket(
                speaker=proto.ActiveSpeakerUpdate(speakers=[proto.SpeakerInfo()] * MANY)
            )
        ),
    ),
    "strings": (
        proto.DataPacket,
        encode(proto.DataPacket(user=proto.UserPacket(destination_sids=[""] * MANY))),
    ),
    "one field again and again": (proto.DataPacket, b"\x80\x01\x01" * MANY),
    "one message in pieces": (proto.DataPacket, b"\x12\x00" * MANY),
    "fields that are not known": (proto.DataPacket, UNKNOWN * MANY),
    "a group that is not known": (proto.DataPacket, GROUP),
    "requests": (
        proto.SignalRequest,
        encode(
            proto.SignalRequest(
                add_track=proto.AddTrackRequest(simulcast_codecs=[proto.SimulcastCodec()] * MANY)
            )
        ),
    ),
    "a join": (
        proto.JoinRequest,
        encode(proto.JoinRequest(add_track_requests=[proto.AddTrackRequest()] * MANY)),
    ),
    "entries of a map": (proto.SignalRequest, b"\xa2\x01" + b"\x80\xf1\x04" + b"\x1a\x00" * 40_000),
    "small values of a server": (proto.SignalResponse, b"\x90\x01\x01" * 100_000),
    "members of a oneof in turns": (proto.SignalResponse, b"\x90\x01\x01\x8a\x01\x00" * 50_000),
    "responses": (
        proto.SignalResponse,
        encode(
            proto.SignalResponse(
                update=proto.ParticipantUpdate(participants=[proto.ParticipantInfo()] * MANY)
            )
        ),
    ),
}


def test_floods_are_refused() -> None:
    for name, (cls, data) in FLOODS.items():
        with pytest.raises(RemoteProtocolError, match="more than") as caught:
            decode(cls, data)
        assert "values" in str(caught.value) or "messages" in str(caught.value), name


def test_the_budget_is_the_readers() -> None:
    message = proto.ListRoomsResponse(rooms=[proto.Room(name="demo")] * 3)
    data = encode(message)
    assert decode(proto.ListRoomsResponse, data, Budget(100, 3, 100, 3)) == message
    for budget, problem in [
        (Budget(100, 2, 100, 2), "more than 2 messages"),
        (Budget(2, 3, 3, 3), "more than 3 values"),
    ]:
        with pytest.raises(RemoteProtocolError, match=problem):
            decode(proto.ListRoomsResponse, data, budget)
    with pytest.raises(RemoteProtocolError, match="has more than 3 values or 2 objects"):
        from_json(proto.ListRoomsResponse, to_json(message), Budget(2, 2, 3, 2))


def test_elements_of_packed_fields_count() -> None:
    with pytest.raises(RemoteProtocolError, match="more than 1000 values"):
        decode(proto.ParticipantInfo, packed(), Budget(1000, 10, 1000, 10))


def participant(number: int) -> proto.ParticipantInfo:
    """Somebody as the server tells of them, with sound and a picture in three layers."""
    layers = [
        proto.VideoLayer(quality=proto.VideoQuality(quality), width=320, height=180, ssrc=1 << 31)
        for quality in range(3)
    ]
    codec = proto.SimulcastCodecInfo(mime_type="video/VP8", mid="1", layers=layers)
    version = proto.TimedVersion(unix_micro=1_700_000_000_000_000, ticks=1)
    tracks = [
        proto.TrackInfo(
            sid=f"TR_AM{number:010}", name="mic", mime_type="audio/opus", version=version
        ),
        proto.TrackInfo(
            sid=f"TR_VC{number:010}",
            type=proto.TrackType.VIDEO,
            name="camera",
            width=1280,
            height=720,
            simulcast=True,
            layers=layers,
            codecs=[codec],
            version=version,
        ),
    ]
    return proto.ParticipantInfo(
        sid=f"PA_{number:012}",
        identity=f"user-{number}",
        state=proto.ParticipantInfo.State.ACTIVE,
        permission=proto.ParticipantPermission(can_publish=True, can_subscribe=True),
        attributes={"role": "speaker"},
        tracks=tracks,
    )


def test_what_livekit_sends_fits() -> None:
    crowd = [participant(number) for number in range(1500)]
    sids = [track.sid for person in crowd for track in person.tracks]
    people = proto.JoinResponse(other_participants=crowd)
    real: dict[str, proto.Message] = {
        "a join into a large room": proto.SignalResponse(join=people),
        "an update of many": proto.SignalResponse(
            update=proto.ParticipantUpdate(participants=crowd[:1000])
        ),
        "a large list": proto.ListParticipantsResponse(participants=crowd),
        "subscriptions": proto.SignalRequest(
            sync_state=proto.SyncState(
                subscription=proto.UpdateSubscription(track_sids=sids, subscribe=True)
            )
        ),
        "destinations": proto.DataPacket(
            user=proto.UserPacket(payload=b"x" * 15_000),
            destination_identities=[f"user-{number}" for number in range(2500)],
        ),
    }
    for name, message in real.items():
        assert decode(type(message), encode(message)) == message, name


def test_json_is_bounded_too() -> None:
    floods: dict[str, tuple[type[proto.Message], str]] = {
        "objects": (proto.SignalRequest, '{"leave":[' + "{}," * 200_000 + "{}]}"),
        "marks": (proto.SignalRequest, "[" * 10 + "[]," * 300_000),
        "participants": (
            proto.SignalResponse,
            '{"update":{"participants":[' + "{}," * MANY + "{}]}}",
        ),
        "numbers": (proto.SignalRequest, '{"offer":[' + "1," * MANY + "1]}"),
    }
    for cls, text in floods.values():
        for given in (text, text.encode()):
            with pytest.raises(RemoteProtocolError, match="the JSON has more than"):
                from_json(cls, given)
    metadata = ",[{" * 20_000  # marks within a text are no values
    room = proto.Room(name="demo", metadata=metadata)
    assert from_json(proto.Room, to_json(room)) == room


def test_every_budget_grows_with_the_message_up_to_its_most() -> None:
    sizes: list[Callable[[Budget], Any]] = [
        lambda budget: budget.values_in(0) == budget.values,
        lambda budget: budget.messages_in(0) == budget.messages,
        lambda budget: budget.values_in(1 << 30) == budget.most_values,
        lambda budget: budget.messages_in(1 << 30) == budget.most_messages,
    ]
    for budget in (DATA_PACKET, SIGNAL_REQUEST, SIGNAL_RESPONSE, ANSWER):
        assert all(holds(budget) for holds in sizes), budget
