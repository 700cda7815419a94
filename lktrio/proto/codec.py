"""The only door between messages and bytes or JSON.

Whatever comes from the network, `decode` and `from_json` return a message or raise
`RemoteProtocolError`, nothing else, in time linear in the input.

What `decode` accepts is what Google's library accepts, with one exception: a Timestamp outside the
years 1 to 9999, or a Duration of more than 999,999,999 days, is refused.
"""

from __future__ import annotations

from typing import TypeVar

from lktrio.proto._decoder import decode_into
from lktrio.proto._encoder import encode_message
from lktrio.proto._message import Message, schema_of, with_values

__all__ = ["decode", "encode"]

MessageT = TypeVar("MessageT", bound=Message)


def decode(cls: type[MessageT], data: bytes | bytearray | memoryview) -> MessageT:
    """The message of class ``cls`` that ``data`` holds.

    Unknown fields are kept and come out again when the message is encoded; unknown enum values
    become members without a name.

    Raises:
        RemoteProtocolError: ``data`` is cut short, wrongly encoded, or nested too deeply.
    """
    values = schema_of(cls).fresh()
    decode_into(cls, values, data if isinstance(data, bytes) else bytes(data))
    return with_values(cls, values)


def encode(message: Message) -> bytes:
    """The bytes of a message: fields by number, maps in the order of the dictionary.

    Raises:
        TypeError: A field has a value of another type than the protocol's.
        ValueError: A number is out of range, a string has no UTF-8, or a time has no timezone.
        LocalProtocolError: Two members of a ``oneof`` are set.
    """
    return encode_message(message)
