"""Chat messages, in their two forms, and which of them say something new.

Theory of operation: today's form is a text stream of the topic ``lk.chat``, whose id is that of the
message; one that changes it is an update with the same id. The form of earlier days is a packet
(``ChatMessage``). Programs send either, or both with the same id, so what was told of a message is
remembered, and only what differs from that is told.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from lktrio import proto
from lktrio.room.packets.collecting import CollectedText
from lktrio.room.state.messages import ChatMessage

__all__ = [
    "CHAT_TOPIC",
    "ChatHistory",
    "next_version",
    "packet_of",
    "read_packet",
    "read_stream",
    "text_header_of",
]

CHAT_TOPIC = "lk.chat"
_LONGEST_ID = 256
_REMEMBERED = 1024  # messages whose last state is known
_MILLISECONDS = 1000
_MAX_VERSION = 2**31 - 1  # what a header holds

_Operation = proto.DataStream.OperationType
_READ = (_Operation.CREATE, _Operation.UPDATE, _Operation.DELETE)


def read_packet(packet: proto.ChatMessage) -> ChatMessage | None:
    """The message in a packet; None if it makes no sense."""
    if not _is_id(packet.id):
        return None
    edited = packet.edit_timestamp
    return ChatMessage(
        packet.id,
        packet.message,
        packet.timestamp / _MILLISECONDS,
        edited_at=None if edited is None else edited / _MILLISECONDS,
        deleted=packet.deleted,
        generated=packet.generated,
    )


def read_stream(stream: CollectedText) -> ChatMessage | None:
    """The message that a stream is; None if it makes no sense."""
    header, text = stream.header, stream.header.text_header
    if text is None or text.operation_type not in _READ or not _is_id(header.stream_id):
        return None
    timestamp = header.timestamp / _MILLISECONDS
    return ChatMessage(
        header.stream_id,
        stream.text,
        timestamp,
        edited_at=None if text.operation_type == _Operation.CREATE else timestamp,
        version=text.version,
        deleted=text.operation_type == _Operation.DELETE,
        generated=text.generated,
        reply_to_id=text.reply_to_stream_id,
        attached_stream_ids=tuple(text.attached_stream_ids),
        attributes=stream.attributes,
    )


def _is_id(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_ID


def packet_of(message: ChatMessage) -> proto.ChatMessage:
    """The packet for a message."""
    edited = message.edited_at
    return proto.ChatMessage(
        id=message.id,
        timestamp=round(message.timestamp * _MILLISECONDS),
        edit_timestamp=None if edited is None else round(edited * _MILLISECONDS),
        message=message.text,
        deleted=message.deleted,
        generated=message.generated,
    )


def text_header_of(message: ChatMessage) -> proto.DataStream.TextHeader:
    """What the header of the stream for a message says."""
    operation = _Operation.CREATE if message.edited_at is None else _Operation.UPDATE
    return proto.DataStream.TextHeader(
        operation_type=operation,
        version=message.version,
        reply_to_stream_id=message.reply_to_id,
        attached_stream_ids=list(message.attached_stream_ids),
        generated=message.generated,
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What was told of a message; not the text itself, which may be long."""

    content: int
    timestamp: float
    edited_at: float | None
    version: int


class ChatHistory:
    """What was told of the newest messages."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()

    def take(self, identity: str, message: ChatMessage) -> ChatMessage | None:
        """Remember a message.

        Args:
            identity: Who wrote it.
            message: What has come.

        Returns:
            The message to be told; None if it was told already.
        """
        key, content = (identity, message.id), hash((message.text, message.deleted))
        known = self._known.pop(key, None)
        told: ChatMessage | None = message
        if known is not None:
            told = None if known.content == content else _changed(known, message)
        if told is not None:
            known = _Known(content, told.timestamp, told.edited_at, told.version)
        assert known is not None  # one of the two
        self._known[key] = known
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return told


def _changed(known: _Known, message: ChatMessage) -> ChatMessage:
    """A message that is known and has changed, even if it does not say so."""
    edited = message.timestamp if message.edited_at is None else message.edited_at
    return replace(
        message,
        timestamp=known.timestamp,
        edited_at=edited,
        version=next_version(max(message.version - 1, known.version)),
    )


def next_version(version: int) -> int:
    """The version of a message that is changed once more."""
    return min(version + 1, _MAX_VERSION)
