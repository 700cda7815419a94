"""The JSON mapping of protobuf (protobuf.dev, "ProtoJSON Format").

Theory of operation: a message class has one table of fields, each with a function that turns a
value into what ``json`` writes and one that turns what ``json`` read into a value. Names are
lowerCamelCase; the .proto names are read as well. Unknown fields and unknown names of enum values
are skipped, as LiveKit's servers do, so that a newer server can be read.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import math
import re
import struct
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import betterproto2 as bp

from lktrio.errors import RemoteProtocolError
from lktrio.proto._budget import budget_of
from lktrio.proto._decoder import decode_message
from lktrio.proto._encoder import encode_message
from lktrio.proto._message import Message
from lktrio.proto._schema import (
    MAX_DEPTH,
    FieldSchema,
    Schema,
    schema_of,
    with_values,
    zero_of,
)
from lktrio.proto._time import WELL_KNOWN

__all__ = ["from_json_value", "to_json_value"]

MessageT = TypeVar("MessageT", bound=Message)


class Style(NamedTuple):
    """How messages are written."""

    proto_names: bool
    defaults: bool


Dump = Callable[[Any, Style], Any]
Load = Callable[[Any, int], Any]
"""(what json read, levels left) to a value, or `UNKNOWN`."""

UNKNOWN = object()
"""Stands for the name of an enum value that is not known."""


class _Field(NamedTuple):
    schema: FieldSchema
    json_name: str
    dump: Dump
    load: Load
    zero: Callable[[], Any]


class _Table(NamedTuple):
    fields: tuple[_Field, ...]
    by_name: dict[str, _Field]


def to_json_value(message: Message, *, proto_names: bool = False, defaults: bool = False) -> Any:
    """What ``json.dumps`` takes; `lktrio.proto.codec.to_json` explains the arguments."""
    return _dump_message(message, Style(proto_names, defaults))


def from_json_value(cls: type[MessageT], value: object) -> MessageT:
    """The message in what ``json.loads`` returned.

    Raises:
        RemoteProtocolError: A value does not fit its field.
    """
    return cast("MessageT", _load_message(cls)(value, MAX_DEPTH))


def _table_of(schema: Schema) -> _Table:
    table: _Table | None = schema.json
    if table is None:
        fields = tuple(
            _Field(field, _camel_case(field.name), *_converters(field), zero_of(field))
            for field in schema.fields
        )
        by_name = {field.schema.name: field for field in fields}
        by_name |= {field.json_name: field for field in fields}
        table = schema.json = _Table(fields, by_name)
    return table


def _camel_case(name: str) -> str:
    return re.sub(r"_+(.?)", lambda found: found[1].upper(), name)


def _converters(field: FieldSchema) -> tuple[Dump, Load]:
    if field.key_type is not None:
        key, value = field.entry()
        dump, load = _single(value)
        return _dump_map(dump), _load_map(_load_key(key.type), load)
    dump, load = _single(field)
    return (_dump_list(dump), _load_list(load)) if field.repeated else (dump, load)


def _single(field: FieldSchema) -> tuple[Dump, Load]:
    """The converters of one value of a field."""
    if field.type == bp.TYPE_ENUM:
        return _dump_enum, _load_enum(field.cls)
    if field.type == bp.TYPE_MESSAGE:
        if field.well_known:
            return _WELL_KNOWN[field.cls.__name__]
        return _special(field.cls) or (_dump_message, _load_message(field.cls))
    return _SCALARS[field.type]


# Messages, lists and maps.


def _dump_message(message: Message, style: Style) -> Any:
    special = _special(type(message))
    if special:
        return special[0](message, style)
    found: dict[str, Any] = {}
    for field in _table_of(schema_of(type(message))).fields:
        value = getattr(message, field.schema.name)
        if _is_written(field, value, style):
            name = field.schema.name if style.proto_names else field.json_name
            found[name] = field.dump(value, style)
    return found


def _is_written(field: _Field, value: Any, style: Style) -> bool:
    if field.schema.presence:
        return value is not None
    return style.defaults or bool(value) or (isinstance(value, float) and str(value) == "-0.0")


def _load_message(cls: type[Message]) -> Load:
    special = _special(cls)
    if special:
        return special[1]

    def load(value: object, depth: int) -> Message:
        if depth <= 0:
            raise RemoteProtocolError(f"messages are nested deeper than {MAX_DEPTH} levels")
        if not isinstance(value, dict):
            raise RemoteProtocolError(f"{cls.__name__} is not a JSON object")
        schema = schema_of(cls)
        values = schema.fresh()
        by_name = _table_of(schema).by_name
        groups: set[str] = set()
        for name, item in cast("dict[str, object]", value).items():
            field = by_name.get(name)
            if field is not None:
                _load_field(field, item, depth, values, groups)
        return with_values(cls, values)

    return load


def _load_field(
    field: _Field, item: object, depth: int, values: dict[str, Any], groups: set[str]
) -> None:
    schema = field.schema
    if item is None and not _takes_null(schema):
        return
    if schema.group is not None:
        if schema.group in groups:
            raise RemoteProtocolError(f"{schema.group} is there twice")
        groups.add(schema.group)
    try:
        loaded = field.load(item, depth - 1)
    except RemoteProtocolError as error:
        raise RemoteProtocolError(f"{schema.name}: {error}") from None
    if loaded is not UNKNOWN:
        values[schema.name] = loaded


def _takes_null(field: FieldSchema) -> bool:
    if field.repeated or field.cls is None:
        return False
    name = field.cls.__name__
    return field.cls.__module__.endswith("google_protobuf") and name in ("Value", "NullValue")


def _dump_list(dump: Dump) -> Dump:
    return lambda items, style: [dump(item, style) for item in items]


def _load_list(load: Load) -> Load:
    def load_items(value: object, depth: int) -> list[Any]:
        if not isinstance(value, list):
            raise RemoteProtocolError("not a JSON array")
        loaded = [load(item, depth) for item in cast("list[object]", value)]
        return [item for item in loaded if item is not UNKNOWN]

    return load_items


def _dump_map(dump: Dump) -> Dump:
    def dump_items(items: dict[Any, Any], style: Style) -> dict[str, Any]:
        return {_dump_key(key): dump(item, style) for key, item in items.items()}

    return dump_items


def _dump_key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _load_map(load_key: Load, load: Load) -> Load:
    def load_items(value: object, depth: int) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise RemoteProtocolError("not a JSON object")
        items = cast("dict[str, object]", value).items()
        loaded = {load_key(key, depth): load(item, depth) for key, item in items}
        return {key: item for key, item in loaded.items() if item is not UNKNOWN}

    return load_items


def _load_key(kind: str) -> Load:
    """Keys are strings in JSON, whatever their type."""
    _, load = _SCALARS[kind]
    if kind != bp.TYPE_BOOL:
        return load

    def load_bool(value: str, _: int) -> bool:
        if value not in ("true", "false"):
            raise RemoteProtocolError("a key is neither true nor false")
        return value == "true"

    return load_bool


# Scalars.


def _plain(value: Any, _: Style) -> Any:
    return value


def _text(value: Any, _: Style) -> str:
    return str(value)


_INTEGER = re.compile(r"-?[0-9]{1,20}\Z")


def _load_integer(low: int, high: int) -> Load:
    def load(value: object, _: int) -> int:
        if isinstance(value, str) and _INTEGER.match(value):
            number = int(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            number = value
        elif isinstance(value, float) and value.is_integer():
            number = int(value)
        else:
            raise RemoteProtocolError("not an integer")
        if not low <= number <= high:
            raise RemoteProtocolError("an integer out of range")
        return number

    return load


def _load_bool(value: object, _: int) -> bool:
    if not isinstance(value, bool):
        raise RemoteProtocolError("neither true nor false")
    return value


def _load_string(value: object, _: int) -> str:
    if not isinstance(value, str):
        raise RemoteProtocolError("not a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RemoteProtocolError("a string with half a surrogate pair") from None
    return value


def _dump_bytes(value: bytes, _: Style) -> str:
    return base64.b64encode(value).decode("ascii")


_URL_SAFE = str.maketrans("-_", "+/")


def _load_bytes(value: object, _: int) -> bytes:
    """Base64 of either alphabet, with or without padding."""
    if not isinstance(value, str):
        raise RemoteProtocolError("not a string of base64")
    text = value.rstrip("=").translate(_URL_SAFE)
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        raise RemoteProtocolError("not base64") from None


_SPECIAL_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_FLOAT = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")


def _dump_double(value: float, _: Style) -> float | str:
    if math.isfinite(value):
        return float(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _load_double(value: object, _: int) -> float:
    if isinstance(value, str):
        if value in _SPECIAL_FLOATS:
            return _SPECIAL_FLOATS[value]
        if not _FLOAT.match(value):
            raise RemoteProtocolError("not a number")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise RemoteProtocolError("not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise RemoteProtocolError("a number out of range")
    return number


_FLOAT32 = struct.Struct("<f")
_FLOAT32_DIGITS = (6, 7, 8, 9)
"""Decimal digits that express 32-bit floats: the first always can, the last always suffices."""


def _dump_float(value: float, style: Style) -> float | str:
    """The shortest number that is the same 32-bit float."""
    if not math.isfinite(value):
        return _dump_double(value, style)
    try:
        packed = _FLOAT32.pack(value)
    except OverflowError:
        return "Infinity" if value > 0 else "-Infinity"
    shorter = (float(f"{value:.{digits}g}") for digits in _FLOAT32_DIGITS)
    return next((number for number in shorter if _packs_to(number, packed)), float(value))


def _packs_to(number: float, packed: bytes) -> bool:
    try:
        return _FLOAT32.pack(number) == packed
    except OverflowError:
        return False


def _load_float(value: object, depth: int) -> float:
    number = _load_double(value, depth)
    try:
        (rounded,) = _FLOAT32.unpack(_FLOAT32.pack(number))
    except OverflowError:
        raise RemoteProtocolError("a number out of range") from None
    return cast("float", rounded)


def _dump_enum(value: Any, _: Style) -> str | int:
    return getattr(value, "name", "") or int(value)


def _load_enum(cls: Any) -> Load:
    load_number = _load_integer(-(1 << 31), (1 << 31) - 1)

    def load(value: object, depth: int) -> Any:
        if value is None and cls.__name__ == "NullValue":
            return cls(0)
        if isinstance(value, str):
            return cls.__members__.get(value, UNKNOWN)
        return cls(load_number(value, depth))

    return load


# Timestamp and Duration.

_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)\Z", re.ASCII
)
_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s\Z", re.ASCII)
MAX_DURATION = 315_576_000_000
"""Seconds of the longest google.protobuf.Duration."""


def _dump_timestamp(value: datetime.datetime, _: Style) -> str:
    seconds, nanos = WELL_KNOWN["Timestamp"][1](value)
    moment = WELL_KNOWN["Timestamp"][0](seconds, 0)
    return f"{moment.replace(tzinfo=None).isoformat()}{_fraction(nanos)}Z"


def _load_timestamp(value: object, _: int) -> datetime.datetime:
    found = _TIMESTAMP.match(value) if isinstance(value, str) else None
    if found is None:
        raise RemoteProtocolError("not a time as RFC 3339 has it")
    fraction = (found[2] or "")[:6].ljust(6, "0")
    zone = "+00:00" if found[3] == "Z" else found[3]
    try:
        moment = datetime.datetime.fromisoformat(f"{found[1]}.{fraction}{zone}")
        return moment.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        raise RemoteProtocolError("not a time of the calendar") from None


def _dump_duration(value: datetime.timedelta, _: Style) -> str:
    seconds, nanos = WELL_KNOWN["Duration"][1](value)
    sign = "-" if seconds < 0 or nanos < 0 else ""
    return f"{sign}{abs(seconds)}{_fraction(abs(nanos))}s"


def _load_duration(value: object, _: int) -> datetime.timedelta:
    found = _DURATION.match(value) if isinstance(value, str) else None
    if found is None or int(found[2]) > MAX_DURATION:
        raise RemoteProtocolError('not a duration such as "1.5s"')
    nanos = int((found[3] or "").ljust(9, "0"))
    sign = -1 if found[1] else 1
    try:
        return cast(
            "datetime.timedelta", WELL_KNOWN["Duration"][0](sign * int(found[2]), sign * nanos)
        )
    except OverflowError:
        raise RemoteProtocolError("a duration out of range") from None


def _fraction(nanos: int) -> str:
    """None, three or six digits after the point."""
    if not nanos:
        return ""
    return f".{nanos // 1_000_000:03}" if nanos % 1_000_000 == 0 else f".{nanos // 1000:06}"


# Messages of google.protobuf with a JSON form of their own.


def _special(cls: type[Message]) -> tuple[Dump, Load] | None:
    if not cls.__module__.endswith("google_protobuf"):
        return None
    return _SPECIAL.get(cls.__name__)


def _google(name: str) -> Any:
    from lktrio.proto.livekit import google_protobuf

    return getattr(google_protobuf, name)


def _dump_struct(message: Any, style: Style) -> dict[str, Any]:
    return {key: _dump_value(value, style) for key, value in message.fields.items()}


def _load_struct(value: object, depth: int) -> Any:
    if not isinstance(value, dict):
        raise RemoteProtocolError("not a JSON object")
    items = cast("dict[str, object]", value).items()
    fields = {_load_string(key, depth): _load_value(item, depth - 1) for key, item in items}
    return _google("Struct")(fields=fields)


def _dump_values(message: Any, style: Style) -> list[Any]:
    return [_dump_value(value, style) for value in message.values]


def _load_values(value: object, depth: int) -> Any:
    if not isinstance(value, list):
        raise RemoteProtocolError("not a JSON array")
    items = cast("list[object]", value)
    return _google("ListValue")(values=[_load_value(item, depth - 1) for item in items])


def _dump_value(message: Any, style: Style) -> Any:
    if message.struct_value is not None:
        return _dump_struct(message.struct_value, style)
    if message.list_value is not None:
        return _dump_values(message.list_value, style)
    if message.number_value is not None:
        return _dump_double(message.number_value, style)
    return message.bool_value if message.bool_value is not None else message.string_value


def _load_value(value: object, depth: int) -> Any:
    if depth <= 0:
        raise RemoteProtocolError(f"messages are nested deeper than {MAX_DEPTH} levels")
    make = _google("Value")
    if value is None:
        return make(null_value=_google("NullValue")(0))
    if isinstance(value, bool):
        return make(bool_value=value)
    if isinstance(value, str):
        return make(string_value=_load_string(value, depth))
    if isinstance(value, dict):
        return make(struct_value=_load_struct(cast("object", value), depth - 1))
    if isinstance(value, list):
        return make(list_value=_load_values(cast("object", value), depth - 1))
    return make(number_value=_load_double(value, depth))


def _dump_any(message: Any, style: Style) -> dict[str, Any]:
    """The fields of the message it holds beside its type; base64 if the type is not ours."""
    cls = _class_of_url(message.type_url)
    if cls is None:
        return {"@type": message.type_url, "value": _dump_bytes(message.value, style)}
    found = decode_message(cls, message.value, budget_of(cls))
    return {"@type": message.type_url, **_dump_message(found, style)}


def _load_any(value: object, depth: int) -> Any:
    if not isinstance(value, dict):
        raise RemoteProtocolError("not a JSON object")
    items = dict(cast("dict[str, object]", value))
    url = _load_string(items.pop("@type", ""), depth)
    cls = _class_of_url(url)
    if cls is None:
        return _google("Any")(type_url=url, value=_load_bytes(items.get("value", ""), depth))
    return _google("Any")(type_url=url, value=encode_message(_load_message(cls)(items, depth - 1)))


def _class_of_url(url: str) -> type[Message] | None:
    """The class that a type URL such as ``type.googleapis.com/livekit.Room`` names."""
    from lktrio import proto

    package, _, name = url.rpartition("/")[2].partition(".")
    if package != "livekit" or "." in name:
        return None
    found: Any = getattr(proto, name, None)
    is_message = isinstance(found, type) and issubclass(found, Message)
    return cast("type[Message]", found) if is_message and found is not Message else None


_SPECIAL: dict[str, tuple[Dump, Load]] = {
    "Any": (_dump_any, _load_any),
    "Struct": (_dump_struct, _load_struct),
    "ListValue": (_dump_values, _load_values),
    "Value": (_dump_value, _load_value),
    "Timestamp": (
        lambda message, style: _dump_timestamp(
            WELL_KNOWN["Timestamp"][0](message.seconds, message.nanos), style
        ),
        lambda value, depth: _google("Timestamp")(
            **_parts("Timestamp", _load_timestamp(value, depth))
        ),
    ),
    "Duration": (
        lambda message, style: _dump_duration(
            WELL_KNOWN["Duration"][0](message.seconds, message.nanos), style
        ),
        lambda value, depth: _google("Duration")(
            **_parts("Duration", _load_duration(value, depth))
        ),
    ),
}
_WELL_KNOWN: dict[str, tuple[Dump, Load]] = {
    "Timestamp": (_dump_timestamp, _load_timestamp),
    "Duration": (_dump_duration, _load_duration),
}


def _parts(name: str, value: Any) -> dict[str, int]:
    seconds, nanos = WELL_KNOWN[name][1](value)
    return {"seconds": seconds, "nanos": nanos}


_INT32 = _load_integer(-(1 << 31), (1 << 31) - 1)
_INT64 = _load_integer(-(1 << 63), (1 << 63) - 1)
_UINT32 = _load_integer(0, (1 << 32) - 1)
_UINT64 = _load_integer(0, (1 << 64) - 1)

_SCALARS: dict[str, tuple[Dump, Load]] = {
    bp.TYPE_BOOL: (_plain, _load_bool),
    bp.TYPE_STRING: (_plain, _load_string),
    bp.TYPE_BYTES: (_dump_bytes, _load_bytes),
    bp.TYPE_FLOAT: (_dump_float, _load_float),
    bp.TYPE_DOUBLE: (_dump_double, _load_double),
    **dict.fromkeys((bp.TYPE_INT32, bp.TYPE_SINT32, bp.TYPE_SFIXED32), (_plain, _INT32)),
    **dict.fromkeys((bp.TYPE_UINT32, bp.TYPE_FIXED32), (_plain, _UINT32)),
    **dict.fromkeys((bp.TYPE_INT64, bp.TYPE_SINT64, bp.TYPE_SFIXED64), (_text, _INT64)),
    **dict.fromkeys((bp.TYPE_UINT64, bp.TYPE_FIXED64), (_text, _UINT64)),
}
