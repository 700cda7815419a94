"""WAV files with G.711 (RIFF; RFC 2361 for the format numbers).

Theory of operation: a RIFF file is a sequence of chunks, each with a name and a size, padded to
an even length. The chunk *fmt* says what the samples are, the chunk *data* has them: one byte
per sample at 8 kHz. Reading, they are cut into frames of 20 ms. Writing, the sizes in the head
are put in at the end where the file is seekable; until then they say that they are not known.
Gaps between frames are filled with silence.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from lktrio.errors import LocalProtocolError
from lktrio.media.codec import PCMA, PCMU, Codec
from lktrio.media.container import Demuxer, MediaInfo, Muxer
from lktrio.media.frame import EncodedFrame

__all__ = ["WavDemuxer", "WavMuxer"]

MAX_GAP = 3600.0
"""Longest pause between two frames that is filled, in seconds."""

_RATE = 8000
_FRAME_SIZE = 160  # 20 ms
_MAX_FRAME_SIZE = _RATE  # a second
_UNKNOWN_SIZE = 0xFFFFFFFF
_MAX_FORMAT_SIZE = 1024
_EXTENSIBLE = 0xFFFE
_SUBFORMAT_OFFSET = 24
_RIFF = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")  # format channels rate bytes-per-second block bits
_NUMBER = struct.Struct("<H")
_KNOWN_FORMATS = {1: "uncompressed sound", 3: "uncompressed sound", 0x55: "MP3"}


@dataclass(frozen=True, slots=True)
class _Law:
    """A companding law of G.711."""

    codec: Codec
    number: int
    """Format number in a WAV file."""
    silence: bytes
    """The sample of no sound."""


_LAWS = (_Law(PCMU, 7, b"\xff"), _Law(PCMA, 6, b"\xd5"))


class WavDemuxer(Demuxer):
    """Reads a WAV file with G.711, one channel at 8 kHz."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._begun = False  # whether the RIFF head was read
        self._skip = 0  # bytes left of a chunk that is of no use
        self._left = 0  # bytes left of the samples
        self._in_data = False
        self._found: Codec | None = None
        self._position = 0  # samples handed out

    def feed(self, data: bytes) -> None:
        """See `Demuxer.feed`."""
        self._buffer += data
        while self._in_data or self._next_chunk():
            if self._in_data and not self._take_samples():
                return

    def _next_chunk(self) -> bool:
        """Read or pass over a chunk; returns whether there may be more to do."""
        skipped = min(self._skip, len(self._buffer))
        self._consume(skipped)
        self._skip -= skipped
        size = (_CHUNK if self._begun else _RIFF).size
        if self._skip or len(self._buffer) < size:
            return False
        if not self._begun:
            name, _, kind = _RIFF.unpack_from(self._buffer)
            if name != b"RIFF" or kind != b"WAVE":
                raise self._error("not the head of a WAV file")
            self._begun = True
            self._consume(size)
            return True
        return self._begin_chunk(*_CHUNK.unpack_from(self._buffer))

    def _begin_chunk(self, name: bytes, size: int) -> bool:
        if name == b"fmt ":
            if not _FORMAT.size <= size <= _MAX_FORMAT_SIZE:
                raise self._error(f"a format chunk of {size} bytes")
            if len(self._buffer) < _CHUNK.size + size:
                return False
            self._found = self._read_format(bytes(self._buffer[_CHUNK.size : _CHUNK.size + size]))
        elif name == b"data":
            if self._found is None:
                raise self._error("samples without a format before them")
            self.info = MediaInfo(self._found, channels=1)
            self._in_data, self._left = True, size
            size = 0
        self._consume(_CHUNK.size)
        self._skip = size + size % 2
        return True

    def _read_format(self, chunk: bytes) -> Codec:
        number, channels, rate, *_ = _FORMAT.unpack_from(chunk)
        if number == _EXTENSIBLE and len(chunk) >= _SUBFORMAT_OFFSET + _NUMBER.size:
            (number,) = _NUMBER.unpack_from(chunk, _SUBFORMAT_OFFSET)
        law = next((law for law in _LAWS if law.number == number), None)
        if law is None:
            what = _KNOWN_FORMATS.get(number, f"format {number}")
            raise self._error(f"a WAV file with {what}; only G.711 can be read, so encode it first")
        if channels != 1 or rate != _RATE:
            raise self._error(f"G.711 with {channels} channels at {rate} Hz instead of 1 at 8000")
        return law.codec

    def _take_samples(self) -> bool:
        """Hand out whole frames; returns whether the samples have ended."""
        while self._left and len(self._buffer) >= min(_FRAME_SIZE, self._left):
            self._release(min(_FRAME_SIZE, self._left))
        if self._left:
            return False
        self._in_data = False
        self._skip = self._position % 2
        return True

    def _release(self, size: int) -> None:
        data = bytes(self._buffer[:size])
        self._consume(size)
        if self._left != _UNKNOWN_SIZE:
            self._left -= size
        self.frames.append(EncodedFrame(data, self._position / _RATE, size / _RATE, keyframe=True))
        self._position += size

    def finish(self) -> None:
        """See `Demuxer.finish`."""
        if self.info is None:
            raise self._error("the file ends before its samples", len(self._buffer))
        if self._in_data:
            if self._buffer:
                self._release(len(self._buffer))
            if self._left != _UNKNOWN_SIZE:
                raise self._error(f"the file ends {self._left} samples too early")


