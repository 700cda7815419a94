"""Files made and read by PyAV, to hold ours against."""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

av = pytest.importorskip("av", reason="PyAV is the oracle of the media tests")


@dataclass(frozen=True)
class Packet:
    data: bytes
    timestamp: Fraction | None  # seconds
    duration: Fraction | None
    keyframe: bool


def packets(data: bytes, container_format: str | None = None) -> list[Packet]:
    """What PyAV's demuxer finds in a file."""
    with av.open(io.BytesIO(data), format=container_format) as container:
        return [
            Packet(
                bytes(packet),
                None if packet.pts is None else packet.pts * packet.time_base,
                None if packet.duration is None else packet.duration * packet.time_base,
                packet.is_keyframe,
            )
            for packet in container.demux(container.streams[0])
            if packet.size
        ]


def duration(data: bytes) -> float | None:
    """How many seconds a player says that a file lasts."""
    with av.open(io.BytesIO(data)) as container:
        return None if container.duration is None else float(container.duration / av.time_base)


def decoded_samples(data: bytes) -> np.ndarray[Any, Any]:
    """The sound of a file as PyAV decodes it, first channel."""
    with av.open(io.BytesIO(data)) as container:
        parts = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(parts)


def decoded_pictures(data: bytes, container_format: str | None = None) -> list[tuple[int, int]]:
    """Width and height of each picture of a file as PyAV decodes it."""
    with av.open(io.BytesIO(data), format=container_format) as container:
        container.streams.video[0].thread_count = 1
        return [(frame.width, frame.height) for frame in container.decode(video=0)]


@functools.cache
def _ogg(seconds: float, layout: str, options: tuple[tuple[str, str], ...], pause: bool) -> bytes:
    out = io.BytesIO()
    rate = 48_000
    with av.open(out, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=rate, layout=layout)
        stream.bit_rate = 24_000
        stream.options = dict(options)
        time = np.arange(int(seconds * rate)) / rate
        sound = np.sin(2 * np.pi * 440 * time) * 8000
        if pause:
            sound[(time > 0.5) & (time < 1.5)] = 0
        sound = np.repeat(sound, 2 if layout == "stereo" else 1).astype(np.int16)
        step = 4800 * (2 if layout == "stereo" else 1)
        for start in range(0, len(sound), step):
            samples = sound[start : start + step].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
            frame.sample_rate, frame.pts = rate, start * 4800 // step
            frame.time_base = Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def ogg(
    seconds: float = 1.0,
    layout: str = "mono",
    options: Mapping[str, str] | None = None,
    *,
    pause: bool = False,
) -> bytes:
    """An Ogg file with Opus: a tone of 440 Hz."""
    return _ogg(seconds, layout, tuple(sorted((options or {}).items())), pause)


def picture(index: int, width: int, height: int) -> Any:
    y, x = np.mgrid[0:height, 0:width]
    luma = (x * 3 + y * 2 + index * 7) % 220 + 16
    chroma = np.full((height // 2, width), 128)
    stacked = np.concatenate([luma, chroma]).astype(np.uint8)
    return av.VideoFrame.from_ndarray(stacked, format="yuv420p")


@functools.cache
def _video(
    container_format: str,
    encoder: str,
    size: tuple[int, int],
    frames: int,
    rate: Fraction,
    options: tuple[tuple[str, str], ...],
    gop: int,
    pixels: str = "yuv420p",
) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format=container_format) as container:
        stream = container.add_stream(encoder, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.bit_rate = 200_000
        stream.gop_size = gop
        stream.thread_count = 1
        stream.options = dict(options)
        for index in range(frames):
            image = picture(index, *size)
            image.pts, image.time_base = index, 1 / rate
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    return out.getvalue()


def ivf(
    frames: int = 12, size: tuple[int, int] = (96, 64), rate: Fraction | int = 25, gop: int = 5
) -> bytes:
    """An IVF file with VP8."""
    options = (("auto-alt-ref", "0"), ("lag-in-frames", "0"), ("threads", "1"))
    return _video("ivf", "libvpx", size, frames, Fraction(rate), options, gop)


def h264(
    x264: Mapping[str, str] | None = None,
    *,
    frames: int = 12,
    size: tuple[int, int] = (96, 64),
    rate: Fraction | int = 25,
    gop: int = 5,
) -> bytes:
    """An H.264 stream in Annex B form; without B frames unless told otherwise."""
    params = {"bframes": "0", "threads": "1", **(x264 or {})}
    options = (
        ("preset", "ultrafast"),
        (
            "x264-params",
            ":".join(f"{key}={value}" for key, value in params.items()),
        ),
    )
    return _video("h264", "libx264", size, frames, Fraction(rate), options, gop)


def h264_profile(profile: str, pixels: str) -> bytes:
    """Two pictures of 130x98 in one of the profiles of H.264."""
    options = (("preset", "medium"), ("profile", profile), ("x264-params", "bframes=0:threads=1"))
    return _video("h264", "libx264", (130, 98), 2, Fraction(25), options, 5, pixels)


@functools.cache
def wav(seconds: float = 1.0, encoder: str = "pcm_mulaw", rate: int = 8000) -> bytes:
    """A WAV file: a tone of 440 Hz."""
    out = io.BytesIO()
    with av.open(out, "w", format="wav") as container:
        stream = container.add_stream(encoder, rate=rate, layout="mono")
        wave = 8000 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
        for start in range(0, len(wave), 1000):
            samples = wave[start : start + 1000].astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()
