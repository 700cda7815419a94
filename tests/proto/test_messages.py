"""Messages are plain objects that say what is wrong with them when they are written."""

from __future__ import annotations

import copy
import datetime
import pickle
import subprocess
import sys
from typing import Any

import pytest

from lktrio import proto
from lktrio.errors import LocalProtocolError
from lktrio.proto.codec import decode, encode
from tests.support.cases import each_case


def test_fields_start_with_their_defaults() -> None:
    info = proto.ParticipantInfo()
    assert (info.sid, info.joined_at, info.tracks, info.attributes) == ("", 0, [], {})
    assert info.permission is None
    assert info.state is proto.ParticipantInfo.State.JOINING
    assert proto.SignalRequest().ping is None


def test_lists_and_maps_are_not_shared() -> None:
    first, second = proto.ParticipantInfo(), proto.ParticipantInfo()
    first.tracks.append(proto.TrackInfo())
    first.attributes["a"] = "b"
    assert not second.tracks
    assert not second.attributes


def test_threads_may_use_a_class_for_the_first_time_at_once() -> None:
    program = """
import sys, threading
import betterproto2
from lktrio.proto.codec import encode
from lktrio.proto.livekit import livekit_models, livekit_rtc

sys.setswitchinterval(1e-6)
found = [*vars(livekit_models).values(), *vars(livekit_rtc).values()]
classes = [c for c in found if isinstance(c, type) and issubclass(c, betterproto2.Message)]
barrier = threading.Barrier(4)

def use():
    for cls in classes:
        barrier.wait(10)
        try:
            encode(cls())
        except Exception as error:
            print(cls.__name__, repr(error))

threads = [threading.Thread(target=use) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


def test_unknown_arguments_are_refused() -> None:
    arguments: dict[str, Any] = {"nam": "x"}
    with pytest.raises(TypeError, match="Room has no field nam"):
        proto.Room(**arguments)


def test_messages_compare_by_value() -> None:
    assert proto.Room(name="a") == proto.Room(name="a")
    assert proto.Room(name="a") != proto.Room(name="b")
    assert proto.Room() != proto.Codec()
    nan = float("nan")
    assert proto.SpeakerInfo(level=nan) == proto.SpeakerInfo(level=nan)


def test_an_empty_message_is_falsy() -> None:
    assert not proto.Room()
    assert proto.Room(name="a")
    response = decode(proto.SignalResponse, encode(proto.SignalResponse(join=proto.JoinResponse())))
    assert response.join is not None


def test_repr_shows_what_is_set() -> None:
    track = proto.TrackInfo(sid="TR_a", source=proto.TrackSource.CAMERA)
    assert repr(track) == "TrackInfo(sid='TR_a', source=<TrackSource.CAMERA: 1>)"


def test_messages_are_copied_and_pickled() -> None:
    room = proto.Room(name="a", enabled_codecs=[proto.Codec(mime="b")])
    assert pickle.loads(pickle.dumps(room)) == room
    deep, shallow = copy.deepcopy(room), copy.copy(room)
    room.enabled_codecs[0].mime = "c"
    room.name = "d"
    assert deep == proto.Room(name="a", enabled_codecs=[proto.Codec(mime="b")])
    assert shallow == proto.Room(name="a", enabled_codecs=[proto.Codec(mime="c")])


def test_unknown_fields_survive_a_copy() -> None:
    data = encode(proto.Room(name="a")) + b"\xa0\x7f\x05"
    assert encode(copy.deepcopy(decode(proto.Room, data))) == data


def test_betterproto_goes_through_the_same_door() -> None:
    room = proto.Room(name="a")
    assert bytes(room) == encode(room)
    assert proto.Room.parse(bytes(room)) == room


@each_case(
    "message, error, text",
    [
        (proto.Room(name=3), TypeError, r"Room\.name"),  # type: ignore[arg-type]
        (proto.Room(name=b"a"), TypeError, r"Room\.name"),  # type: ignore[arg-type]
        (proto.Room(max_participants=-1), ValueError, r"Room\.max_participants: -1 is not within"),
        (proto.Room(max_participants=1 << 32), ValueError, "not within"),
        (proto.Room(max_participants=1.5), TypeError, "max_participants"),  # type: ignore[arg-type]
        (proto.Room(creation_time=1 << 63), ValueError, "creation_time"),
        (proto.Room(name="\ud800"), ValueError, r"Room\.name"),
        (proto.Room(version=3), TypeError, "a message is needed, not int"),  # type: ignore[arg-type]
        (proto.UserPacket(payload="a"), TypeError, "payload"),  # type: ignore[arg-type]
        (proto.UserPacket(payload=3), TypeError, "payload"),  # type: ignore[arg-type]
        (proto.SpeakerInfo(level="x"), TypeError, "level"),  # type: ignore[arg-type]
        (
            proto.MetricSample(normalized_timestamp=datetime.datetime(2024, 1, 1)),  # noqa: DTZ001
            ValueError,
            "timezone",
        ),
        (
            proto.SignalRequest(ping=1, mute=proto.MuteTrackRequest()),
            LocalProtocolError,
            "only one field of message can be set, not mute and ping",
        ),
    ],
)
def test_what_cannot_be_written_says_why(
    message: proto.Message, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        encode(message)


def test_the_path_to_a_wrong_value_is_named() -> None:
    response = proto.JoinResponse(room=proto.Room(max_participants=-1))
    with pytest.raises(ValueError, match=r"JoinResponse\.room: Room\.max_participants: -1"):
        encode(response)


def test_large_floats_become_infinite() -> None:
    assert decode(proto.SpeakerInfo, encode(proto.SpeakerInfo(level=1e300))).level == float("inf")


def test_a_participant_loads_no_messages_of_services() -> None:
    program = (
        "import sys; from lktrio import proto; from lktrio.proto.codec import decode;"
        "proto.SignalResponse; proto.DataPacket; decode(proto.SignalResponse, b'');"
        "print([m for m in sys.modules if m.startswith('lktrio.proto.livekit.')])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert sorted(eval(loaded)) == [
        "lktrio.proto.livekit.google_protobuf",
        "lktrio.proto.livekit.livekit_metrics",
        "lktrio.proto.livekit.livekit_models",
        "lktrio.proto.livekit.livekit_rtc",
    ]
