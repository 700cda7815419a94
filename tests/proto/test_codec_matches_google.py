"""Bytes are read and written as Google's protobuf library does, for every message."""

from __future__ import annotations

import random
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.errors import RemoteProtocolError
from lktrio.proto.codec import decode, encode
from tests.proto.oracle import DESCRIPTORS, FILES, fill, google_class, holds_times, our_class
from tests.support.cases import each_case

STRICTER = ("out of range", "field number 0")
"""What we refuse and Google's C library does not always: times that Python cannot express, and the
field number 0, which the specification forbids."""


@each_case("name", DESCRIPTORS)
def test_full_message_has_the_same_bytes(name: str) -> None:
    google = fill(google_class(name)(), random.Random(name), density=1.0)
    data = google.SerializeToString(deterministic=True)
    assert encode(decode(our_class(name), data)) == data


@each_case("name", DESCRIPTORS)
def test_empty_message_has_no_bytes(name: str) -> None:
    assert encode(our_class(name)()) == b""
    assert decode(our_class(name), b"") == our_class(name)()


@each_case("name", DESCRIPTORS)
def test_random_message_has_the_same_bytes(name: str) -> None:
    for density in (0.2, 0.5, 0.9):
        google = fill(google_class(name)(), random.Random(f"{name} {density}"), density)
        encoded = google.SerializeToString(deterministic=True)
        ours = decode(our_class(name), encoded)
        assert encode(ours) == encoded
        assert google_class(name).FromString(encode(ours)) == google


@each_case("file", FILES)
def test_damaged_message_is_judged_alike(file: str) -> None:
    for number in range(25):
        rng = random.Random(f"{file} {number}")
        name = rng.choice(FILES[file])
        damaged = bytearray(fill(google_class(name)(), rng, 0.6).SerializeToString())
        for _ in range(rng.randint(1, 3)):
            _damage(damaged, rng)
        _assert_judged_alike(name, bytes(damaged))


@settings(max_examples=80, deadline=None)
@given(
    name=st.sampled_from(["livekit.DataPacket", "livekit.SignalResponse", "livekit.Room"]),
    data=st.binary(max_size=60),
)
def test_any_bytes_are_judged_alike(name: str, data: bytes) -> None:
    _assert_judged_alike(name, data)


def _damage(data: bytearray, rng: random.Random) -> None:
    position = rng.randrange(len(data) + 1)
    action = rng.randrange(4)
    if action == 0:
        del data[position:]
    elif action == 1:
        data[position:position] = rng.randbytes(rng.randint(1, 4))
    elif data and action == 2:
        data[position % len(data)] ^= 1 << rng.randrange(8)
    elif data:
        del data[position % len(data)]


def _assert_judged_alike(name: str, data: bytes) -> None:
    """Both take it and mean the same, or both refuse it."""
    try:
        google = google_class(name).FromString(data)
    except DecodeError:
        google = None
    ours, refusal = None, ""
    try:
        ours = decode(our_class(name), data)
    except RemoteProtocolError as error:
        refusal = str(error)
    if ours is None or google is None:
        assert google is None or any(reason in refusal for reason in STRICTER)
        assert ours is None
        return
    if not holds_times(DESCRIPTORS[name]) and not _has_stray_entry(google):
        again = google_class(name).FromString(encode(ours))
        assert _canonical(again) == _canonical(google)


def _has_stray_entry(message: Any) -> bool:
    """Whether Google's library set an entry of a map aside, as it does if it has unknown fields.

    Its Go library, which LiveKit's server uses, and ours put such an entry into the map.
    """
    maps = {
        field.number
        for field in message.DESCRIPTOR.fields
        if field.message_type is not None and field.message_type.GetOptions().map_entry
    }
    if any(unknown.field_number in maps for unknown in UnknownFieldSet(message)):
        return True
    return any(_has_stray_entry(inner) for inner in _inner_messages(message))


def _inner_messages(message: Any) -> list[Any]:
    found: list[Any] = []
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                found += value.values()
        else:
            found += value if field.is_repeated else [value]
    return found


def _canonical(message: Any) -> Any:
    """Its bytes; its text if it has a NaN, of which Python does not keep the payload."""
    text = text_format.MessageToString(message, print_unknown_fields=True)
    return text if ": nan" in text else message.SerializeToString(deterministic=True)
