"""Data packets of real peers are read and mean the same when they are written again."""

from __future__ import annotations

from lktrio import proto
from lktrio.proto.codec import decode, encode
from tests.proto.oracle import google_class
from tests.support.cases import each_case
from tests.support.datachannels import load

PACKETS = load("data")
KINDS = {
    "user",
    "sip_dtmf",
    "transcription",
    "rpc_ack",
    "rpc_response",
    "stream_header",
    "stream_chunk",
    "stream_trailer",
    "encrypted_packet",
}


def test_every_kind_was_recorded() -> None:
    packets = [decode(proto.DataPacket, data) for data in PACKETS]
    found = {kind for kind in KINDS for packet in packets if getattr(packet, kind) is not None}
    assert found == KINDS
    assert len(packets) > 130


@each_case("data", PACKETS)
def test_a_packet_means_the_same_when_it_is_written_again(data: bytes) -> None:
    """Its bytes may be in another order: Rust and Go put some fields elsewhere."""
    packet = decode(proto.DataPacket, data)
    again = encode(packet)
    assert len(again) == len(data)
    assert decode(proto.DataPacket, again) == packet
    google = google_class("livekit.DataPacket")
    assert google.FromString(again) == google.FromString(data)
