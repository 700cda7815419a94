"""JSON is written and read as Google's protobuf library does."""

# mypy: disable-error-code="no-untyped-call"
# Google's library has no annotations.

from __future__ import annotations

import datetime
import json
import random
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio import proto
from lktrio.errors import RemoteProtocolError
from lktrio.proto.codec import decode, encode, from_json, to_json, to_json_value
from tests.proto.oracle import DESCRIPTORS, FILES, fill, google_class, our_class
from tests.support.cases import each_case

SEEDS = st.integers(min_value=0, max_value=2**32)


@each_case("file", FILES)
def test_random_message(file: str) -> None:
    names = [name for name in FILES[file] if not _is_any(name)]
    for number in range(16):
        rng = random.Random(f"{file} {number}")
        google = fill(google_class(name := rng.choice(names))(), rng, rng.choice([0.2, 0.9]))
        _check_random(name, google, proto_names=bool(number & 1), defaults=bool(number & 2))


def _check_random(name: str, google: Any, *, proto_names: bool, defaults: bool) -> None:
    ours = decode(our_class(name), google.SerializeToString(deterministic=True))
    written = to_json(ours, proto_names=proto_names, defaults=defaults)
    expected = json_format.MessageToDict(
        google,
        preserving_proto_field_name=proto_names,
        always_print_fields_with_no_presence=defaults,
    )
    assert json.loads(written) == expected
    again = encode(from_json(our_class(name), written))
    if "NaN" not in written:
        google_again = google_class(name)()
        json_format.Parse(written, google_again)
        parsed = google_class(name).FromString(again)
        assert parsed == google_again


def _is_any(name: str) -> bool:
    """Whether an Any can be in it, of which Google's library writes only the types it has."""

    def reaches(found: Any, seen: frozenset[str]) -> bool:
        if found.full_name == "google.protobuf.Any":
            return True
        return any(
            field.message_type is not None
            and field.message_type.full_name not in seen
            and reaches(field.message_type, seen | {found.full_name})
            for field in found.fields
        )

    return reaches(DESCRIPTORS[name], frozenset())


@each_case(
    "cls, google, text",
    [
        ("Room", "livekit.Room", '{"creationTime": "12", "creation_time_ms": 13}'),
        ("Room", "livekit.Room", '{"maxParticipants": 3.0}'),
        ("Room", "livekit.Room", '{"maxParticipants": -1}'),
        ("Room", "livekit.Room", '{"maxParticipants": 4294967296}'),
        ("Room", "livekit.Room", '{"maxParticipants": 1.5}'),
        ("Room", "livekit.Room", '{"maxParticipants": true}'),
        ("Room", "livekit.Room", '{"maxParticipants": "x"}'),
        ("Room", "livekit.Room", '{"maxParticipants": null, "name": null}'),
        ("Room", "livekit.Room", '{"name": 3}'),
        ("Room", "livekit.Room", '{"activeRecording": 1}'),
        ("Room", "livekit.Room", '{"enabledCodecs": [null]}'),
        ("Room", "livekit.Room", '{"enabledCodecs": {}}'),
        ("Room", "livekit.Room", '{"enabledCodecs": [{"mime": "a", "x": 1}], "unknown": [1]}'),
        ("Room", "livekit.Room", '{"version": {"unixMicro": "5", "ticks": 2}}'),
        ("Room", "livekit.Room", "3"),
        ("Room", "livekit.Room", "{"),
        ("ParticipantInfo", "livekit.ParticipantInfo", '{"state": "ACTIVE", "kind": 4}'),
        ("ParticipantInfo", "livekit.ParticipantInfo", '{"state": "NOT_KNOWN"}'),
        ("ParticipantInfo", "livekit.ParticipantInfo", '{"kindDetails": ["X", "FORWARDED"]}'),
        ("ParticipantInfo", "livekit.ParticipantInfo", '{"attributes": {"a": "b"}}'),
        ("ParticipantInfo", "livekit.ParticipantInfo", '{"attributes": {"a": 1}}'),
        ("ParticipantInfo", "livekit.ParticipantInfo", '{"attributes": {"a": null}}'),
        ("UserPacket", "livekit.UserPacket", '{"payload": "aGk="}'),
        ("UserPacket", "livekit.UserPacket", '{"payload": "aGk"}'),
        ("UserPacket", "livekit.UserPacket", '{"payload": "_-8="}'),
        ("UserPacket", "livekit.UserPacket", '{"payload": "a"}'),
        ("SpeakerInfo", "livekit.SpeakerInfo", '{"level": "0.5"}'),
        ("SpeakerInfo", "livekit.SpeakerInfo", '{"level": "Infinity"}'),
        ("SpeakerInfo", "livekit.SpeakerInfo", '{"level": 1e300}'),
        ("SpeakerInfo", "livekit.SpeakerInfo", '{"level": NaN}'),
        ("MetricSample", "livekit.MetricSample", '{"normalizedTimestamp": "2024-01-02T03:04:05Z"}'),
        (
            "MetricSample",
            "livekit.MetricSample",
            '{"normalizedTimestamp": "2024-01-02T03:04:05.250+02:00"}',
        ),
        ("MetricSample", "livekit.MetricSample", '{"normalizedTimestamp": "2024-13-02T03:04:05Z"}'),
        ("MetricSample", "livekit.MetricSample", '{"normalizedTimestamp": "2024-01-02"}'),
        (
            "CreateSIPParticipantRequest",
            "livekit.CreateSIPParticipantRequest",
            '{"ringingTimeout": "-1.5s", "maxCallDuration": "3s"}',
        ),
        (
            "CreateSIPParticipantRequest",
            "livekit.CreateSIPParticipantRequest",
            '{"ringingTimeout": "3"}',
        ),
        ("WebhookEvent", "livekit.WebhookEvent", '{"egressInfo": {"file": {}, "stream": {}}}'),
        ("StartEgressRequest", "livekit.StartEgressRequest", '{"preset": 1, "advanced": {}}'),
    ],
)
def test_input_is_judged_alike(cls: str, google: str, text: str) -> None:
    oracle = google_class(google)()
    try:
        json_format.Parse(text, oracle, ignore_unknown_fields=True)
    except json_format.ParseError:
        with pytest.raises(RemoteProtocolError):
            from_json(getattr(proto, cls), text)
        return
    message = from_json(getattr(proto, cls), text)
    assert google_class(google).FromString(encode(message)) == oracle


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="name"):
        from_json(proto.Room, '{"name": "\\ud800"}')


