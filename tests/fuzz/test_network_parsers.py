"""Whatever arrives, a parser returns or raises ``RemoteProtocolError``, in linear time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeAlias

from lktrio import proto
from lktrio.errors import RemoteProtocolError
from lktrio.proto.codec import Budget, decode, encode, from_json
from lktrio.room.data_tracks.assembly import FrameAssembler
from lktrio.room.data_tracks.packet import decode_packet, encode_packet
from lktrio.rtc.datachannel import DataChannelOpen
from lktrio.rtc.dtls.fragments import parse_fragments
from lktrio.rtc.dtls.messages import CertificateMessage, ClientHello, ServerHello, ServerKeyExchange
from lktrio.rtc.ice.candidate import Candidate
from lktrio.rtc.ice.messages import read_request
from lktrio.rtc.ice.stun import Attribute, StunMessage
from lktrio.rtc.payload import depacketizer
from lktrio.rtc.payload.opus import packet_samples
from lktrio.rtc.rtcp import parse_compound, serialize_compound
from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.rtp.red import primary_block, split_red
from lktrio.rtc.sdp import (
    read_description,
    write_description,
)
from lktrio.rtc.srtp import SrtpProfile, SrtpReceiver
from lktrio.signal.trickle import parse_trickle
from tests.fuzz import seeds
from tests.support.attacker import Mutator
from tests.support.cases import each_case
from tests.support.sctp_packet import parse_packet
from tests.support.work import lines_run

Parser: TypeAlias = Callable[[bytes], object]

MUTATIONS = 1500
FLIPS = 1500
CUTS = 600
LARGE = 5000
"""Bytes of input that takes so long to read that fewer damages have to do."""


def read_sdp(data: bytes) -> str:
    return write_description(read_description(data.decode("utf-8", "replace")))


def read_candidate(data: bytes) -> str:
    return str(Candidate.parse(data.decode("utf-8", "replace")))


def read_check(data: bytes) -> None:
    message = StunMessage.parse(data)
    message.verify(b"the password")
    message.get_error()
    message.unknown_required()
    for kind in (Attribute.XOR_MAPPED_ADDRESS, Attribute.MAPPED_ADDRESS):
        message.get_address(kind)
    read_request(message, 1, ("192.0.2.1", 1))


def read_rtp(data: bytes) -> bytes:
    return RtpPacket.parse(data).serialize()


def read_reports(data: bytes) -> bytes:
    return serialize_compound(parse_compound(data))


def read_handshake(content: bytes) -> None:
    readers: dict[int, Parser] = {
        1: ClientHello.parse,
        2: ServerHello.parse,
        11: CertificateMessage.parse,
        12: ServerKeyExchange.parse,
    }
    for fragment in parse_fragments(content):
        if (parse := readers.get(fragment.type)) is not None:
            parse(fragment.data)


def read_packet(data: bytes) -> bytes:
    return parse_packet(data).serialize()


def read_open(data: bytes) -> bytes:
    return DataChannelOpen.parse(data).serialize()


def read_track_packet(data: bytes) -> bytes:
    packet = decode_packet(data)
    FrameAssembler().push(packet)
    return encode_packet(packet)


def read_red(data: bytes) -> None:
    assert primary_block(data) == split_red(data)[-1].data


def reader_of_frames(mime: str) -> Parser:
    def read(data: bytes) -> bytes:
        found = depacketizer(mime)
        payloads = seeds.split(data)
        for payload in payloads:
            found.starts_frame(payload)
            found.is_keyframe(payload)
        return found.assemble(payloads)

    return read


def read_response(data: bytes) -> bytes:
    return encode(decode(proto.SignalResponse, data))


def read_json(data: bytes) -> bytes:
    return encode(from_json(proto.SignalResponse, data.decode("utf-8", "replace")))


def read_trickle(data: bytes) -> object:
    text = data.decode("utf-8", "replace")
    return parse_trickle(proto.TrickleRequest(candidateInit=text))


def receiver_of_media(profile: SrtpProfile) -> Parser:
    receiver = SrtpReceiver(profile, bytes(profile.key_length), bytes(profile.salt_length))

    def read(data: bytes) -> None:
        receiver.unprotect(data)
        receiver.unprotect_rtcp(data)

    return read


PARSERS: dict[str, tuple[Parser, Callable[[], list[bytes]]]] = {
    "sdp": (read_sdp, seeds.sdp),
    "candidate": (read_candidate, seeds.candidates),
    "stun": (read_check, seeds.stun),
    "rtp": (read_rtp, seeds.rtp),
    "rtcp": (read_reports, seeds.reports),
    "srtp gcm": (receiver_of_media(SrtpProfile.AEAD_AES_128_GCM), seeds.rtp),
    "srtp sha1": (receiver_of_media(SrtpProfile.AES128_CM_HMAC_SHA1_80), seeds.rtp),
    "dtls": (read_handshake, seeds.handshake_records),
    "sctp": (read_packet, seeds.sctp),
    "dcep": (read_open, seeds.channel_opens),
    "data track": (read_track_packet, seeds.track_packets),
    "red": (read_red, seeds.red),
    "opus": (packet_samples, lambda: seeds.payloads("opus-stereo-forwarded")),
    "vp8": (reader_of_frames("video/VP8"), lambda: seeds.payloads("vp8-published")),
    "h264": (reader_of_frames("video/H264"), lambda: seeds.payloads("h264-published")),
    "protobuf": (read_response, lambda: seeds.signal("bin")),
    "json": (read_json, lambda: seeds.signal("json")),
    "trickle": (read_trickle, seeds.trickled),
}
EACH = each_case("name", PARSERS)


def attempt(parse: Parser, data: bytes) -> bool:
    """Whether it could be read; anything but the one allowed error fails the test."""
    refusal = None
    try:
        parse(data)
    except RemoteProtocolError as error:
        refusal = str(error)
    assert refusal != "", "an error says what is wrong"
    return refusal is None


def spread(count: int, most: int) -> range:
    """At most about ``most`` numbers below ``count``, all of them if they are few."""
    return range(0, count, max(1, count // most))


@EACH
def test_the_undamaged_input_is_read(name: str) -> None:
    parse, make = PARSERS[name]
    good = sum(attempt(parse, data) for data in make())
    assert good >= 0.5 * len(make()), "damage to what is refused anyway shows nothing"


@EACH
def test_cut_off_anywhere(name: str) -> None:
    parse, make = PARSERS[name]
    whole = make()
    for data in whole:
        for size in spread(len(data), max(40, CUTS // len(whole))):
            attempt(parse, data[:size])


@EACH
def test_one_flipped_bit(name: str) -> None:
    parse, make = PARSERS[name]
    whole = make()
    most = max(20, FLIPS // len(whole)) if len(whole[0]) < LARGE else 20
    for data in whole:
        for bit in spread(8 * len(data), most):
            damaged = bytearray(data)
            damaged[bit // 8] ^= 1 << bit % 8
            attempt(parse, bytes(damaged))


@EACH
def test_mutations(name: str) -> None:
    parse, make = PARSERS[name]
    whole = make()
    mutator = Mutator(seed=len(name))
    for number in range(MUTATIONS if len(whole[0]) < LARGE else MUTATIONS // 5):
        other = mutator.random.choice(whole)
        attempt(parse, mutator.mutate(whole[number % len(whole)], other))


@EACH
def test_noise(name: str) -> None:
    parse, _ = PARSERS[name]
    order = random.Random(1)
    for _ in range(500):
        attempt(parse, order.randbytes(order.randrange(80)))


SDP_HEAD = b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
SECTION = b"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
STUN_HEAD = bytes.fromhex("0001") + bytes(2) + bytes.fromhex("2112a442") + bytes(12)


def stun_of(attributes: bytes) -> bytes:
    return STUN_HEAD[:2] + len(attributes).to_bytes(2, "big") + STUN_HEAD[4:] + attributes


GROWING: dict[str, tuple[Parser, Callable[[int], bytes]]] = {
    "sdp with many attributes": (
        read_sdp,
        lambda n: SDP_HEAD + SECTION + b"a=x\r\n" * min(n, 240),
    ),
    "sdp with one long line": (read_sdp, lambda n: SDP_HEAD + SECTION + b"a=x:" + b"y " * 20 * n),
    "sdp with many parameters": (
        read_sdp,
        lambda n: SDP_HEAD + SECTION + b"a=fmtp:111 " + b"".join(b"a%d=1;" % k for k in range(n)),
    ),
    "sdp with many ssrcs": (
        read_sdp,
        lambda n: (
            SDP_HEAD + SECTION + b"".join(b"a=ssrc:%d cname:x\r\n" % k for k in range(min(n, 240)))
        ),
    ),
    "stun with many attributes": (
        StunMessage.parse,
        lambda n: stun_of(b"\x80\x22\x00\x00" * min(n // 8, 30)),
    ),
    "candidate with many extensions": (
        read_candidate,
        lambda n: b"candidate:1 1 udp 5 192.0.2.1 9 typ host" + b" a b" * min(n // 16, 15),
    ),
    "rtcp nack": (
        parse_compound,
        lambda n: bytes((0x81, 205)) + (2 + n).to_bytes(2, "big") + bytes(8) + b"\1\2\xff\xff" * n,
    ),
    "sctp parameters": (
        parse_packet,
        lambda n: bytes(12) + bytes((9, 0)) + (4 + 4 * (n // 5)).to_bytes(2, "big")
        + b"\0\1\0\4" * (n // 5),
    ),
    "stap-a of tiny units": (
        reader_of_frames("video/H264"),
        lambda n: seeds.join([b"\x18" + b"\0\1\x01" * 10 * n]),
    ),
    "vp8 of many packets": (
        reader_of_frames("video/VP8"),
        lambda n: seeds.join([b"\x10\x01\x02\x03", *[b"\0x"] * 5 * n]),
    ),
    "protobuf of one field again and again": (read_response, lambda n: b"\x0a\x00" * 5 * n),
    "protobuf of unknown fields": (read_response, lambda n: b"\xf8\x7f\x01" * 10 * n),
    "json of a long list": (
        read_json,
        lambda n: b'{"update":{"participants":[' + b"{}," * 10 * n + b"{}]}}",
    ),
}  # fmt: skip


@each_case("name", GROWING)
def test_twice_the_input_is_at_most_twice_the_work(name: str) -> None:
    parse, make = GROWING[name]
    assert attempt(parse, make(120)), "what is refused at once shows nothing"
    once, twice = (lines_run(lambda size=size: parse(make(size))) for size in (120, 240))  # type: ignore[misc] # mypy cannot infer a lambda with a default
    assert twice < 2.2 * once + 100


def test_unknown_fields_are_not_copied_for_each_new_one() -> None:
    """Bytes that are copied show in no count of lines: this took half a minute, growing by four."""
    unit = b"\xf8\x7f\x01"
    data = unit * 160_000
    budget = Budget(1_000_000, 0, 1_000_000, 0)
    started = time.process_time()
    assert encode(decode(proto.SignalResponse, data, budget)) == data
    assert time.process_time() - started < 15
