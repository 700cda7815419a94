"""Decoding and encoding with PyAV, which is FFmpeg; it comes with the extra ``lktrio[av]``.

Nothing else in the package needs it, so it is imported when the first decoder or encoder is
made. Sound is decoded where the caller is: a frame takes some ten microseconds. Pictures take
milliseconds, so they are decoded in a worker thread.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import trio

from lktrio.errors import CodecUnavailable, MediaError
from lktrio.media.codec import OPUS, Codec
from lktrio.media.frame import EncodedFrame

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame

__all__ = ["OpusDecoder", "OpusEncoder", "VideoDecoder"]

_OPUS_RATES = (8000, 12_000, 16_000, 24_000, 48_000)
_SAMPLE_SIZE = 2  # bytes of a 16-bit sample
_FRAME_SECONDS = Fraction(1, 50)
_LAYOUTS = {1: "mono", 2: "stereo"}


def _import_av() -> Any:
    try:
        import av
    except ImportError as error:
        raise CodecUnavailable(
            "decoding and encoding need PyAV, which is not installed; pip install lktrio[av]"
        ) from error
    return av


def _create(mode: Literal["r", "w"], *names: str) -> Any:
    """The first of some codecs that FFmpeg was built with."""
    av = _import_av()
    for name in names:
        try:
            return av.CodecContext.create(name, mode)
        except ValueError:  # also PyAV's own error for a codec that it does not know
            continue
    raise CodecUnavailable(f"this build of PyAV has none of the codecs {', '.join(names)}")


def _layout(channels: int) -> str:
    if channels not in _LAYOUTS:
        raise ValueError(f"sound can have 1 or 2 channels here, not {channels}")
    return _LAYOUTS[channels]


class OpusDecoder:
    """Decodes Opus to samples.

    Args:
        sample_rate: Samples per second and channel that are wanted.
        channels: 1 or 2; others in the packets are mixed.

    Raises:
        CodecUnavailable: PyAV is not installed, or has no Opus.
    """

    def __init__(self, *, sample_rate: int = 48_000, channels: int = 1) -> None:
        layout = _layout(channels)
        self._av = _import_av()
        self._context = _create("r", "libopus", "opus")
        self._context.sample_rate = OPUS.clock_rate
        self._context.layout = layout
        self._resampler = self._av.AudioResampler(format="s16", layout=layout, rate=sample_rate)

    def decode(self, frame: EncodedFrame) -> bytes:
        """Decode one frame.

        Args:
            frame: An Opus packet.

        Returns:
            Signed 16-bit samples in the byte order of the machine, channels interleaved. At
            another rate than 48 kHz they lag behind by up to three milliseconds.

        Raises:
            MediaError: The packet cannot be decoded. Later ones can.
        """
        try:
            decoded: list[AudioFrame] = self._context.decode(self._av.Packet(frame.data))
        except self._av.FFmpegError as error:
            raise MediaError(f"an Opus packet cannot be decoded: {error}") from error
        return b"".join(
            bytes(part.planes[0])[: part.samples * len(part.layout.channels) * _SAMPLE_SIZE]
            for whole in decoded
            for part in self._resampler.resample(whole)
        )


class OpusEncoder:
    """Encodes samples to Opus frames of 20 ms.

    Args:
        sample_rate: Samples per second and channel: 8, 12, 16, 24 or 48 thousand.
        channels: 1 or 2.
        bit_rate: Bits per second.
        start: Timestamp of the first frame, in seconds.

    Raises:
        CodecUnavailable: PyAV is not installed, or has no Opus encoder.
    """

    def __init__(
        self,
        *,
        sample_rate: int = 48_000,
        channels: int = 1,
        bit_rate: int = 32_000,
        start: float = 0.0,
    ) -> None:
        if sample_rate not in _OPUS_RATES:
            raise ValueError(f"Opus has no sample rate of {sample_rate}, only {_OPUS_RATES}")
        self._layout = _layout(channels)
        self._av = _import_av()
        self._rate = sample_rate
        self._context = _create("w", "libopus")
        self._context.sample_rate = sample_rate
        self._context.layout = self._layout
        self._context.format = "s16"
        self._context.bit_rate = bit_rate
        self._context.options = {"application": "voip", "frame_duration": "20"}
        self._frame_samples = int(sample_rate * _FRAME_SECONDS)
        self._frame_bytes = self._frame_samples * channels * _SAMPLE_SIZE
        self._pending = bytearray()
        self._start = start
        self._encoded = 0

    def encode(self, pcm: bytes) -> list[EncodedFrame]:
        """Encode samples.

        Args:
            pcm: Signed 16-bit samples in the byte order of the machine, channels interleaved,
                of any number. What does not fill a frame is kept for the next call.

        Returns:
            The frames that got full, possibly none.
        """
        self._pending += pcm
        count = len(self._pending) // self._frame_bytes
        whole = bytes(self._pending[: count * self._frame_bytes])
        del self._pending[: len(whole)]
        return [
            self._encode_one(whole[start : start + self._frame_bytes])
            for start in range(0, len(whole), self._frame_bytes)
        ]

    def flush(self) -> list[EncodedFrame]:
        """Encode what was kept, filled up with silence."""
        missing = -len(self._pending) % self._frame_bytes
        return self.encode(bytes(missing)) if missing else []

    def _encode_one(self, pcm: bytes) -> EncodedFrame:
        samples = self._av.AudioFrame(
            format="s16", layout=self._layout, samples=self._frame_samples
        )
        samples.planes[0].update(pcm.ljust(samples.planes[0].buffer_size, b"\x00"))
        samples.sample_rate = self._rate
        samples.time_base = Fraction(1, self._rate)
        samples.pts = self._encoded * self._frame_samples
        (packet,) = self._context.encode(samples)
        timestamp = self._start + float(self._encoded * _FRAME_SECONDS)
        self._encoded += 1
        return EncodedFrame(bytes(packet), timestamp, float(_FRAME_SECONDS))


class VideoDecoder:
    """Decodes VP8 or H.264 to pictures.

    Args:
        codec: The codec of the frames.

    Raises:
        CodecUnavailable: PyAV is not installed, or has no such codec.
    """

    def __init__(self, codec: Codec) -> None:
        if codec.kind != "video":
            raise ValueError(f"{codec.name} is no codec of pictures")
        self._av = _import_av()
        self._context = _create("r", codec.name.lower())
        self._context.thread_count = 1  # more would hold pictures back
        self._time_base = Fraction(1, codec.clock_rate)
        self._busy = False

    async def decode(self, frame: EncodedFrame) -> list[VideoFrame]:
        """Decode one frame in a worker thread; once begun it is not cancelled.

        Returns:
            PyAV's pictures, with the frame's timestamp as their ``time``: one, or none when
            the decoder still waits for a key frame.

        Raises:
            MediaError: The frame cannot be decoded. Those from the next key frame can.
            trio.BusyResourceError: Another task is in this method.
        """
        if self._busy:
            raise trio.BusyResourceError("another task is decoding with this decoder")
        packet = self._av.Packet(frame.data)
        packet.time_base = self._time_base
        packet.pts = packet.dts = math.floor(frame.timestamp / self._time_base + 0.5)
        self._busy = True
        try:
            pictures: list[VideoFrame] = await trio.to_thread.run_sync(self._context.decode, packet)
        except self._av.FFmpegError as error:
            raise MediaError(f"a frame cannot be decoded: {error}") from error
        finally:
            self._busy = False
        return pictures
