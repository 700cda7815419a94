"""Which section and layer the SSRCs of a peer are bound to."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from lktrio.rtc.capabilities import PACKET_CODECS, MediaCapabilities
from lktrio.rtc.negotiation import Negotiator, TransportParameters
from lktrio.rtc.rtp import HEADER
from lktrio.rtc.rtp.extensions import MID_URI, RID_URI, build_extensions
from lktrio.rtc.sdp import Fingerprint, read_description
from lktrio.rtc.streams import MediaStreams, StreamBound
from lktrio.rtc.transceiver import Transceiver

DESCRIPTIONS = Path(__file__).parents[1] / "data" / "sdp"
ANSWERING = TransportParameters(
    "frag", "password" * 3, Fingerprint("sha-256", ":".join(["AB"] * 32)), "active"
)
PAYLOAD = b"\x10\x00\x00\x9d\x01\x2a\x40\x01\xb4\x00"
VP8, RTX = 96, 97


class Receiver:
    """The side that answers an offer and receives packets."""

    def __init__(self, offer: str, capabilities: MediaCapabilities | None = None) -> None:
        self.negotiator = Negotiator(capabilities or MediaCapabilities(), 1)
        self.streams = MediaStreams(self.negotiator, random.Random(1).randbytes, 0.0)
        self.index = 0
        self.answer(offer)

    def answer(self, offer: str) -> None:
        self.negotiator.apply_offer(read_description(offer))
        self.negotiator.create_answer(ANSWERING)
        self.streams.configure()

    @property
    def video(self) -> Transceiver:
        (found,) = [each for each in self.negotiator.transceivers if each.kind == "video"]
        return found

    def packet(self, ssrc: int, *, mid: str = "", rid: str = "", payload_type: int = VP8) -> None:
        ids = self.video.extension_ids
        values = {ids[MID_URI]: mid.encode(), ids[RID_URI]: rid.encode()}
        extensions: Mapping[int, bytes] = {key: text for key, text in values.items() if text}
        self.index += 1
        header = HEADER.pack(0x80 | 0x10 * bool(extensions), payload_type, self.index, 0, ssrc)
        header += build_extensions(extensions) if extensions else b""
        self.streams.receive_rtp(self.index, header + PAYLOAD, len(header), PAYLOAD, 1.0)

    def bound(self) -> list[tuple[int, str]]:
        self.streams.flush(1.0)
        events = list(self.streams.events)
        self.streams.events.clear()
        return [
            (event.stream.ssrc, event.rid) for event in events if isinstance(event, StreamBound)
        ]


def pion_offer() -> str:
    """A publisher's offer that lists two layers by rid and by SSRC, in a section used before."""
    return (DESCRIPTIONS / "pion-reused-simulcast-offer-v0.sdp").read_text()


Q, F = 1465456637, 1188540805


def test_layers_that_are_listed_by_ssrc_are_bound_by_the_rid_of_their_packets() -> None:
    receiver = Receiver(pion_offer())
    assert receiver.bound() == []
    receiver.packet(F, mid="2", rid="f")
    receiver.packet(Q, mid="2", rid="q")
    assert receiver.bound() == [(F, "f"), (Q, "q")]
    assert [stream.rid for stream in receiver.streams.inbound.of(receiver.video)] == ["f", "q"]
    repairs = [stream.repair for stream in receiver.streams.inbound.of(receiver.video)]
    assert [each.ssrc for each in repairs if each is not None] == [2927576936, 200403828]


def test_without_a_rid_in_the_packet_the_order_of_the_list_is_a_hint() -> None:
    receiver = Receiver(pion_offer())
    receiver.packet(F)
    receiver.packet(Q)
    assert receiver.bound() == [(F, "f"), (Q, "q")]


def test_the_rid_of_a_packet_counts_more_than_the_list() -> None:
    receiver = Receiver(pion_offer())
    receiver.packet(F, mid="2", rid="q")
    receiver.packet(7777, mid="2", rid="f")
    assert receiver.bound() == [(F, "q"), (7777, "f")]


def test_only_layers_that_are_sent_are_bound_and_answered() -> None:
    offer = pion_offer().replace("a=rid:q recv\r\n", "a=rid:q recv\r\na=rid:h recv\r\n")
    offer = offer.replace("simulcast:recv q;f", "simulcast:recv q;h;f")
    receiver = Receiver(offer)
    assert receiver.video.remote_rids == ("q", "f")
    answer = receiver.negotiator.local
    assert answer is not None
    assert [rid.id for rid in answer.media[2].rids] == ["q", "f"]
    receiver.packet(7777, mid="2", rid="h")
    assert receiver.bound() == []
    assert receiver.streams.stats.unbound == 1


def test_a_section_without_simulcast_is_bound_by_its_list_at_once() -> None:
    offer = "".join(
        line
        for line in pion_offer().splitlines(keepends=True)
        if not line.startswith(("a=rid", "a=simulcast"))
        and not any(ssrc in line for ssrc in ("1188540805", "2927576936"))
    )
    receiver = Receiver(offer)
    assert receiver.bound() == [(Q, "")]


def test_a_section_that_lists_an_ssrc_carries_a_track_whether_it_names_it_or_not() -> None:
    lines = pion_offer().splitlines(keepends=True)
    gone = ("a=simulcast", "a=rid", "a=ssrc", "a=msid:")
    bare = "".join(line for line in lines if not line.startswith(gone))
    assert Receiver(bare).bound() == []
    receiver = Receiver(f"{bare}a=ssrc:7777 cname:somebody\r\n")
    assert receiver.bound() == [(7777, "")]
    receiver.answer(f"{bare}a=ssrc:8888 cname:somebody\r\n")  # which is another one then
    assert receiver.bound() == [(8888, "")]
    assert len(receiver.streams.inbound.of(receiver.video)) == 1


def test_codecs_without_frames_are_received_as_packets() -> None:
    """VP9, AV1 and H.265: negotiated where they are asked for, and told apart by packets."""
    for payload_type, mime in ((98, "VP9"), (45, "AV1"), (116, "H265")):
        codecs = (*MediaCapabilities().video_codecs, *PACKET_CODECS)
        receiver = Receiver(pion_offer(), MediaCapabilities(video_codecs=codecs))
        assert mime in {codec.name for codec in receiver.video.codecs}
        receiver.packet(Q, mid="2", rid="q", payload_type=payload_type)
        (stream,) = receiver.streams.inbound.of(receiver.video)
        stream.want_packets = True
        receiver.packet(Q, payload_type=payload_type)
        assert [packet.payload_type for packet in stream.packets] == [payload_type], mime
        assert stream.frames == [], mime
        assert stream.stats.unknown_payload_type == 0, mime
