"""RTP of real clients, put into files: what a recorder does, from packets to a player."""

from __future__ import annotations

import io

import numpy as np
import pytest

from lktrio import media
from lktrio.media.annexb import AnnexBDemuxer
from lktrio.media.ogg_opus import OggOpusDemuxer
from lktrio.rtc.payload import depacketizer
from tests.media import oracle
from tests.media.feeding import read
from tests.rtc.payload import rtpdump


def frames_of(name: str, codec: media.Codec) -> list[media.EncodedFrame]:
    payload = depacketizer(codec.mime)
    return [
        media.EncodedFrame(
            payload.assemble(frame.payloads),
            timestamp=frame.timestamp / codec.clock_rate,
            keyframe=payload.is_keyframe(frame.payloads[0]),
        )
        for frame in rtpdump.frames(name)
    ]


async def record(frames: list[media.EncodedFrame], codec: media.Codec) -> bytes:
    file = io.BytesIO()
    async with media.open_writer(file, codec) as out:
        for frame in frames:
            await out.send(frame)
    assert out.skipped == 0
    return file.getvalue()


async def test_vp8() -> None:
    for name, size in (
        ("vp8-published", (320, 180)),
        ("vp8-forwarded", (320, 180)),
        ("vp8-simulcast-forwarded", None),
    ):
        frames = frames_of(name, media.VP8)
        data = await record(frames, media.VP8)
        pictures = oracle.decoded_pictures(data)
        assert len(pictures) == len(frames), name
        assert size is None or set(pictures) == {size}, name
        first = frames[0].timestamp
        for packet, frame in zip(oracle.packets(data), frames, strict=True):
            assert packet.timestamp is not None, name
            assert float(packet.timestamp) == pytest.approx(frame.timestamp - first, abs=1e-5), name
            assert packet.keyframe == frame.keyframe, name


async def test_h264() -> None:
    for name in ("h264-published", "h264-forwarded"):
        frames = frames_of(name, media.H264)
        data = await record(frames, media.H264)
        assert oracle.decoded_pictures(data, "h264") == [(320, 180)] * len(frames), name
        assert [frame.data for frame in read(AnnexBDemuxer("a"), data)] == [
            frame.data for frame in frames
        ]


async def test_opus() -> None:
    for name in ("opus-mono-published", "opus-stereo-forwarded"):
        frames = frames_of(name, media.OPUS)
        sound = oracle.decoded_samples(await record(frames, media.OPUS))
        assert len(sound) == len(frames) * 960 - 312, name
        assert np.abs(sound).max() > 0.01, name


async def test_opus_with_pauses_lasts_as_long_as_the_call() -> None:
    frames = frames_of("opus-dtx-published", media.OPUS)
    seconds = frames[-1].timestamp - frames[0].timestamp + 0.02
    assert len(frames) * 0.02 < seconds - 1  # there are pauses
    data = await record(frames, media.OPUS)
    assert len(oracle.decoded_samples(data)) / 48_000 == pytest.approx(seconds - 312 / 48_000)
    copy = {round(frame.timestamp, 3): frame.data for frame in read(OggOpusDemuxer("a"), data)}
    for frame in frames:
        assert copy[round(frame.timestamp - frames[0].timestamp, 3)] == frame.data
