"""The protobuf wire format, writing (protobuf.dev, "Encoding").

Theory of operation: a message class has one *writer* per field, a small function that appends the
field to a buffer, or nothing if the value is the default that goes without saying. Fields are
written in the order of their numbers, the entries of maps in the order of the dictionary, and last
what the decoder could not name: a message comes out as its sender wrote it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from math import copysign
from typing import Any

import betterproto2 as bp

from lktrio.errors import LocalProtocolError
from lktrio.proto._schema import UNKNOWN_FIELDS, FieldSchema, Schema, schema_of
from lktrio.proto._time import WELL_KNOWN
from lktrio.proto._wire import FIXED32, FIXED64, LENGTH, VARINT

__all__ = ["encode_message", "encode_varint"]

ONE_OCTET = 0x7F

Writer = Callable[[Any, bytearray], None]
ToBytes = Callable[[Any], bytes]


def encode_message(message: bp.Message) -> bytes:
    """The bytes of a message.

    Raises:
        TypeError: A field has a value of another type than the protocol's.
        ValueError: A number is out of range, a string has no UTF-8, or a time has no timezone.
        LocalProtocolError: Two members of a ``oneof`` are set.
    """
    schema = schema_of(type(message))
    writers = schema.encoder or _writers_of(schema)
    values = vars(message)
    buffer = bytearray()
    name = ""
    try:
        for name, write in writers:
            value = values[name]
            if value is not None:
                write(value, buffer)
    except (AttributeError, TypeError, struct.error) as error:
        raise TypeError(f"{schema.cls.__name__}.{name}: {error}") from error
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{schema.cls.__name__}.{name}: {error}") from error
    if schema.groups:
        _check_groups(schema, values)
    unknown = values[UNKNOWN_FIELDS]
    if unknown:
        buffer += unknown
    return bytes(buffer)


def _check_groups(schema: Schema, values: dict[str, Any]) -> None:
    for group, names in schema.groups:
        found = [name for name in names if values[name] is not None]
        if len(found) > 1:
            raise LocalProtocolError(
                f"{schema.cls.__name__}: only one field of {group} can be set, not "
                + " and ".join(found)
            )


def _writers_of(schema: Schema) -> tuple[tuple[str, Writer], ...]:
    writers = schema.encoder = tuple((field.name, _writer(field)) for field in schema.fields)
    return writers


def _writer(field: FieldSchema) -> Writer:
    if field.key_type is not None:
        return _map_writer(field)
    tag = encode_varint(field.number << 3 | _wire_type(field.type))
    to_bytes = _to_bytes(field)
    if field.repeated:
        delimited = field.type in (bp.TYPE_STRING, bp.TYPE_BYTES, bp.TYPE_MESSAGE)
        return _list_writer(tag, to_bytes) if delimited else _packed_writer(field, to_bytes)
    if field.presence:
        return _present_writer(tag, to_bytes)
    if field.type in (bp.TYPE_FLOAT, bp.TYPE_DOUBLE):
        return _float_writer(tag, to_bytes)
    return _nonzero_writer(tag, to_bytes)


def _present_writer(tag: bytes, to_bytes: ToBytes) -> Writer:
    def write(value: Any, buffer: bytearray) -> None:
        buffer += tag
        buffer += to_bytes(value)

    return write


def _nonzero_writer(tag: bytes, to_bytes: ToBytes) -> Writer:
    def write(value: Any, buffer: bytearray) -> None:
        if value:
            buffer += tag
            buffer += to_bytes(value)

    return write


def _float_writer(tag: bytes, to_bytes: ToBytes) -> Writer:
    def write(value: float, buffer: bytearray) -> None:
        if value or copysign(1, value) < 0:  # only positive zero is the default
            buffer += tag
            buffer += to_bytes(value)

    return write


def _list_writer(tag: bytes, to_bytes: ToBytes) -> Writer:
    def write(value: Any, buffer: bytearray) -> None:
        for item in value:
            buffer += tag
            buffer += to_bytes(item)

    return write


def _packed_writer(field: FieldSchema, to_bytes: ToBytes) -> Writer:
    tag = encode_varint(field.number << 3 | LENGTH)

    def write(value: Any, buffer: bytearray) -> None:
        if value:
            buffer += tag
            buffer += _delimited(b"".join(map(to_bytes, value)))

    return write


def _map_writer(field: FieldSchema) -> Writer:
    tag = encode_varint(field.number << 3 | LENGTH)
    key_writer, value_writer = (
        _present_writer(encode_varint(part.number << 3 | _wire_type(part.type)), _to_bytes(part))
        for part in field.entry()
    )

    def write(value: Any, buffer: bytearray) -> None:
        for key, item in value.items():
            entry = bytearray()
            key_writer(key, entry)
            value_writer(item, entry)
            buffer += tag
            buffer += _delimited(entry)

    return write


# One value, without its tag.


def encode_varint(value: int) -> bytes:
    """A number that is not negative, seven bits to an octet, the lowest first."""
    if value <= ONE_OCTET:
        return _OCTETS[value]
    octets = bytearray()
    while value > ONE_OCTET:
        octets.append(value & ONE_OCTET | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


_OCTETS = tuple(bytes([octet]) for octet in range(ONE_OCTET + 1))


def _delimited(value: bytes | bytearray) -> bytes:
    return encode_varint(len(value)) + value


def _string(value: str) -> bytes:
    return _delimited(value.encode())


def _bytes(value: bytes | bytearray | memoryview) -> bytes:
    return encode_varint(len(value)) + bytes(memoryview(value))  # which refuses str and int


def _bool(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"


def _message(value: object) -> bytes:
    if not isinstance(value, bp.Message):
        raise TypeError(f"a message is needed, not {type(value).__name__}")
    return _delimited(encode_message(value))


def _integer(low: int, high: int, *, zigzag: bool = False) -> ToBytes:
    def to_bytes(value: int) -> bytes:
        if not low <= value <= high:
            raise ValueError(f"{value} is not within {low} to {high}")
        if zigzag:
            return encode_varint(value << 1 if value >= 0 else ~(value << 1))
        return encode_varint(value if value >= 0 else value + (1 << 64))

    return to_bytes


def _fixed(layout: str) -> ToBytes:
    pack = struct.Struct(layout).pack
    if layout != "<f":
        return pack

    def to_bytes(value: float) -> bytes:
        try:
            return pack(value)
        except OverflowError:  # beyond the range of 32-bit floats: infinite, as a C cast has it
            return pack(copysign(float("inf"), value))

    return to_bytes


_TO_BYTES: dict[str, ToBytes] = {
    bp.TYPE_STRING: _string,
    bp.TYPE_BYTES: _bytes,
    bp.TYPE_BOOL: _bool,
    bp.TYPE_MESSAGE: _message,
    bp.TYPE_ENUM: _integer(-(1 << 31), (1 << 31) - 1),
    bp.TYPE_INT32: _integer(-(1 << 31), (1 << 31) - 1),
    bp.TYPE_INT64: _integer(-(1 << 63), (1 << 63) - 1),
    bp.TYPE_UINT32: _integer(0, (1 << 32) - 1),
    bp.TYPE_UINT64: _integer(0, (1 << 64) - 1),
    bp.TYPE_SINT32: _integer(-(1 << 31), (1 << 31) - 1, zigzag=True),
    bp.TYPE_SINT64: _integer(-(1 << 63), (1 << 63) - 1, zigzag=True),
    bp.TYPE_FIXED32: _fixed("<I"),
    bp.TYPE_SFIXED32: _fixed("<i"),
    bp.TYPE_FLOAT: _fixed("<f"),
    bp.TYPE_FIXED64: _fixed("<Q"),
    bp.TYPE_SFIXED64: _fixed("<q"),
    bp.TYPE_DOUBLE: _fixed("<d"),
}
_WIRE_TYPES = {
    **dict.fromkeys((bp.TYPE_STRING, bp.TYPE_BYTES, bp.TYPE_MESSAGE), LENGTH),
    **dict.fromkeys((bp.TYPE_FIXED32, bp.TYPE_SFIXED32, bp.TYPE_FLOAT), FIXED32),
    **dict.fromkeys((bp.TYPE_FIXED64, bp.TYPE_SFIXED64, bp.TYPE_DOUBLE), FIXED64),
}


def _wire_type(kind: str) -> int:
    return _WIRE_TYPES.get(kind, VARINT)


def _to_bytes(field: FieldSchema) -> ToBytes:
    if not field.well_known:
        return _TO_BYTES[field.type]
    cls = field.cls
    _, split = WELL_KNOWN[cls.__name__]

    def to_bytes(value: Any) -> bytes:
        seconds, nanos = split(value)
        return _message(cls(seconds=seconds, nanos=nanos))

    return to_bytes
