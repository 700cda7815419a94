"""The protobuf wire format, reading (protobuf.dev, "Encoding").

Theory of operation: a message class has one table, from the tag (field number and wire type in
one integer) to a *reader*, a small function bound to one field. A reader is called at the first
byte after the tag; it stores the value in the attributes of the message being filled and returns
the position behind it. A tag that is not in the table (an unknown field, or a known one with
another wire type) is skipped and its bytes are kept, as Google's library does: they come out again
when the message is encoded.

Reading is bounded by ``end``, the end of the innermost length-delimited value, and everything
that crosses it is refused, so that the work is linear in the input. Nesting is limited to
`MAX_DEPTH`, Google's limit too. Values and messages are counted, against a `Budget`.

Rules that the differential tests hold against Google's library: the last of several values of a
field wins, but messages are merged; a ``oneof`` member clears the others; repeated scalars may be
packed or not; 32-bit values and enums are cut to 32 bits; strings must be UTF-8.
"""

from __future__ import annotations

import itertools
import struct
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import betterproto2 as bp

from lktrio.errors import RemoteProtocolError
from lktrio.proto._budget import Budget
from lktrio.proto._schema import (
    MAX_DEPTH,
    UNKNOWN_FIELDS,
    FieldSchema,
    Schema,
    schema_of,
    with_values,
    zero_of,
)
from lktrio.proto._time import WELL_KNOWN
from lktrio.proto._wire import (
    END_GROUP,
    FIXED32,
    FIXED32_SIZE,
    FIXED64,
    FIXED64_SIZE,
    LENGTH,
    START_GROUP,
    VARINT,
)

__all__ = ["decode_message"]

MAX_VARINT = 10  # bytes of a 64-bit varint
MAX_TAG = 0xFFFFFFFF
MAX_TAG_SIZE = 5  # octets of a tag or a length as a varint
MAX_LENGTH = 0x7FFFFFFF
MORE = 0x7F  # an octet above it has the continuation bit

TOO_DEEP = f"messages are nested deeper than {MAX_DEPTH} levels"

MessageT = TypeVar("MessageT", bound=bp.Message)
Values = dict[str, Any]
Reader = Callable[[Values, bytes, int, int, int, "_Meter"], int]
"""(attributes, data, position, end, depth, meter) to the position behind the field."""
Table = dict[int, Reader]
Convert = Callable[[int], Any]


class _Meter:
    """What is left of the budget of the message that is read.

    Attributes:
        count_value: Counts a value; raises StopIteration beyond those granted so far. An iterator
            does that in half the time that an attribute takes.
    """

    __slots__ = ("_budget", "_granted", "_messages", "count_value")

    def __init__(self, budget: Budget) -> None:
        self.count_value = itertools.repeat(None, budget.values).__next__
        self._budget = budget
        self._granted = budget.values
        self._messages = 0

    def count(self, position: int) -> None:
        """Count a value at a position; what was read until there pays for more of them."""
        try:
            self.count_value()
        except StopIteration:
            more = self._budget.values_in(position) - self._granted
            if more <= 0:
                problem = f"more than {self._granted} values in {position} bytes"
                raise RemoteProtocolError(problem) from None
            self._granted += more
            self.count_value = itertools.repeat(None, more - 1).__next__

    def count_message(self, position: int) -> None:
        """Count a message that begins at a position."""
        self._messages += 1
        if self._messages > self._budget.messages:
            most = self._budget.messages_in(position)
            if self._messages > most:
                raise RemoteProtocolError(f"more than {most} messages in {position} bytes")


def decode_message(cls: type[MessageT], data: bytes, budget: Budget) -> MessageT:
    """The message of class ``cls`` that ``data`` holds.

    Raises:
        RemoteProtocolError: ``data`` is not an encoded message, or exceeds the budget.
    """
    values = schema_of(cls).fresh()
    table, meter = _table_of(schema_of(cls)), _Meter(budget)
    try:
        _read_message(table, values, data, 0, len(data), MAX_DEPTH, meter)
    except IndexError:
        raise RemoteProtocolError(f"{cls.__name__} is cut short") from None
    except UnicodeDecodeError:
        raise RemoteProtocolError(f"{cls.__name__} has a string that is not UTF-8") from None
    finally:
        _growing.finish()
    return with_values(cls, values)


