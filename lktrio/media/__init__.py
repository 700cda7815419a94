"""Encoded media: frames, codecs and the files that hold them."""

from __future__ import annotations

from lktrio.media.capture import CaptureClock, SenderClock
from lktrio.media.codec import CODECS, H264, OPUS, PCMA, PCMU, VP8, Codec, find_codec
from lktrio.media.container import MediaInfo
from lktrio.media.frame import EncodedFrame
from lktrio.media.open import MediaReader, MediaWriter, open_reader, open_writer
from lktrio.media.pacing import FramePacer, PacedChannel, pace
from lktrio.media.timeline import Timeline

__all__ = [
    "CODECS",
    "H264",
    "OPUS",
    "PCMA",
    "PCMU",
    "VP8",
    "CaptureClock",
    "Codec",
    "EncodedFrame",
    "FramePacer",
    "MediaInfo",
    "MediaReader",
    "MediaWriter",
    "PacedChannel",
    "SenderClock",
    "Timeline",
    "find_codec",
    "open_reader",
    "open_writer",
    "pace",
]
