"""Makes the demonstration files of lktrio/media/samples from synthetic sound and picture.

    python tests/data/media/make_samples.py lktrio/media/samples

Needs PyAV with libopus and libvpx. The picture and the sound depend on nothing but this file;
the bytes may differ between versions of the encoders.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SECONDS = 5
SAMPLE_RATE = 48_000
FRAME_SAMPLES = SAMPLE_RATE // 50
FRAME_RATE = 25
WIDTH, HEIGHT = 320, 180
# A pentatonic run, one note per quarter of a second.
NOTES = [261.63, 293.66, 329.63, 392.00, 440.00, 523.25, 440.00, 392.00, 329.63, 293.66]
# Y, U, V of the eight bars: white, yellow, cyan, green, magenta, red, blue, black.
BARS = [
    (235, 128, 128), (210, 16, 146), (170, 166, 16), (145, 54, 34),
    (106, 202, 222), (81, 90, 240), (41, 240, 110), (16, 128, 128),
]  # fmt: skip


def make_sound() -> np.ndarray:
    """Notes that fade, as 16-bit samples."""
    time = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    index = (time * 4).astype(int)
    pitch = np.array(NOTES)[index % len(NOTES)]
    age = time - index / 4
    envelope = np.minimum(age / 0.01, 1) * np.exp(-6 * age)
    tone = np.sin(2 * np.pi * pitch * age) + 0.3 * np.sin(4 * np.pi * pitch * age)
    return (9000 * envelope * tone).astype(np.int16)


def make_picture(index: int) -> av.VideoFrame:
    """Colour bars that wander to the left, under a block that crosses once a second."""
    planes = [np.empty((HEIGHT, WIDTH)), np.empty((HEIGHT // 2, WIDTH // 2)), None]
    planes[2] = planes[1].copy()
    for plane, component in zip(planes, range(3), strict=True):
        width = plane.shape[1]
        shift = index * 2 * width // WIDTH
        bar = (np.arange(width) + shift) * len(BARS) // width % len(BARS)
        plane[:] = np.array(BARS)[bar, component]
    left = index % FRAME_RATE * (WIDTH - 40) // FRAME_RATE // 2 * 2
    planes[0][130:170, left : left + 40] = 235
    for plane in planes[1:]:
        plane[65:85, left // 2 : left // 2 + 20] = 128
    stacked = np.concatenate([plane.astype(np.uint8).ravel() for plane in planes])
    return av.VideoFrame.from_ndarray(stacked.reshape(HEIGHT * 3 // 2, WIDTH), format="yuv420p")


def write_audio(path: Path) -> None:
    with av.open(str(path), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="mono")
        stream.bit_rate = 32_000
        stream.options = {"application": "audio", "frame_duration": "20"}
        sound = make_sound()
        for start in range(0, len(sound), FRAME_SAMPLES):
            samples = sound[start : start + FRAME_SAMPLES].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            frame.time_base = Fraction(1, SAMPLE_RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_video(path: Path) -> None:
    with av.open(str(path), "w", format="ivf") as container:
        stream = container.add_stream("libvpx", rate=FRAME_RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 250_000
        stream.gop_size = 2 * FRAME_RATE
        # What a WebRTC sender asks for: one pass, no frames out of order, one thread.
        stream.options = {
            "deadline": "good", "cpu-used": "2", "lag-in-frames": "0", "auto-alt-ref": "0",
            "error-resilient": "1", "threads": "1",
        }  # fmt: skip
        for index in range(SECONDS * FRAME_RATE):
            picture = make_picture(index)
            picture.pts, picture.time_base = index, Fraction(1, FRAME_RATE)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write_audio(folder / "tones.ogg")
    write_video(folder / "pattern.ivf")