class WavMuxer(Muxer):
    """Writes a WAV file with G.711.

    Args:
        codec: `PCMU` or `PCMA`.
        start: See `Muxer`.
    """

    def __init__(self, codec: Codec, start: float | None = None) -> None:
        super().__init__(start)
        self._law = next(law for law in _LAWS if law.codec.same_as(codec))
        self._position = 0
        self._head_written = False

    def add(self, frame: EncodedFrame) -> bytes:
        """See `Muxer.add`."""
        if not 0 < len(frame.data) <= _MAX_FRAME_SIZE:
            raise LocalProtocolError(f"a G.711 frame cannot have {len(frame.data)} bytes")
        gap = self._ticks(frame, _RATE) - self._position
        if gap > MAX_GAP * _RATE:
            raise LocalProtocolError(
                f"a frame begins {gap / _RATE:.0f} s after the end of the one before it"
            )
        if self.start is None:
            self.start = frame.timestamp
        # Less than a frame is a matter of clocks, not of silence.
        silence = self._law.silence * gap if gap >= len(frame.data) else b""
        self._position += len(silence) + len(frame.data)
        self.written += 1
        return self._first_head() + silence + frame.data

    def _first_head(self) -> bytes:
        if self._head_written:
            return b""
        self._head_written = True
        return self._head(_UNKNOWN_SIZE, _UNKNOWN_SIZE)

    def _head(self, riff_size: int, data_size: int) -> bytes:
        # Formats other than PCM have the size of an extension, here none, behind the fields.
        fields = _FORMAT.pack(self._law.number, 1, _RATE, _RATE, 1, 8) + _NUMBER.pack(0)
        chunks = _CHUNK.pack(b"fmt ", len(fields)) + fields + _CHUNK.pack(b"data", data_size)
        return _RIFF.pack(b"RIFF", riff_size, b"WAVE") + chunks

    def finish(self) -> bytes:
        """See `Muxer.finish`."""
        return self._first_head() + bytes(self._position % 2)

    def patch(self) -> tuple[int, bytes]:
        """See `Muxer.patch`: the sizes, as far as they can be said."""
        head = len(self._head(0, 0))
        riff = head - _CHUNK.size + self._position + self._position % 2
        return 0, self._head(min(riff, _UNKNOWN_SIZE), min(self._position, _UNKNOWN_SIZE))
