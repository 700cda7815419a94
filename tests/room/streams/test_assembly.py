"""Contents survive every form of a stream; damaged ones and bombs are errors of that stream."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio import proto
from lktrio.errors import LengthMismatch, StreamError, StreamTooLarge
from lktrio.room.streams.assembly import StreamAssembler
from lktrio.room.streams.outgoing import CHUNK_SIZE, Abilities, StreamDescription, small_stream

OLD = proto.ParticipantInfo(client_protocol=1)
NEW = proto.ParticipantInfo(client_protocol=2)
PACKING = proto.ParticipantInfo(
    client_protocol=2,
    capabilities=[proto.ClientInfo.Capability.CAP_COMPRESSION_DEFLATE_RAW],
)
DESCRIPTION = StreamDescription(id="1", topic="t", timestamp=0, mime_type="text/plain")


def assemble(packets: list[proto.DataPacket]) -> bytes:
    header = packets[0].stream_header
    assert header is not None
    assembler = StreamAssembler(header)
    if header.inline_content is not None:
        assert len(packets) == 1
        return assembler.inline(header.inline_content)
    whole = b""
    for packet in packets[1:]:
        if packet.stream_chunk is not None:
            assert len(packet.stream_chunk.content) <= CHUNK_SIZE
            whole += assembler.chunk(packet.stream_chunk)
            assert not assembler.chunk(packet.stream_chunk)  # a repetition
    assert packets[-1].stream_trailer is not None
    assembler.trailer(packets[-1].stream_trailer)
    return whole


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=300),
    st.integers(0, 300),
    st.lists(st.sampled_from([OLD, NEW, PACKING]), max_size=3),
)
def test_whatever_the_receivers_know(
    data: bytes, times: int, recipients: list[proto.ParticipantInfo]
) -> None:
    steps = list(small_stream(DESCRIPTION, data * times, Abilities.common(recipients)))
    packets = [packet for packet, _ in steps]
    assert assemble(packets) == data * times
    assert sum(added for _, added in steps) == len(data) * times
    header = packets[0].stream_header
    assert header is not None
    if OLD in recipients or not recipients:
        assert header.inline_content is None
    if any(one is not PACKING for one in recipients):
        assert not header.compression


def test_damage_and_bombs() -> None:
    deflate = proto.DataStream.CompressionType.DEFLATE_RAW
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(bytes(50_000_000)) + packer.flush()
    for total, content, error in (
        (None, bomb, StreamTooLarge),
        (1000, bomb, LengthMismatch),
        (None, b"\xff\xff\xff", StreamError),
        (None, b"", LengthMismatch),
    ):
        header = proto.DataStream.Header(total_length=total, compression=deflate)
        with pytest.raises(error):
            StreamAssembler(header).inline(content)
    gap = proto.DataStream.Chunk(chunk_index=1)
    with pytest.raises(StreamError, match="missing"):
        StreamAssembler(proto.DataStream.Header()).chunk(gap)