@each_case("text", ["[" * 100_000, '{"a":' * 100_000, b"\xff", "1" * 5000])
def test_hostile_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        from_json(proto.Room, text)


def test_deep_values_are_refused() -> None:
    struct = our_class("google.protobuf.Struct")
    from_json(struct, '{"a":' * 30 + "1" + "}" * 30)
    with pytest.raises(RemoteProtocolError, match="nested"):
        from_json(struct, '{"a":' * 200 + "1" + "}" * 200)


def test_any_is_written_with_the_fields_of_its_message() -> None:
    url = "type.googleapis.com/livekit.Room"
    call = proto.SIPCallInfo(
        call_context=[proto.Any(type_url=url, value=encode(proto.Room(name="demo")))]
    )
    text = to_json(call)
    assert json.loads(text) == {"callContext": [{"@type": url, "name": "demo"}]}
    assert from_json(proto.SIPCallInfo, text) == call


def test_any_of_an_unknown_type_keeps_its_bytes() -> None:
    call = proto.SIPCallInfo(
        call_context=[proto.Any(type_url="example.com/x.Y", value=b"\x08\x01")]
    )
    assert from_json(proto.SIPCallInfo, to_json(call)) == call


def test_times_become_datetime_and_timedelta() -> None:
    moment = datetime.datetime(2024, 5, 6, 7, 8, 9, 250_000, tzinfo=datetime.UTC)
    sample = proto.MetricSample(normalized_timestamp=moment)
    assert to_json_value(sample) == {"normalizedTimestamp": "2024-05-06T07:08:09.250Z"}
    assert decode(proto.MetricSample, encode(sample)).normalized_timestamp == moment
    call = proto.CreateSIPParticipantRequest(ringing_timeout=datetime.timedelta(seconds=30))
    assert to_json_value(call) == {"ringingTimeout": "30s"}


@settings(max_examples=100)
@given(text=st.text(alphabet='{}[]":,0123456789.eE-truefalsn\\ud8name', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        message = from_json(proto.Room, text)
    except RemoteProtocolError:
        return
    assert from_json(proto.Room, to_json(message)) == message