class _Growing(threading.local):
    """The messages being read whose unknown fields are kept as a bytearray until the end.

    A message may come in any number of pieces that are merged, each with unknown fields: joining
    them one by one to ``bytes`` would copy what is there already each time.
    """

    def __init__(self) -> None:
        self._messages: list[Values] = []

    def append(self, values: Values, piece: bytes) -> None:
        kept = values[UNKNOWN_FIELDS]
        if type(kept) is bytes:
            kept = values[UNKNOWN_FIELDS] = bytearray(kept)
            self._messages.append(values)
        kept += piece

    def finish(self) -> None:
        if self._messages:
            for values in self._messages:
                values[UNKNOWN_FIELDS] = bytes(values[UNKNOWN_FIELDS])
            self._messages.clear()


_growing = _Growing()


def _read_message(
    table: Table, values: Values, data: bytes, position: int, end: int, depth: int, meter: _Meter
) -> int:
    count_value = meter.count_value
    while position < end:
        try:
            count_value()
        except StopIteration:
            meter.count(position)
            count_value = meter.count_value
        start = position
        tag = data[position]
        position += 1
        if tag > MORE:
            tag, position = _varint(data, start, end)
            if tag > MAX_TAG or position - start > MAX_TAG_SIZE:
                raise RemoteProtocolError("a field number is too large")
        reader = table.get(tag)
        if reader is not None:
            position = reader(values, data, position, end, depth, meter)
        else:
            meter.count(position)  # keeping takes as long as reading three values
            meter.count(position)
            position = _skip(tag, data, position, end, depth, meter)
            _growing.append(values, data[start:position])
    if position > end:
        raise RemoteProtocolError("a value goes beyond the end of its message")
    return position


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """An unsigned varint of up to 64 bits and the position behind it."""
    result = shift = 0
    limit = min(end, position + MAX_VARINT)
    while position < limit:
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte <= MORE:
            return result & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
    raise RemoteProtocolError("a varint is cut short or too long")


def _length(data: bytes, position: int, end: int) -> tuple[int, int]:
    """The bounds of a length-delimited value: its start and its end."""
    size = data[position]
    position += 1
    if size > MORE:
        start = position - 1
        size, position = _varint(data, start, end)
        if size > MAX_LENGTH or position - start > MAX_TAG_SIZE:
            raise RemoteProtocolError("a length is too large")
    stop = position + size
    if stop > end:
        raise RemoteProtocolError("a value goes beyond the end of its message")
    return position, stop


def _skip(tag: int, data: bytes, position: int, end: int, depth: int, meter: _Meter) -> int:
    """The position behind a value that no field takes."""
    number, wire_type = tag >> 3, tag & 7
    if number == 0:
        raise RemoteProtocolError("field number 0")
    if wire_type == VARINT:
        return _varint(data, position, end)[1]
    if wire_type == LENGTH:
        return _length(data, position, end)[1]
    if wire_type == FIXED64:
        return position + FIXED64_SIZE
    if wire_type == FIXED32:
        return position + FIXED32_SIZE
    if wire_type == START_GROUP:
        return _skip_group(number, data, position, end, depth - 1, meter)
    raise RemoteProtocolError(f"wire type {wire_type} where a field begins")


def _skip_group(
    number: int, data: bytes, position: int, end: int, depth: int, meter: _Meter
) -> int:
    """The position behind the end of group ``number``."""
    if depth < 0:
        raise RemoteProtocolError(TOO_DEEP)
    while position < end:
        meter.count(position)
        meter.count(position)
        start = position
        tag, position = _varint(data, position, end)
        if tag > MAX_TAG or position - start > MAX_TAG_SIZE:
            raise RemoteProtocolError("a field number is too large")
        if tag == number << 3 | END_GROUP:
            return position
        position = _skip(tag, data, position, end, depth, meter)
    raise RemoteProtocolError("a group does not end")


# Conversions of a 64-bit unsigned value to the value of a field.


def _int32(value: int) -> int:
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def _int64(value: int) -> int:
    return (value ^ 0x8000000000000000) - 0x8000000000000000


def _uint32(value: int) -> int:
    return value & 0xFFFFFFFF


def _uint64(value: int) -> int:
    return value


def _sint32(value: int) -> int:
    value &= 0xFFFFFFFF
    return (value >> 1) ^ -(value & 1)


