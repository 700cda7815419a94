from __future__ import annotations

import pytest

from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.payload import MIME_TYPES, depacketizer, packetizer
from lktrio.rtc.payload.base import MAX_FRAME_PACKETS, MAX_FRAME_SIZE, MIN_BUDGET, even_split
from tests.support.cases import each_case

# The first bytes make it an inter frame of VP8, H.264's non-IDR slice, and an Opus TOC.
FRAME = b"\x00\x00\x00\x01\x41\x9a"
VIDEO = ["video/VP8", "video/H264"]


def frame_of(mime: str, size: int) -> bytes:
    head = b"\x01" if mime == "video/VP8" else FRAME
    return head.ljust(size, b"\x55")


@each_case("mime", MIME_TYPES)
def test_names_are_found_in_any_case(mime: str) -> None:
    assert depacketizer(mime.upper()) is depacketizer(mime.lower())
    assert type(packetizer(mime.upper())) is type(packetizer(mime.lower()))
    assert packetizer(mime) is not packetizer(mime)


@each_case("make", [packetizer, depacketizer])
def test_an_unknown_codec_is_refused_with_the_known_ones(make: object) -> None:
    assert callable(make)
    with pytest.raises(LocalProtocolError, match=r"'video/AV1', only for audio/opus, video/VP8"):
        make("video/AV1")


@each_case("mime", MIME_TYPES)
def test_a_budget_too_small_for_any_use_is_refused(mime: str) -> None:
    with pytest.raises(LocalProtocolError, match="budget"):
        packetizer(mime).pack(frame_of(mime, 10), MIN_BUDGET - 1)


@each_case("mime", VIDEO)
def test_the_largest_frame_passes_and_one_byte_more_does_not(mime: str) -> None:
    frame = frame_of(mime, MAX_FRAME_SIZE)
    payloads = packetizer(mime).pack(frame, 1150)
    assert depacketizer(mime).assemble(payloads) == frame
    with pytest.raises(LocalProtocolError, match="8388609 bytes"):
        packetizer(mime).pack(frame + b"x", 1150)


@each_case("mime", VIDEO)
def test_a_frame_of_too_many_packets_is_not_sent(mime: str) -> None:
    with pytest.raises(LocalProtocolError, match="packets, more than the 8192"):
        packetizer(mime).pack(frame_of(mime, MAX_FRAME_PACKETS * MIN_BUDGET), MIN_BUDGET)


@each_case("mime", MIME_TYPES)
def test_a_frame_of_too_many_packets_or_bytes_is_not_put_together(mime: str) -> None:
    with pytest.raises(RemoteProtocolError, match="8193 packets"):
        depacketizer(mime).assemble([b"\x10\x01"] * (MAX_FRAME_PACKETS + 1))
    first = b"\x10\x01" if mime == "video/VP8" else b"\x41\x9a"
    with pytest.raises(RemoteProtocolError, match="bytes"):
        depacketizer(mime).assemble([first, *[b"\x01" + bytes(60_000)] * 200])


@each_case(
    "payloads",
    [
        ("video/VP8", b"\x10\x01", b"\x00"),
        ("video/H264", b"\x7c\x81\x9a", b"\x7c\x41"),
    ],
)
def test_a_frame_a_little_too_large_is_not_put_together_either(
    payloads: tuple[str, bytes, bytes],
) -> None:
    mime, first, last = payloads
    body = bytes(MAX_FRAME_SIZE // 2)
    with pytest.raises(RemoteProtocolError, match="bytes"):
        depacketizer(mime).assemble([first + body, last + body])


@each_case("size", [1, 99, 100, 101, 199, 200, 201, 1000, 12345])
def test_pieces_are_as_few_and_as_equal_as_can_be(size: int) -> None:
    pieces = even_split(size, 100)
    sizes = [stop - start for start, stop in pieces]
    assert len(pieces) == -(-size // 100)
    assert sum(sizes) == size
    assert len(set(sizes[:-1])) <= 1
    assert 0 <= sizes[0] - sizes[-1] < len(sizes)
    assert [start for start, _ in pieces[1:]] == [stop for _, stop in pieces[:-1]]
