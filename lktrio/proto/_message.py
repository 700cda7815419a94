"""The base class of the generated messages, and what the codecs know about each class.

The generated modules declare messages as betterproto2 does: one class per message, one
``betterproto2.field(number, type)`` per field. Two things differ from a plain betterproto2 class:

- A class becomes a dataclass when it is first used, and its constructor is this module's
  ``Message.__init__`` in place of one compiled per class: importing hundreds of messages stays
  cheap, and building one is a dictionary copy. Arguments are keywords only.
- Bytes and JSON go through `lktrio.proto.codec`, also when asked for by ``bytes(message)`` or
  ``parse``: betterproto2's own parser is never reached.

A `Schema` is built from a class when it is first used and kept on it.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import operator
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast, dataclass_transform

import betterproto2

from lktrio.proto._secrets import HIDDEN, is_secret
from lktrio.proto._time import WELL_KNOWN

if TYPE_CHECKING:
    from typing import Self

__all__ = ["FieldSchema", "Message", "Schema", "message", "schema_of", "with_values", "zero_of"]

MessageT = TypeVar("MessageT", bound="Message")

_WRAPPER = str.maketrans({"[": " ", "]": " ", ",": " ", "|": " "})
_SCHEMA = "_lktrio_schema"
UNKNOWN_FIELDS = "_unknown_fields"


class Message(betterproto2.Message):
    """Base of all protobuf messages.

    Messages compare by value, print the fields that are set, and are plain mutable objects.
    Fields that are absent are None where the protocol knows presence (messages, ``optional``
    and ``oneof`` members), else zero. An empty message is falsy: ask ``is not None``.
    """

    def __init__(self, **fields: Any) -> None:
        schema = schema_of(type(self))
        values = schema.fresh()
        if fields:
            if not fields.keys() <= schema.names:
                unknown = ", ".join(sorted(fields.keys() - schema.names))
                raise TypeError(f"{type(self).__name__} has no field {unknown}")
            values.update(fields)
        vars(self).update(values)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        mine, theirs = vars(self), vars(other)
        return all(_same(mine[name], theirs[name]) for name in schema_of(type(self)).names)

    __hash__ = None  # type: ignore[assignment] # messages are mutable

    def __repr__(self) -> str:
        """The fields that are set; of those that hold a secret, that they are."""
        cls, values = type(self), vars(self)
        schema = schema_of(cls)
        defaults = schema.fresh()
        names = [field.name for field in schema.fields]
        parts = [
            f"{name}={HIDDEN if is_secret(cls, name) else values[name]!r}"
            for name in names
            if values[name] != defaults[name]
        ]
        return f"{cls.__qualname__}({', '.join(parts)})"

    def __bool__(self) -> bool:
        """Whether any field differs from its default; an empty message is falsy."""
        schema = schema_of(type(self))
        defaults = schema.fresh()
        return any(vars(self)[name] != defaults[name] for name in schema.names)

    def __bytes__(self) -> bytes:
        from lktrio.proto.codec import encode

        return encode(self)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The message in ``data``; `lktrio.proto.codec.decode` says which errors it raises."""
        from lktrio.proto.codec import decode

        return decode(cls, data)

    def __copy__(self, _: Any = None) -> Self:
        return with_values(type(self), vars(self).copy())

    def __deepcopy__(self, memo: Any = None) -> Self:
        return with_values(type(self), copy.deepcopy(vars(self), memo))


def with_values(cls: type[MessageT], values: dict[str, Any]) -> MessageT:
    """A message that has ``values`` as its attributes: that dictionary, not a copy."""
    made: Any = cls.__new__(cls)
    made.__dict__ = values
    return cast("MessageT", made)


def _same(mine: Any, theirs: Any) -> bool:
    """Equality, where two NaNs are one value: a message equals itself."""
    return bool(mine == theirs or (mine != mine and theirs != theirs))


@dataclass_transform(eq_default=False, kw_only_default=True)
def message(cls: type[MessageT]) -> type[MessageT]:
    """Tell type checkers that a generated class is a dataclass; `schema_of` makes it one.

    To them what ``betterproto2.field`` returns is a default: every argument may be left out.
    """
    return cls


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

    def __init__(self, cls: type[Message]) -> None:
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


def schema_of(cls: type[Message]) -> Schema:
    """The schema of a message class, built at first use."""
    schema = cls.__dict__.get(_SCHEMA)
    if schema is None:
        schema = Schema(cls)
        setattr(cls, _SCHEMA, schema)
    return cast("Schema", schema)


def _make_dataclass(cls: type[Message]) -> None:
    if cls.__doc__ is None:
        cls.__doc__ = f"The message ``{cls.__name__}``."  # else dataclasses spends long on one
    dataclasses.dataclass(init=False, repr=False, eq=False, match_args=False)(cls)


def _field_schema(cls: type[Message], field: dataclasses.Field[Any]) -> FieldSchema:
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


def _referenced_class(cls: type[Message], annotation: str) -> Any:
    """The class an annotation such as ``dict[str, Room]`` or ``Room | None`` ends in."""
    words = [word for word in annotation.translate(_WRAPPER).split() if word != "None"]
    return operator.attrgetter(words[-1])(sys.modules[cls.__module__])
