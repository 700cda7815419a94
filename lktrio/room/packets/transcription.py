"""Transcriptions, in their two forms.

Theory of operation: today's form is a text stream of the topic ``lk.transcription`` for each state
of a segment: interim ones replace each other, until one is final; or one stream that grows. Its
attributes name segment and track. The form of earlier days is a packet (``Transcription``), which
LiveKit's server passes on from agents alone. An agent that transcribes somebody names that
participant as the one who speaks.
"""

from __future__ import annotations

import math

from lktrio import proto
from lktrio.room.packets.collecting import CollectedText
from lktrio.room.state.messages import TranscriptionSegment

__all__ = [
    "TRACK_ATTRIBUTE",
    "TRANSCRIPTION_TOPIC",
    "attributes_of",
    "packet_of",
    "read_packet",
    "read_stream",
]

TRANSCRIPTION_TOPIC = "lk.transcription"
TRACK_ATTRIBUTE = "lk.transcribed_track_id"
_SEGMENT_ATTRIBUTE = "lk.segment_id"
_FINAL_ATTRIBUTE = "lk.transcription_final"
_MILLISECONDS = 1000
_LONGEST_TIME = 2**63 / _MILLISECONDS  # seconds


def read_packet(packet: proto.Transcription) -> tuple[TranscriptionSegment, ...] | None:
    """The segments of a packet; None if it makes no sense."""
    if not packet.segments:
        return None
    return tuple(
        TranscriptionSegment(
            one.id,
            one.text,
            one.final,
            one.language,
            one.start_time / _MILLISECONDS,
            one.end_time / _MILLISECONDS,
        )
        for one in packet.segments
    )


def read_stream(stream: CollectedText) -> TranscriptionSegment:
    """The segment that a stream is, as far as it has come."""
    said = stream.attributes.get(_FINAL_ATTRIBUTE, "true").lower()
    return TranscriptionSegment(
        stream.attributes.get(_SEGMENT_ATTRIBUTE) or stream.header.stream_id,
        stream.text,
        stream.complete and said == "true",
    )


def packet_of(segment: TranscriptionSegment) -> proto.TranscriptionSegment:
    """The message for a segment.

    Raises:
        ValueError: Its times are none.
    """
    return proto.TranscriptionSegment(
        id=segment.id,
        text=segment.text,
        start_time=_milliseconds(segment.start_time),
        end_time=_milliseconds(segment.end_time),
        final=segment.final,
        language=segment.language,
    )


def _milliseconds(seconds: float) -> int:
    if not (math.isfinite(seconds) and 0 <= seconds < _LONGEST_TIME):
        raise ValueError(f"{seconds} is no time of a transcription, in seconds from 0")
    return round(seconds * _MILLISECONDS)


def attributes_of(segment: TranscriptionSegment, track_sid: str) -> dict[str, str]:
    """The attributes of the stream for a segment."""
    attributes = {
        _SEGMENT_ATTRIBUTE: segment.id,
        _FINAL_ATTRIBUTE: "true" if segment.final else "false",
    }
    if track_sid:
        attributes[TRACK_ATTRIBUTE] = track_sid
    return attributes
