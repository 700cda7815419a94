"""The only door between messages and bytes or JSON.

Whatever comes from the network, `decode` and `from_json` return a message or raise
`RemoteProtocolError`, nothing else, in time linear in the input. How much a message may hold is
bounded by a `Budget`: two bytes cannot become an object a million times over.

What `decode` accepts is what Google's library accepts, with one exception: a Timestamp outside the
years 1 to 9999, or a Duration of more than 999,999,999 days, is refused.
"""

from __future__ import annotations

import json
from typing import NoReturn, TypeVar

from lktrio.errors import RemoteProtocolError
from lktrio.proto._budget import (
    ANSWER,
    DATA_PACKET,
    SIGNAL_REQUEST,
    SIGNAL_RESPONSE,
    Budget,
    budget_of,
)
from lktrio.proto._decoder import decode_message
from lktrio.proto._encoder import encode_message, encode_varint
from lktrio.proto._json_size import check_text, check_value
from lktrio.proto._message import Message
from lktrio.proto._protojson import from_json_value, to_json_value

__all__ = [
    "ANSWER",
    "DATA_PACKET",
    "SIGNAL_REQUEST",
    "SIGNAL_RESPONSE",
    "Budget",
    "decode",
    "encode",
    "encode_number",
    "from_json",
    "from_json_value",
    "to_json",
    "to_json_value",
]

MessageT = TypeVar("MessageT", bound=Message)


def decode(
    cls: type[MessageT], data: bytes | bytearray | memoryview, budget: Budget | None = None
) -> MessageT:
    """The message of class ``cls`` that ``data`` holds.

    Unknown fields are kept and come out again when the message is encoded; unknown enum values
    become members without a name.

    Args:
        cls: Class of the message.
        data: Its bytes.
        budget: How much it may hold; None takes the one for messages of this class:
            `DATA_PACKET`, `SIGNAL_REQUEST`, `SIGNAL_RESPONSE`, or `ANSWER` for all others.

    Raises:
        RemoteProtocolError: ``data`` is cut short, wrongly encoded, nested too deeply, or holds
            more than its budget.
    """
    whole = data if isinstance(data, bytes) else bytes(data)
    return decode_message(cls, whole, budget or budget_of(cls))


def encode(message: Message) -> bytes:
    """The bytes of a message: fields by number, maps in the order of the dictionary.

    Raises:
        TypeError: A field has a value of another type than the protocol's.
        ValueError: A number is out of range, a string has no UTF-8, or a time has no timezone.
        LocalProtocolError: Two members of a ``oneof`` are set.
    """
    return encode_message(message)


def encode_number(field: int, value: int) -> bytes:
    """One field that holds a number (a varint); appended to a message's bytes, it is part of it.

    Args:
        field: Number of the field.
        value: At least 0.
    """
    return encode_varint(field << 3) + encode_varint(value)


def to_json(
    message: Message,
    *,
    indent: int | None = None,
    proto_names: bool = False,
    defaults: bool = False,
) -> str:
    """A message in protobuf's JSON: 64-bit integers as strings, bytes as base64, enums by name.

    Args:
        message: The message.
        indent: Spaces per level; None writes one line.
        proto_names: Write ``empty_timeout``, not ``emptyTimeout``.
        defaults: Write fields that have their default value too.
    """
    value = to_json_value(message, proto_names=proto_names, defaults=defaults)
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)


def from_json(
    cls: type[MessageT], text: str | bytes | bytearray, budget: Budget | None = None
) -> MessageT:
    """The message of class ``cls`` in protobuf's JSON.

    Names may be lowerCamelCase or those of the .proto files. Unknown fields and unknown names of
    enum values are skipped.

    Args:
        cls: Class of the message.
        text: The JSON; bytes are UTF-8, UTF-16 or UTF-32.
        budget: How much it may hold; None takes the one for messages of this class.

    Raises:
        RemoteProtocolError: ``text`` is not JSON, a value does not fit its field, or it holds more
            than its budget.
    """
    found = budget or budget_of(cls)
    try:
        check_text(text, found)
        value: object = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"{cls.__name__} is not JSON: {error}") from None
    check_value(value, len(text), found)
    return from_json_value(cls, value)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
