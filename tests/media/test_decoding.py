from __future__ import annotations

import builtins
import sys

import numpy as np
import pytest
import trio

from lktrio import media
from lktrio.errors import CodecUnavailable, MediaError
from lktrio.media import samples
from lktrio.media.annexb import AnnexBDemuxer
from lktrio.media.av import OpusDecoder, OpusEncoder, VideoDecoder
from lktrio.media.ivf import IvfDemuxer
from lktrio.media.ogg_opus import OggOpusDemuxer
from tests.media import oracle
from tests.media.feeding import read


def tone(rate: int, seconds: float, channels: int = 1) -> bytes:
    wave = 8000 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)
    return np.repeat(wave, channels).astype(np.int16).tobytes()


def pitch(pcm: bytes, rate: int, channels: int = 1) -> float:
    """The loudest frequency of the second half of the sound, first channel."""
    wave = np.frombuffer(pcm, np.int16)[::channels].astype(float)
    wave = wave[len(wave) // 2 :]
    return float(np.argmax(np.abs(np.fft.rfft(wave * np.hanning(len(wave)))))) * rate / len(wave)


def test_sound_is_decoded_to_the_wanted_rate_and_channels() -> None:
    for layout in ("mono", "stereo"):
        for channels in (1, 2):
            for rate in (8000, 16_000, 24_000, 44_100, 48_000):
                decoder = OpusDecoder(sample_rate=rate, channels=channels)
                frames = read(OggOpusDemuxer("a"), oracle.ogg(1.0, layout))
                pcm = b"".join(decoder.decode(frame) for frame in frames)
                assert len(pcm) / 2 / channels / rate == pytest.approx(
                    len(frames) / 50, abs=0.003
                ), rate
                assert pitch(pcm, rate, channels) == pytest.approx(440, abs=5), rate
                assert np.abs(np.frombuffer(pcm, np.int16)).max() > 4000, rate


def test_every_frame_at_48_khz_gives_its_own_samples() -> None:
    decoder = OpusDecoder()
    frames = read(OggOpusDemuxer("a"), oracle.ogg(0.5, "mono", {"frame_duration": "10"}))
    assert [len(decoder.decode(frame)) for frame in frames[:-1]] == [480 * 2] * (len(frames) - 1)


def test_packets_that_conceal_a_gap_are_as_long_as_it() -> None:
    for packet, milliseconds in ((b"\x78", 20), (b"\x7b\x06", 120)):
        decoder = OpusDecoder()
        for frame in read(OggOpusDemuxer("a"), oracle.ogg(0.5)):
            decoder.decode(frame)
        pcm = decoder.decode(media.EncodedFrame(packet, 0))
        assert len(pcm) == milliseconds * 48 * 2, packet


def test_a_damaged_packet_does_not_end_the_decoder() -> None:
    decoder = OpusDecoder()
    frames = read(OggOpusDemuxer("a"), oracle.ogg())
    with pytest.raises(MediaError, match="cannot be decoded"):
        decoder.decode(media.EncodedFrame(b"\xff\xff\xff", 0))
    assert len(decoder.decode(frames[0])) == 960 * 2


def test_sound_comes_back_from_the_encoder() -> None:
    for channels in (1, 2):
        for rate in (8000, 16_000, 24_000, 48_000):
            encoder = OpusEncoder(sample_rate=rate, channels=channels, start=1.0)
            decoder = OpusDecoder(sample_rate=rate, channels=channels)
            pcm = tone(rate, 0.99, channels)
            frames = [
                frame
                for start in range(0, len(pcm), 3000)
                for frame in encoder.encode(pcm[start : start + 3000])
            ]
            assert len(frames) == 49, rate
            frames += encoder.flush()
            assert encoder.flush() == [], rate
            assert [frame.timestamp for frame in frames] == pytest.approx(
                [1 + i / 50 for i in range(50)]
            ), rate
            assert {frame.duration for frame in frames} == {0.02}, rate
            decoded = b"".join(decoder.decode(frame) for frame in frames)
            assert pitch(decoded, rate, channels) == pytest.approx(440, abs=5), rate


@pytest.mark.parametrize(
    ("data", "codec", "make"),
    [
        (oracle.ivf(), media.VP8, IvfDemuxer),
        (oracle.h264(), media.H264, AnnexBDemuxer),
    ],
)
async def test_each_frame_gives_its_picture_at_once(
    data: bytes, codec: media.Codec, make: type[IvfDemuxer]
) -> None:
    decoder = VideoDecoder(codec)
    for frame in read(make("a"), data):
        (picture,) = await decoder.decode(frame)
        assert (picture.width, picture.height) == (96, 64)
        assert picture.time == pytest.approx(frame.timestamp, abs=1e-5)


async def test_a_damaged_picture_does_not_end_the_decoder() -> None:
    decoder = VideoDecoder(media.VP8)
    with pytest.raises(MediaError, match="cannot be decoded"):
        await decoder.decode(media.EncodedFrame(b"\x10\x00\x00", 0))
    async with media.open_reader(samples.VIDEO) as source:
        (picture,) = await decoder.decode(await source.receive())
    assert (picture.width, picture.height) == (320, 180)


async def test_only_one_task_may_decode() -> None:
    decoder = VideoDecoder(media.VP8)
    frame = read(IvfDemuxer("a"), oracle.ivf())[0]
    outcomes: list[str] = []

    async def attempt() -> None:
        try:
            outcomes.append(f"{len(await decoder.decode(frame))} picture")
        except trio.BusyResourceError:
            outcomes.append("busy")

    async with trio.open_nursery() as nursery:  # both begin before either can end
        nursery.start_soon(attempt)
        nursery.start_soon(attempt)
    assert outcomes == ["busy", "1 picture"]


def test_impossible_wishes_are_refused() -> None:
    with pytest.raises(ValueError, match="1 or 2 channels"):
        OpusDecoder(channels=3)
    with pytest.raises(ValueError, match="no sample rate of 44100"):
        OpusEncoder(sample_rate=44_100)
    with pytest.raises(ValueError, match="no codec of pictures"):
        VideoDecoder(media.OPUS)
    with pytest.raises(CodecUnavailable, match="none of the codecs vvc9"):
        VideoDecoder(media.Codec("VVC9", "video/VVC9", "video", 90_000))


def test_without_pyav_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args: object) -> object:
        if name == "av":
            raise ImportError(name)
        return original(name, *args)  # type: ignore[arg-type]  # passed on

    monkeypatch.delitem(sys.modules, "av")
    monkeypatch.setattr(builtins, "__import__", without)
    for make in (OpusDecoder, OpusEncoder, lambda: VideoDecoder(media.VP8)):
        with pytest.raises(CodecUnavailable, match=r"pip install lktrio\[av\]"):
            make()
