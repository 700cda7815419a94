"""What others say in a room beside media and plain data: chat messages and transcriptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ChatMessage", "TranscriptionSegment"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message of a chat, as it is now."""

    id: str
    """Its id, chosen by its sender and unique only there; an edited message keeps it."""
    text: str
    """The text."""
    timestamp: float
    """When it was sent first, by the sender's clock, in seconds since 1970."""
    edited_at: float | None = None
    """When the text was changed, by the sender's clock; None if it never was."""
    version: int = 0
    """Counts the changes, where the sender does."""
    deleted: bool = False
    """Whether the sender has withdrawn it."""
    generated: bool = False
    """Whether a machine wrote it, such as an agent that speaks for somebody."""
    reply_to_id: str = ""
    """Id of the message that it answers, or empty."""
    attached_stream_ids: tuple[str, ...] = ()
    """Ids of the byte streams that belong to it; they come on the topic ``lk.chat``."""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    """Attributes of its stream."""


@dataclass(frozen=True, slots=True)
class TranscriptionSegment:
    """A piece of transcribed speech, as it is known now (LiveKit's ``TranscriptionSegment``)."""

    id: str
    """Id of the segment: what comes later under the same id takes its place."""
    text: str
    """All of its text so far."""
    final: bool = True
    """Whether it will not change any more."""
    language: str = ""
    """Language of the text, such as ``en``, or empty."""
    start_time: float = 0.0
    """When the speech begins, in seconds, by a clock of the transcriber's own."""
    end_time: float = 0.0
    """When it ends."""
