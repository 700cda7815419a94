"""The base class of the generated messages.

The generated modules declare messages as betterproto2 does: one class per message, one
``betterproto2.field(number, type)`` per field. Two things differ from a plain betterproto2 class:

- A class becomes a dataclass when it is first used, and its constructor is this module's
  ``Message.__init__`` in place of one compiled per class: importing hundreds of messages stays
  cheap, and building one is a dictionary copy. Arguments are keywords only.
- ``bytes(message)`` and ``parse`` go to our codecs, as `lktrio.proto.codec` does: betterproto2's
  own parser is never reached.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

import betterproto2

from lktrio.proto._budget import budget_of
from lktrio.proto._decoder import decode_message
from lktrio.proto._encoder import encode_message
from lktrio.proto._schema import schema_of, with_values
from lktrio.proto._secrets import HIDDEN, is_secret

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Message", "message"]

MessageT = TypeVar("MessageT", bound="Message")


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
        return encode_message(self)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The message in ``data``; `lktrio.proto.codec.decode` says which errors it raises."""
        return decode_message(cls, data, budget_of(cls))

    def __copy__(self, _: Any = None) -> Self:
        return with_values(type(self), vars(self).copy())

    def __deepcopy__(self, memo: Any = None) -> Self:
        return with_values(type(self), copy.deepcopy(vars(self), memo))


def _same(mine: Any, theirs: Any) -> bool:
    """Equality, where two NaNs are one value: a message equals itself."""
    return bool(mine == theirs or (mine != mine and theirs != theirs))


@dataclass_transform(eq_default=False, kw_only_default=True)
def message(cls: type[MessageT]) -> type[MessageT]:
    """Tell type checkers that a generated class is a dataclass; `schema_of` makes it one.

    To them what ``betterproto2.field`` returns is a default: every argument may be left out.
    """
    return cls
