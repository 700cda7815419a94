"""What the codecs know about each message class.

A `Schema` is built from the declarations of a generated class when it is first used and kept on it;
with that the class becomes a dataclass.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

import betterproto2

from lktrio.proto._time import WELL_KNOWN

__all__ = [
    "MAX_DEPTH",
    "UNKNOWN_FIELDS",
    "FieldSchema",
    "Schema",
    "schema_of",
    "with_values",
    "zero_of",
]

MessageT = TypeVar("MessageT", bound=betterproto2.Message)

MAX_DEPTH = 100
"""Levels of messages within messages, the default of Google's libraries."""
UNKNOWN_FIELDS = "_unknown_fields"
"""Attribute of a message with the bytes of fields that its class does not know."""

_WRAPPER = str.maketrans({"[": " ", "]": " ", ",": " ", "|": " "})
_SCHEMA = "_lktrio_schema"
_building = threading.RLock()  # a class that two threads make a dataclass of at once is spoilt


def with_values(cls: type[MessageT], values: dict[str, Any]) -> MessageT:
    """A message that has ``values`` as its attributes: that dictionary, not a copy."""
    made: Any = cls.__new__(cls)
    made.__dict__ = values
    return cast("MessageT", made)


@dataclasses.dataclass(frozen=True, slots=True)
class FieldSchema:
    """One field of a message, as the codecs need it."""

    name: str
    """Attribute name, which is the name in the .proto file."""
    number: int
    """Field number."""
    type: str
    """One of betterproto2's ``TYPE_`` constants; of the values if the field is a map."""
    cls: Any
    """The class of a message or enum (of the values of a map), else None."""
    repeated: bool
    """A list."""
    presence: bool
    """Absent is None and differs from zero: messages, ``optional``, ``oneof`` members."""
    group: str | None
    """The ``oneof`` it belongs to."""
    key_type: str | None
    """The type of the keys if the field is a map."""
    well_known: bool
    """A google.protobuf Timestamp or Duration that appears as its Python counterpart."""

    def entry(self) -> tuple[FieldSchema, FieldSchema]:
        """The key and the value of an entry of a map, which is a message on the wire."""
        assert self.key_type is not None
        key = FieldSchema("key", 1, self.key_type, None, False, False, None, None, False)
        value = dataclasses.replace(
            self, name="value", number=2, presence=False, group=None, key_type=None
        )
        return key, value


_ZEROS: dict[str, Callable[[], Any]] = {
    betterproto2.TYPE_STRING: str,
    betterproto2.TYPE_BYTES: bytes,
    betterproto2.TYPE_BOOL: bool,
    betterproto2.TYPE_FLOAT: float,
    betterproto2.TYPE_DOUBLE: float,
}


def zero_of(field: FieldSchema) -> Callable[[], Any]:
    """What makes the value of a field of its type that is not on the wire."""
    if field.well_known:
        return functools.partial(WELL_KNOWN[field.cls.__name__][0], 0, 0)
    if field.type == betterproto2.TYPE_ENUM:
        return functools.partial(field.cls, 0)
    if field.type == betterproto2.TYPE_MESSAGE:
        return cast("Callable[[], Any]", field.cls)
    return _ZEROS.get(field.type, int)


class Schema:
    """All fields of one message class, and the values a new one starts with.

    Attributes:
        fields: The fields in the order of their numbers.
        names: Their names.
        groups: Each ``oneof`` with the names of its members.
        decoder: Slot of the binary decoder.
        encoder: Slot of the binary encoder.
        json: Slot of the JSON codec.
    """

    __slots__ = (
        "_mutable",
        "_template",
        "cls",
        "decoder",
        "encoder",
        "fields",
        "groups",
        "json",
        "names",
    )

    def __init__(self, cls: type[betterproto2.Message]) -> None:
        _make_dataclass(cls)
        self.cls = cls
        self.decoder: Any = None
        self.encoder: Any = None
        self.json: Any = None
        declared = dataclasses.fields(cast("Any", cls))
        by_number = sorted(declared, key=lambda field: field.metadata["betterproto"].number)
        self.fields = tuple(_field_schema(cls, field) for field in by_number)
        self.names = frozenset(field.name for field in declared)
        groups: dict[str, list[str]] = {}
        for found in self.fields:
            if found.group is not None:
                groups.setdefault(found.group, []).append(found.name)
        self.groups = tuple((group, tuple(names)) for group, names in groups.items())
        self._template: dict[str, Any] = {}
        self._mutable: list[tuple[str, type[list[Any]] | type[dict[Any, Any]]]] = []
        for field in declared:
            factory = cast("Any", field.default_factory)
            if factory in (list, dict):
                self._mutable.append((field.name, factory))
            self._template[field.name] = factory()
        self._template[UNKNOWN_FIELDS] = b""

    def siblings(self, field: FieldSchema) -> tuple[str, ...]:
        """The other members of the ``oneof`` of a field."""
        if field.group is None:
            return ()
        return tuple(
            other.name for other in self.fields if other.group == field.group and other is not field
        )

    def fresh(self) -> dict[str, Any]:
        """The attributes of a new, empty message."""
        values = self._template.copy()
        for name, factory in self._mutable:
            values[name] = factory()
        return values


def schema_of(cls: type[betterproto2.Message]) -> Schema:
    """The schema of a message class, built at first use, in whichever thread that is."""
    schema = cls.__dict__.get(_SCHEMA)
    if schema is None:
        with _building:
            schema = cls.__dict__.get(_SCHEMA)
            if schema is None:
                schema = Schema(cls)
                setattr(cls, _SCHEMA, schema)
    return cast("Schema", schema)


def _make_dataclass(cls: type[betterproto2.Message]) -> None:
    if cls.__doc__ is None:
        cls.__doc__ = f"The message ``{cls.__name__}``."  # else dataclasses spends long on one
    dataclasses.dataclass(init=False, repr=False, eq=False, match_args=False)(cls)


def _field_schema(cls: type[betterproto2.Message], field: dataclasses.Field[Any]) -> FieldSchema:
    meta = field.metadata["betterproto"]
    value_meta = meta.map_meta[1] if meta.map_meta else meta
    kind = value_meta.proto_type
    referenced = kind in (betterproto2.TYPE_MESSAGE, betterproto2.TYPE_ENUM)
    well_known = value_meta.unwrap is not None
    value_cls = None
    if well_known:
        value_cls = value_meta.unwrap()
    elif referenced:
        value_cls = _referenced_class(cls, cast("str", field.type))
    return FieldSchema(
        name=field.name,
        number=meta.number,
        type=kind,
        cls=value_cls,
        repeated=meta.repeated,
        presence=bool(meta.optional or meta.group),
        group=meta.group,
        key_type=meta.map_meta[0].proto_type if meta.map_meta else None,
        well_known=well_known,
    )


def _referenced_class(cls: type[betterproto2.Message], annotation: str) -> Any:
    """The class an annotation such as ``dict[str, Room]`` or ``Room | None`` ends in."""
    words = [word for word in annotation.translate(_WRAPPER).split() if word != "None"]
    return operator.attrgetter(words[-1])(sys.modules[cls.__module__])
