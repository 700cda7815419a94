"""Damaged media files give frames and then one MediaError: nothing else, and no waiting."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from functools import partial

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio import media
from lktrio.errors import ContainerError, UnplayableMedia
from lktrio.media.annexb import AnnexBDemuxer
from lktrio.media.container import Demuxer
from lktrio.media.detect import detect_format
from lktrio.media.ivf import IvfDemuxer
from lktrio.media.ogg import CAPTURE_PATTERN, checksum
from lktrio.media.ogg_opus import OggOpusDemuxer
from lktrio.media.wav import WavDemuxer
from tests.media import oracle
from tests.media.feeding import read, read_damaged

FILES: dict[str, tuple[bytes, Callable[[str], Demuxer]]] = {
    "ogg": (oracle.ogg(0.3), OggOpusDemuxer),
    "ivf": (oracle.ivf(4, size=(32, 32)), IvfDemuxer),
    "wav": (oracle.wav(0.1), WavDemuxer),
    "h264": (oracle.h264(frames=4, size=(32, 32)), partial(AnnexBDemuxer, any_video=True)),
}
KINDS = pytest.mark.parametrize("kind", FILES)


def with_right_checksums(data: bytes) -> bytes:
    """Damage that the checksums do not show, as an attacker would do it."""
    out = bytearray(data)
    position = out.find(CAPTURE_PATTERN)
    while position >= 0 and position + 27 <= len(out):
        count = out[position + 26]
        size = 27 + count + sum(out[position + 27 : position + 27 + count])
        page = out[position : position + size]
        page[22:26] = bytes(4)
        out[position + 22 : position + 26] = checksum(page).to_bytes(4, "little")
        position = out.find(CAPTURE_PATTERN, position + 4)
    return bytes(out)


def digest(kind: str, data: bytes) -> list[media.EncodedFrame]:
    frames, error = read_damaged(FILES[kind][1]("file"), data)
    assert error is None or str(error).startswith("file: ")
    for before, frame in itertools.pairwise(frames):
        assert frame.timestamp >= before.timestamp
    assert sum(len(frame.data) for frame in frames) <= 4 * len(data)
    return frames


@KINDS
def test_cut_off_anywhere(kind: str) -> None:
    data, make = FILES[kind]
    whole = read(make("file"), data)
    for size in range(0, len(data), max(1, len(data) // 1000)):
        frames = digest(kind, data[:size])
        # All but the last frame are those of the whole file; H.264 cannot tell where it ends.
        assert [frame.data for frame in frames[:-1]] == [
            frame.data for frame in whole[: max(0, len(frames) - 1)]
        ]
        assert len(frames) <= len(whole)


@KINDS
def test_bits_flipped_all_over(kind: str) -> None:
    data, _ = FILES[kind]
    for bit in range(0, 8 * len(data), max(1, 8 * len(data) // 2000)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        digest(kind, bytes(damaged))


def test_bits_flipped_under_a_right_checksum() -> None:
    data, _ = FILES["ogg"]
    for bit in range(0, 8 * len(data), max(1, 8 * len(data) // 2000)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        digest("ogg", with_right_checksums(bytes(damaged)))


@KINDS
@settings(max_examples=40, deadline=None)
@given(draw=st.data())
def test_pieces_cut_out_doubled_and_overwritten(kind: str, draw: st.DataObject) -> None:
    data = bytearray(FILES[kind][0])
    for _ in range(draw.draw(st.integers(1, 4))):
        start = draw.draw(st.integers(0, len(data)))
        stop = draw.draw(st.integers(start, min(len(data), start + 400)))
        data[start:stop] = draw.draw(
            st.sampled_from([b"", bytes(data[start:stop]) * 2]) | st.binary(max_size=30)
        )
    digest(kind, with_right_checksums(bytes(data)) if kind == "ogg" else bytes(data))


@KINDS
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_behind_a_right_beginning(kind: str, data: bytes) -> None:
    whole, _ = FILES[kind]
    for size in (0, 4, 32, 47, 100):
        digest(kind, whole[:size] + data)


@given(head=st.binary(max_size=16))
def test_any_beginning_is_a_format_or_refused(head: bytes) -> None:
    try:
        found = detect_format(head, "file")
    except ContainerError as error:
        found = str(error)
    assert found in ("Ogg", "IVF", "WAV", "H.264") or found.startswith("file looks like ")


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), kind=st.sampled_from(sorted(FILES)), size=st.integers(0, 200))
def test_the_reader_of_files_ends_on_any_content(data: bytes, kind: str, size: int) -> None:
    async def run() -> int:
        async with media.open_reader(io.BytesIO(FILES[kind][0][:size] + data)) as reader:
            return len([frame async for frame in reader])

    try:
        found = f"the file: {trio.run(run)} frames"
    except (ContainerError, UnplayableMedia) as error:
        found = str(error)
    assert found.startswith(("the file: ", "the file looks like "))