def _sint64(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


_VARINTS: dict[str, Convert] = {
    bp.TYPE_INT32: _int32,
    bp.TYPE_INT64: _int64,
    bp.TYPE_UINT32: _uint32,
    bp.TYPE_UINT64: _uint64,
    bp.TYPE_SINT32: _sint32,
    bp.TYPE_SINT64: _sint64,
    bp.TYPE_BOOL: bool,
}
_FIXED = {
    bp.TYPE_FIXED32: struct.Struct("<I"),
    bp.TYPE_SFIXED32: struct.Struct("<i"),
    bp.TYPE_FLOAT: struct.Struct("<f"),
    bp.TYPE_FIXED64: struct.Struct("<Q"),
    bp.TYPE_SFIXED64: struct.Struct("<q"),
    bp.TYPE_DOUBLE: struct.Struct("<d"),
}


def _enum(cls: Any) -> Convert:
    """Known values are looked up; betterproto2 makes nameless members of the others."""
    members: dict[int, Any] = cls._value2member_map_

    def convert(value: int) -> Any:
        value = _int32(value)
        member = members.get(value)
        return cls(value) if member is None else member

    return convert


def _table_of(schema: Schema) -> Table:
    """The readers of a message class, made when it is first read."""
    table: Table | None = schema.decoder
    if table is None:
        table = schema.decoder = {}
        for field in schema.fields:
            table.update(_readers(field, schema.siblings(field)))
    return table


def _readers(field: FieldSchema, siblings: tuple[str, ...]) -> Table:
    """The readers of one field, by tag. ``siblings`` are the others of its ``oneof``."""
    tag = field.number << 3
    for kinds, make in (
        (field.key_type is not None, _map_reader),
        (field.well_known, _well_known_reader),
        (field.type == bp.TYPE_MESSAGE, _message_reader),
        (field.type == bp.TYPE_STRING, _string_reader),
        (field.type == bp.TYPE_BYTES, _bytes_reader),
    ):
        if kinds:
            return {tag | LENGTH: make(field, siblings)}
    if field.type in _FIXED:
        packed = _FIXED[field.type]
        wire_type = FIXED32 if packed.size == FIXED32_SIZE else FIXED64
        readers = {tag | wire_type: _fixed_reader(field, siblings, packed)}
        if field.repeated:
            readers[tag | LENGTH] = _packed_fixed_reader(field, packed)
        return readers
    convert = _enum(field.cls) if field.type == bp.TYPE_ENUM else _VARINTS[field.type]
    readers = {tag | VARINT: _varint_reader(field, siblings, convert)}
    if field.repeated:
        readers[tag | LENGTH] = _packed_varint_reader(field, convert)
    return readers


def _string_reader(field: FieldSchema, siblings: tuple[str, ...]) -> Reader:
    name, repeated = field.name, field.repeated

    def read(
        values: Values, data: bytes, position: int, end: int, depth: int, meter: _Meter
    ) -> int:
        start = position + 1
        stop = start + data[position]
        if stop > end or data[position] > MORE:
            start, stop = _length(data, position, end)
        value = data[start:stop].decode()
        if repeated:
            values[name].append(value)
            return stop
        if siblings and values[name] is None:  # else they are all None
            meter.count(position)
            for sibling in siblings:
                values[sibling] = None
        values[name] = value
        return stop

    return read


def _bytes_reader(field: FieldSchema, siblings: tuple[str, ...]) -> Reader:
    name, repeated = field.name, field.repeated

    def read(
        values: Values, data: bytes, position: int, end: int, depth: int, meter: _Meter
    ) -> int:
        start, stop = _length(data, position, end)
        if repeated:
            values[name].append(data[start:stop])
            return stop
        if siblings and values[name] is None:  # else they are all None
            meter.count(position)
            for sibling in siblings:
                values[sibling] = None
        values[name] = data[start:stop]
        return stop

    return read


def _varint_reader(field: FieldSchema, siblings: tuple[str, ...], convert: Convert) -> Reader:
    name, repeated = field.name, field.repeated

    def read(
        values: Values, data: bytes, position: int, end: int, depth: int, meter: _Meter
    ) -> int:
        value = data[position]
        if value > MORE:
            value, position = _varint(data, position, end)
        else:
            position += 1
        if repeated:
            values[name].append(convert(value))
            return position
        if siblings and values[name] is None:  # else they are all None
            meter.count(position)
            for sibling in siblings:
                values[sibling] = None
        values[name] = convert(value)
        return position

    return read


def _fixed_reader(field: FieldSchema, siblings: tuple[str, ...], packed: struct.Struct) -> Reader:
    name, repeated, size, unpack = field.name, field.repeated, packed.size, packed.unpack_from

    def read(
        values: Values, data: bytes, position: int, end: int, depth: int, meter: _Meter
    ) -> int:
        stop = position + size
        if stop > end:
            raise RemoteProtocolError("a value goes beyond the end of its message")
        (value,) = unpack(data, position)
        if repeated:
            values[name].append(value)
            return stop
        if siblings and values[name] is None:  # else they are all None
            meter.count(position)
            for sibling in siblings:
                values[sibling] = None
        values[name] = value
        return stop

    return read


def _packed_varint_reader(field: FieldSchema, convert: Convert) -> Reader:
    name = field.name

    def read(
        values: Values, data: bytes, position: int, end: int, depth: int, meter: _Meter
    ) -> int:
        position, stop = _length(data, position, end)
        append = values[name].append
        while position < stop:
            meter.count(position)
            value, position = _varint(data, position, stop)
            append(convert(value))
        return stop

    return read


def _packed_fixed_reader(field: FieldSchema, packed: struct.Struct) -> Reader:
    name = field.name

    def read(
        values: Values, data: bytes, position: int, end: int, depth: int, meter: _Meter
    ) -> int:
        start, stop = _length(data, position, end)
        if (stop - start) % packed.size:
            raise RemoteProtocolError("packed values of the wrong size")
        append = values[name].append
        for (value,) in packed.iter_unpack(data[start:stop]):
            meter.count(start)
            append(value)
        return stop

    return read


def _message_reader(field: FieldSchema, siblings: tuple[str, ...]) -> Reader:
    name, repeated, cls = field.name, field.repeated, field.cls
    schema = schema_of(cls)

    def read(
        values: Values, data: bytes, position: int, end: int, depth: int, meter: _Meter
    ) -> int:
        if depth <= 0:
            raise RemoteProtocolError(TOO_DEEP)
        meter.count_message(position)
        start, stop = _length(data, position, end)
        if siblings and values[name] is None:  # else they are all None
            meter.count(position)
            for sibling in siblings:
                values[sibling] = None
        message = None if repeated else values[name]
        if message is None:
            message = with_values(cls, schema.fresh())
            if repeated:
                values[name].append(message)
            else:
                values[name] = message
        table = schema.decoder or _table_of(schema)
        _read_message(table, message.__dict__, data, start, stop, depth - 1, meter)
        return stop

    return read


def _map_reader(field: FieldSchema, siblings: tuple[str, ...]) -> Reader:
    """An entry is a message with the key in field 1 and the value in field 2."""
    name = field.name
    entry: Table = {}
    defaults = {part.name: zero_of(part) for part in field.entry()}

    def read(
        values: Values, data: bytes, position: int, end: int, depth: int, meter: _Meter
    ) -> int:
        if depth <= 0:
            raise RemoteProtocolError(TOO_DEEP)
        meter.count_message(position)
        if not entry:  # not made at once: the values may be of the class that holds the map
            for part in field.entry():
                entry.update(_readers(part, ()))
        start, stop = _length(data, position, end)
        pair: Values = {"key": None, "value": None, UNKNOWN_FIELDS: b""}
        _read_message(entry, pair, data, start, stop, depth - 1, meter)
        key, value = (
            default() if pair[part] is None else pair[part] for part, default in defaults.items()
        )
        values[name][key] = value
        return stop

    return read


def _well_known_reader(field: FieldSchema, siblings: tuple[str, ...]) -> Reader:
    """Timestamp and Duration, which users see as ``datetime`` and ``timedelta``."""
    name, repeated = field.name, field.repeated
    schema = schema_of(field.cls)
    join, split = WELL_KNOWN[field.cls.__name__]

    def read(
        values: Values, data: bytes, position: int, end: int, depth: int, meter: _Meter
    ) -> int:
        if depth <= 0:
            raise RemoteProtocolError(TOO_DEEP)
        meter.count_message(position)
        start, stop = _length(data, position, end)
        previous = None if repeated else values[name]
        parts = schema.fresh()
        if previous is not None:
            parts["seconds"], parts["nanos"] = split(previous)
        table = schema.decoder or _table_of(schema)
        _read_message(table, parts, data, start, stop, depth - 1, meter)
        try:
            value = join(parts["seconds"], parts["nanos"])
        except OverflowError:
            raise RemoteProtocolError(f"{name} is out of range") from None
        if siblings and values[name] is None:  # else they are all None
            meter.count(position)
            for sibling in siblings:
                values[sibling] = None
        if repeated:
            values[name].append(value)
        else:
            values[name] = value
        return stop

    return read
