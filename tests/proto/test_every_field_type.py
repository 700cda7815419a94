"""Field types that LiveKit does not use yet, in every position, against Google's library."""

# mypy: disable-error-code="no-untyped-call, attr-defined"
# Google's library has no annotations, and makes its classes while it is imported.

from __future__ import annotations

import datetime
import functools
import json
import random
from typing import Any

import betterproto2
import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    json_format,
    message_factory,
    timestamp_pb2,
)
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from lktrio import proto
from lktrio.errors import RemoteProtocolError
from lktrio.proto._message import Message, message
from lktrio.proto.codec import decode, encode, from_json, to_json
from lktrio.proto.livekit.google_protobuf import Duration, Timestamp
from tests.proto.oracle import fill
from tests.support.cases import each_case

SCALARS = (
    *("double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string"),
    *("bytes", "uint32", "sfixed32", "sfixed64", "sint32", "sint64"),
)
KEYS = [name for name in SCALARS if name not in ("double", "float", "bytes")]


def _google_class() -> Any:
    """A message with each type alone, ``optional``, repeated, as key and as value of a map."""
    proto_file = descriptor_pb2.FileDescriptorProto(
        name="every_type.proto",
        package="test",
        syntax="proto3",
        dependency=[timestamp_pb2.DESCRIPTOR.name, duration_pb2.DESCRIPTOR.name],
    )
    every = proto_file.message_type.add(name="Every")
    number = 0
    for position in ("one", "opt", "many"):
        for kind in SCALARS:
            number += 1
            field = every.field.add(name=f"{position}_{kind}", number=number)
            field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
            field.label = (
                FieldDescriptorProto.LABEL_REPEATED
                if position == "many"
                else FieldDescriptorProto.LABEL_OPTIONAL
            )
            if position == "opt":
                field.proto3_optional = True
                field.oneof_index = len(every.oneof_decl)
                every.oneof_decl.add(name=f"_{field.name}")
    for kind in KEYS:
        number += 1
        _add_map(every, f"map_{kind}", number, kind)
    for name in ("Timestamp", "Duration"):
        number += 1
        every.field.add(
            name=f"many_{name.lower()}",
            number=number,
            type=FieldDescriptorProto.TYPE_MESSAGE,
            type_name=f".google.protobuf.{name}",
            label=FieldDescriptorProto.LABEL_REPEATED,
        )
    pool = descriptor_pool.DescriptorPool()
    for known in (timestamp_pb2, duration_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(proto_file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.Every"))


def _add_map(every: Any, name: str, number: int, kind: str) -> None:
    entry = every.nested_type.add(name=f"Map{kind.capitalize()}Entry")
    entry.options.map_entry = True
    for part, part_kind in ((1, kind), (2, kind)):
        entry.field.add(
            name="key" if part == 1 else "value",
            number=part,
            type=FieldDescriptorProto.Type.Value(f"TYPE_{part_kind.upper()}"),
            label=FieldDescriptorProto.LABEL_OPTIONAL,
        )
    every.field.add(
        name=name,
        number=number,
        type=FieldDescriptorProto.TYPE_MESSAGE,
        type_name=f".test.Every.{entry.name}",
        label=FieldDescriptorProto.LABEL_REPEATED,
    )


def _our_class() -> type[Message]:
    """The same message as the generator would declare it."""
    fields: dict[str, Any] = {}
    annotations: dict[str, str] = {}
    number = 0
    for position in ("one", "opt", "many"):
        for kind in SCALARS:
            number += 1
            name = f"{position}_{kind}"
            annotations[name] = "int"
            fields[name] = betterproto2.field(
                number, kind, optional=position == "opt", repeated=position == "many"
            )
    for kind in KEYS:
        number += 1
        annotations[f"map_{kind}"] = "dict[int, int]"
        fields[f"map_{kind}"] = betterproto2.field(
            number, betterproto2.TYPE_MAP, map_meta=betterproto2.map_meta(kind, kind)
        )
    for cls in (Timestamp, Duration):
        number += 1
        name = f"many_{cls.__name__.lower()}"
        annotations[name] = "list[datetime.datetime]"
        fields[name] = betterproto2.field(
            number, betterproto2.TYPE_MESSAGE, unwrap=functools.partial(_same, cls), repeated=True
        )
    namespace = {**fields, "__annotations__": annotations, "__module__": __name__}
    return message(type("Every", (Message,), namespace))


def _same(cls: type[Message]) -> type[Message]:
    return cls


GOOGLE, OURS = _google_class(), _our_class()


@each_case("seed", range(40))
def test_bytes_and_json(seed: int) -> None:
    google = fill(GOOGLE(), random.Random(seed), density=0.9)
    data = google.SerializeToString(deterministic=True)
    ours = decode(OURS, data)
    assert encode(ours) == data
    text = to_json(ours, proto_names=True)
    assert json.loads(text) == json_format.MessageToDict(google, preserving_proto_field_name=True)
    assert GOOGLE.FromString(encode(from_json(OURS, text))) == google


@each_case("kind", [kind for kind in SCALARS if kind not in ("string", "bytes")])
def test_repeated_scalars_may_be_packed_or_not(kind: str) -> None:
    google = GOOGLE()
    getattr(google, f"many_{kind}").extend([1, 0, 1])
    packed = google.SerializeToString()
    one = GOOGLE(**{f"opt_{kind}": 1}).SerializeToString()
    zero = GOOGLE(**{f"opt_{kind}": 0}).SerializeToString()
    number = GOOGLE.DESCRIPTOR.fields_by_name[f"many_{kind}"].number
    key = bytes([number << 3 & 0x7F | one[0] & 7 | 0x80, number >> 4])
    value = {True: one[_key_size(one) :], False: zero[_key_size(zero) :]}
    unpacked = b"".join(key + value[bit] for bit in (True, False, True))
    assert GOOGLE.FromString(unpacked) == google
    assert encode(decode(OURS, unpacked)) == packed
    for end in range(1, len(unpacked)):
        _judged_alike(unpacked[:end])
    for end in range(1, len(packed)):
        _judged_alike(packed[:end])


def _key_size(data: bytes) -> int:
    return 2 if data[0] & 0x80 else 1


@given(data=st.binary(max_size=40))
def test_any_bytes_are_judged_alike(data: bytes) -> None:
    _judged_alike(data)


def _judged_alike(data: bytes) -> None:
    try:
        GOOGLE.FromString(data)
    except DecodeError:
        with pytest.raises(RemoteProtocolError):
            decode(OURS, data)
        return
    try:
        decode(OURS, data)
    except RemoteProtocolError as error:
        assert "out of range" in str(error) or "field number 0" in str(error)  # noqa: PT017 - either


@each_case(
    "name, value",
    [
        ("one_int32", 1 << 31),
        ("one_uint32", -1),
        ("one_sint64", 1 << 63),
        ("one_fixed32", -1),
        ("one_sfixed64", 1 << 63),
        ("many_int64", [1 << 63]),
        ("map_int32", {1: 1 << 31}),
    ],
)
def test_numbers_out_of_range_are_refused(name: str, value: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=rf"Every\.{name}"):
        encode(OURS(**{name: value}))


def test_times_of_every_age() -> None:
    moments = [
        datetime.datetime.min.replace(tzinfo=datetime.UTC),
        datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=datetime.UTC),
        datetime.datetime.max.replace(tzinfo=datetime.UTC),
    ]
    spans = [datetime.timedelta(microseconds=-1), datetime.timedelta(seconds=-1, microseconds=1)]
    ours = OURS(many_timestamp=moments, many_duration=spans)
    assert decode(OURS, encode(ours)) == ours
    assert from_json(OURS, to_json(ours)) == ours
    google = GOOGLE.FromString(encode(ours))
    assert json.loads(to_json(ours)) == json_format.MessageToDict(google)


@each_case(
    "cls, text",
    [
        (proto.Struct, '{"a": [1, "b", true, null, {"c": -2.5}], "d": {}}'),
        (proto.Value, "null"),
        (proto.Value, '"text"'),
        (proto.ListValue, "[[], 1.5]"),
        (Timestamp, '"2024-02-29T12:00:00.123456Z"'),
        (Duration, '"-3.250s"'),
    ],
)
def test_messages_of_google_have_a_json_of_their_own(cls: type[Message], text: str) -> None:
    found = from_json(cls, text)
    assert json.loads(to_json(found)) == json.loads(text)
    assert decode(cls, encode(found)) == found


@each_case(
    "cls, text",
    [
        (proto.Struct, "[]"),
        (proto.ListValue, "{}"),
        (Timestamp, "3"),
        (Timestamp, '"2024-02-30T12:00:00Z"'),
        (Timestamp, '"0001-01-01T00:00:00+01:00"'),
        (Duration, '"1.5"'),
        (Duration, '"999999999999s"'),
        (proto.Any, "[]"),
        (OURS, '{"mapBool": {"yes": true}}'),
        (OURS, '{"mapInt32": {"1.5": 1}}'),
        (OURS, '{"mapInt32": []}'),
        (OURS, '{"oneFloat": 1e40}'),
        (OURS, '{"oneDouble": true}'),
        (OURS, '{"oneDouble": "1e"}'),
        (OURS, '{"oneDouble": 1' + "0" * 400 + "}"),
        (OURS, '{"oneBytes": 3}'),
        (OURS, '{"oneBytes": "a===b"}'),
    ],
)
def test_json_that_does_not_fit(cls: type[Message], text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        from_json(cls, text)


def test_floats_are_as_short_as_can_be() -> None:
    written = to_json(OURS(one_float=0.1, one_double=0.1, many_float=[1e-45, 3.4028235e38, 1e39]))
    assert json.loads(written) == {
        "oneFloat": 0.1,
        "oneDouble": 0.1,
        "manyFloat": [1e-45, 3.4028235e38, "Infinity"],
    }
    assert '"one_float":-0.0' in to_json(OURS(one_float=-0.0), proto_names=True)
