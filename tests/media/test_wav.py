from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio import media
from lktrio.errors import ContainerError, LocalProtocolError
from lktrio.media.container import MediaInfo
from lktrio.media.wav import MAX_GAP, WavDemuxer, WavMuxer
from tests.media import oracle
from tests.media.feeding import info_of, read, read_damaged, write

LAWS = [("pcm_mulaw", media.PCMU), ("pcm_alaw", media.PCMA)]
FORMAT = struct.pack("<HHIIHH", 7, 1, 8000, 8000, 1, 8)


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return struct.pack("<4sI", name, len(body) if size is None else size) + body


def riff(*chunks: bytes) -> bytes:
    return b"RIFF\xff\xff\xff\xffWAVE" + b"".join(chunks)


def frame(timestamp: float, data: bytes = b"x" * 160) -> media.EncodedFrame:
    return media.EncodedFrame(data, timestamp, len(data) / 8000)


def test_the_samples_are_those_that_another_reader_finds() -> None:
    for step in (None, 7, 1):
        for encoder, codec in LAWS:
            data = oracle.wav(0.51, encoder)
            demuxer = WavDemuxer("a")
            frames = read(demuxer, data, step)
            assert demuxer.info == MediaInfo(codec, channels=1), step
            assert b"".join(item.data for item in frames) == b"".join(
                packet.data for packet in oracle.packets(data)
            )
            assert [len(item.data) for item in frames] == [160] * 25 + [80], step
            assert [item.timestamp for item in frames] == pytest.approx(
                [i / 50 for i in range(26)]
            ), step
            assert frames[-1].duration == 0.01, step


def test_another_reader_decodes_what_was_written() -> None:
    for encoder, codec in LAWS:
        original = oracle.wav(1.0, encoder)
        copy = write(WavMuxer(codec), read(WavDemuxer("a"), original))
        sound = oracle.decoded_samples(original)
        assert np.array_equal(oracle.decoded_samples(copy), sound), encoder
        assert struct.unpack_from("<I", copy, 4) == (len(copy) - 8,), encoder


async def test_files_are_opened_and_written_as_others_are() -> None:
    file = io.BytesIO()
    async with (
        media.open_reader(io.BytesIO(oracle.wav())) as source,
        media.open_writer(file, source.codec) as out,
    ):
        async for item in source:
            await out.send(item)
    assert read(WavDemuxer("a"), file.getvalue()) == read(WavDemuxer("b"), oracle.wav())


def test_gaps_are_filled_with_silence_and_small_ones_left_alone() -> None:
    frames = [frame(5), frame(5.02), frame(5.1), frame(5.125), frame(5.11)]
    data = b"".join(
        item.data for item in read(WavDemuxer("a"), write(WavMuxer(media.PCMU), frames))
    )
    assert data == b"x" * 320 + b"\xff" * 480 + b"x" * 480
    late = write(WavMuxer(media.PCMA, 0.0), [frame(1)])
    assert read(WavDemuxer("a"), late)[0].data == b"\xd5" * 160
    with pytest.raises(LocalProtocolError, match="s after the end"):
        WavMuxer(media.PCMU, 0.0).add(frame(MAX_GAP + 1))


def test_chunks_of_no_use_are_passed_over() -> None:
    data = riff(
        chunk(b"LIST", b"xyz") + b"\x00",
        chunk(b"fmt ", FORMAT + b"\x00\x00"),
        chunk(b"fact", bytes(4)),
        chunk(b"data", b"a" * 3) + b"\x00",
        chunk(b"LIST", b"more"),
    )
    for step in (None, 1, 5):
        assert [item.data for item in read(WavDemuxer("a"), data, step)] == [b"aaa"]


def test_the_extensible_form_is_understood() -> None:
    extended = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 8000, 1, 8, 22, 8, 4) + b"\x06\x00"
    data = riff(chunk(b"fmt ", extended + bytes(14)), chunk(b"data", b"ab"))
    assert info_of(WavDemuxer("a"), data).codec == media.PCMA


def test_a_size_that_is_not_known_reaches_to_the_end() -> None:
    muxer = WavMuxer(media.PCMU)
    data = muxer.add(frame(0)) + muxer.add(frame(0.02, b"y" * 50)) + muxer.finish()
    assert [len(item.data) for item in read(WavDemuxer("a"), data, 11)] == [160, 50]


def test_a_file_without_samples_is_a_valid_one() -> None:
    assert read(WavDemuxer("a"), write(WavMuxer(media.PCMU), [])) == []


def test_damage_is_named_with_its_place() -> None:
    for data, complaint in (
        (b"RIFX\x00\x00\x00\x00WAVE", "not the head"),
        (oracle.wav(encoder="pcm_s16le"), "uncompressed sound; only G.711"),
        (riff(chunk(b"fmt ", b"\x55\x00" + FORMAT[2:])), "with MP3"),
        (riff(chunk(b"fmt ", b"\x11\x00" + FORMAT[2:])), "format 17"),
        (oracle.wav(rate=16_000), "at 16000 Hz instead of 1 at 8000"),
        (riff(chunk(b"fmt ", FORMAT[:2] + b"\x02" + FORMAT[3:])), "2 channels"),
        (riff(chunk(b"fmt ", FORMAT[:10])), "format chunk of 10 bytes"),
        (riff(chunk(b"fmt ", b"", 100_000)), "format chunk of 100000 bytes"),
        (riff(chunk(b"data", b"abc")), "samples without a format"),
        (riff(chunk(b"fmt ", FORMAT)), "before its samples"),
        (riff(), "before its samples"),
    ):
        with pytest.raises(ContainerError, match=rf"^a\.wav: .*{complaint}.*, at byte \d+$"):
            read(WavDemuxer("a.wav"), data)


def test_a_file_that_ends_too_early_gives_its_samples_first() -> None:
    data = riff(chunk(b"fmt ", FORMAT), chunk(b"data", b"z" * 200, 1000))
    frames, error = read_damaged(WavDemuxer("a"), data)
    assert [len(item.data) for item in frames] == [160, 40]
    assert "800 samples too early" in str(error)


def test_what_cannot_be_a_frame_is_refused() -> None:
    for size in (0, 8001):
        with pytest.raises(LocalProtocolError, match=f"{size} bytes"):
            WavMuxer(media.PCMU).add(frame(0, bytes(size)))


@given(sizes=st.lists(st.integers(1, 500), max_size=20), step=st.integers(1, 99))
def test_round_trip(sizes: list[int], step: int) -> None:
    frames, position = [], 0
    for index, size in enumerate(sizes):
        frames.append(frame(position / 8000, bytes((index,)) * size))
        position += size
    copy = read(WavDemuxer("a"), write(WavMuxer(media.PCMU), frames), step)
    assert b"".join(item.data for item in copy) == b"".join(item.data for item in frames)
