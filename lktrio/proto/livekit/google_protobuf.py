"""Generated from google/protobuf/struct.proto, google/protobuf/timestamp.proto, google/protobuf/duration.proto, google/protobuf/empty.proto, google/protobuf/any.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message

__all__ = ("Any", "Duration", "Empty", "ListValue", "NullValue", "Struct", "Timestamp", "Value")


class NullValue(betterproto2.Enum):
    NULL_VALUE = 0


@message
class Struct(Message):
    fields: dict[str, Value] = betterproto2.field(
        1,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_MESSAGE),
    )


@message
class Value(Message):
    """Of the fields of ``kind`` at most one is set."""

    null_value: NullValue | None = betterproto2.field(
        1, betterproto2.TYPE_ENUM, optional=True, group="kind"
    )
    number_value: float | None = betterproto2.field(
        2, betterproto2.TYPE_DOUBLE, optional=True, group="kind"
    )
    string_value: str | None = betterproto2.field(
        3, betterproto2.TYPE_STRING, optional=True, group="kind"
    )
    bool_value: bool | None = betterproto2.field(
        4, betterproto2.TYPE_BOOL, optional=True, group="kind"
    )
    struct_value: Struct | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="kind"
    )
    list_value: ListValue | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="kind"
    )


@message
class ListValue(Message):
    values: list[Value] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class Timestamp(Message):
    seconds: int = betterproto2.field(1, betterproto2.TYPE_INT64)
    nanos: int = betterproto2.field(2, betterproto2.TYPE_INT32)


@message
class Duration(Message):
    seconds: int = betterproto2.field(1, betterproto2.TYPE_INT64)
    nanos: int = betterproto2.field(2, betterproto2.TYPE_INT32)


@message
class Empty(Message):
    pass


@message
class Any(Message):
    type_url: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    value: bytes = betterproto2.field(2, betterproto2.TYPE_BYTES)
