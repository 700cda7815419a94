"""What the header of a stream says (LiveKit's ``DataStream.Header``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lktrio import proto
from lktrio.room.state.remote import RemoteParticipant

__all__ = ["ByteStreamInfo", "StreamInfo", "TextStreamInfo", "read_header"]


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What is known of a stream."""

    id: str
    """Id of the stream, chosen by its sender."""
    topic: str
    """Topic by which streams are served."""
    participant: RemoteParticipant | None
    """Who sends it; None for a server. Of somebody whose joining is not known yet, or who is
    hidden, it knows ``identity`` and ``sid`` alone."""
    participant_identity: str
    """Identity of who sends it, or for whom an agent speaks; empty for a server."""
    timestamp: float
    """When it was begun, by the sender's clock, in seconds since 1970."""
    mime_type: str
    """What the contents are."""
    total_length: int | None
    """Bytes of the contents, None if the sender does not know."""
    attributes: Mapping[str, str] = field(hash=False)
    """Attributes; those of the trailer are added at the end."""


@dataclass(frozen=True, slots=True)
class TextStreamInfo(StreamInfo):
    """What is known of a text stream."""

    version: int = 0
    """Grows when a text is sent again under the same id."""
    reply_to_stream_id: str = ""
    """Id of the stream that this one answers, or empty."""
    attached_stream_ids: tuple[str, ...] = ()
    """Ids of the byte streams that belong to the text."""
    generated: bool = False
    """Whether a machine made the text, such as a transcription."""


@dataclass(frozen=True, slots=True)
class ByteStreamInfo(StreamInfo):
    """What is known of a byte stream."""

    name: str = ""
    """Name of the file, as the sender says; it may hold anything."""


def read_header(
    header: proto.DataStream.Header, identity: str, participant: RemoteParticipant | None
) -> TextStreamInfo | ByteStreamInfo | None:
    """Read a header; None if it is of neither kind.

    Args:
        header: The header.
        identity: Who sends it, as the server says.
        participant: The same, if known.
    """
    common = (
        header.stream_id,
        header.topic,
        participant,
        identity,
        header.timestamp / 1000,
        header.mime_type,
        header.total_length,
        dict(header.attributes),
    )
    if (text := header.text_header) is not None:
        return TextStreamInfo(
            *common,
            version=text.version,
            reply_to_stream_id=text.reply_to_stream_id,
            attached_stream_ids=tuple(text.attached_stream_ids),
            generated=text.generated,
        )
    if header.byte_header is not None:
        return ByteStreamInfo(*common, name=header.byte_header.name)
    return None
