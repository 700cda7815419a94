"""Encoded media: frames, codecs and the files that hold them."""

from __future__ import annotations

from lktrio.media.capture import CaptureClock, SenderClock
from lktrio.media.codec import CODECS, H264, OPUS, PCMA, PCMU, VP8, Codec, find_codec
from lktrio.media.container import MediaInfo
from lktrio.media.frame import EncodedFrame
from lktrio.media.names import safe_file_name
from lktrio.media.pacing import FramePacer, PacedChannel, pace
from lktrio.media.reader import MediaReader, open_reader
from lktrio.media.recording import Recording
from lktrio.media.timeline import Timeline
from lktrio.media.writer import MediaWriter, open_writer

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
    "Recording",
    "SenderClock",
    "Timeline",
    "find_codec",
    "open_reader",
    "open_writer",
    "pace",
    "safe_file_name",
]
