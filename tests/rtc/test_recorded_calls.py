"""Whole recorded calls of the real server and a real client open with our own protocol code.

Every datagram of a capture is taken apart by the engines it is for: STUN parses and re-encodes,
DTLS gives the keys, SRTP and SRTCP authenticate and decrypt, RTP and RTCP re-encode, and the
tunnel's records hold SCTP packets that re-encode.
"""

from __future__ import annotations

import gzip
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.base import Address
from lktrio.rtc.dtls import DtlsStats
from lktrio.rtc.dtls.fragments import parse_fragments
from lktrio.rtc.dtls.keys import CIPHER_SUITES, Secrets
from lktrio.rtc.dtls.messages import ClientHello, ServerHello
from lktrio.rtc.dtls.records import (
    RECORD_HEADER,
    RECORD_HEADER_LENGTH,
    RecordReader,
    protected_reader,
)
from lktrio.rtc.dtls.registry import ContentType, ExtensionType, HandshakeType
from lktrio.rtc.ice.stun import Attribute, StunClass, StunMessage
from lktrio.rtc.payload import depacketizer
from lktrio.rtc.rtcp import parse_compound, serialize_compound
from lktrio.rtc.rtp import RtpPacket, SequenceUnwrapper, parse_header_length
from lktrio.rtc.rtp.inbound import InboundFormat, InboundOptions, InboundStream
from lktrio.rtc.srtp import EXPORTER_LABEL, SrtpKeys, SrtpProfile, SrtpReceiver
from tests.support.cases import each_case
from tests.support.sctp_packet import parse_packet

DATA = Path(__file__).parents[1] / "data" / "calls"
Flow: TypeAlias = tuple[Address, Address]


def datagrams(name: str) -> Iterator[tuple[Address, Address, bytes]]:
    """The UDP datagrams of a capture: source, destination, payload (Ethernet, IPv4)."""
    data = gzip.decompress((DATA / f"{name}.pcap.gz").read_bytes())
    position = 24
    while position < len(data):
        (size,) = struct.unpack_from("<8xI4x", data, position)
        packet = data[position + 16 + 14 : position + 16 + size]
        position += 16 + size
        header = 4 * (packet[0] & 15)
        source, destination, length = struct.unpack_from("!HHH", packet, header)
        hosts = [".".join(map(str, packet[start : start + 4])) for start in (12, 16)]
        yield (hosts[0], source), (hosts[1], destination), packet[header + 8 : header + length]


def master_secrets(name: str) -> dict[bytes, bytes]:
    """NSS key log: client random to master secret."""
    lines = (DATA / f"{name}.keys").read_text().split("\n")
    words = [line.split() for line in lines if line.startswith("CLIENT_RANDOM")]
    return {bytes.fromhex(random): bytes.fromhex(master) for _, random, master in words}


def ice_passwords(name: str) -> dict[str, bytes]:
    """From the descriptions of the call: user fragment to password."""
    file = DATA / f"{name}.passwords"
    lines = file.read_text().splitlines() if file.exists() else []
    return {ufrag: password.encode() for ufrag, password in map(str.split, lines)}


@dataclass
class Side:
    """What one end of a connection sends, as the other reads it."""

    records: RecordReader
    srtp: SrtpReceiver


@dataclass
class Connection:
    """One peer connection of a capture."""

    masters: dict[bytes, bytes]
    ice: dict[str, bytes]
    """ICE passwords by user fragment."""
    passwords: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """By STUN transaction."""
    client_hello: ClientHello | None = None
    client_address: Address | None = None
    sides: dict[bool, Side] = field(default_factory=dict[bool, Side])
    counts: Counter[str] = field(default_factory=Counter[str])
    media: dict[int, list[RtpPacket]] = field(default_factory=dict[int, list[RtpPacket]])
    """By SSRC."""

    def take(self, source: Address, data: bytes) -> None:
        first = data[0]
        if first < 4:
            self.take_stun(data)
        elif 20 <= first <= 63:
            self.take_dtls(source, data)
        elif 192 <= data[1] <= 223:
            self.take_rtcp(source, data)
        else:
            self.take_rtp(source, data)

    def take_stun(self, data: bytes) -> None:
        message = StunMessage.parse(data)
        if message.message_class is StunClass.REQUEST:
            username = message.get_text(Attribute.USERNAME)
            assert username is not None
            ufrag = username.partition(":")[0]
            if (password := self.ice.get(ufrag)) is not None:
                self.passwords[message.transaction_id] = password
        password = self.passwords.get(message.transaction_id)
        assert message.has_fingerprint
        again = StunMessage(
            message.method, message.message_class, message.transaction_id, message.attributes
        )
        if password is None:  # no description was kept: all but the proof comes out again
            assert data[4:].startswith(again.serialize(fingerprint=False)[4:])
        else:
            assert message.verify(password)
            assert again.serialize(password) == data
            self.counts["verified"] += 1
        self.counts["stun"] += 1

    def take_dtls(self, source: Address, data: bytes) -> None:
        position = 0
        while position < len(data):
            kind, _, number, length = RECORD_HEADER.unpack_from(data, position)
            end = position + RECORD_HEADER_LENGTH + length
            if number >> 48 == 0:
                if kind == ContentType.HANDSHAKE:
                    body = data[position + RECORD_HEADER_LENGTH : end]
                    self.take_handshake(source, body)
            else:
                reader = self.sides[source == self.client_address].records
                content = reader.open(
                    kind, number, data[position:end], RECORD_HEADER_LENGTH, end - position
                )
                assert content is not None, "a record does not decrypt"
                if kind == ContentType.APPLICATION_DATA:
                    self.take_sctp(content)
            position = end

    def take_handshake(self, source: Address, body: bytes) -> None:
        for fragment in parse_fragments(body):
            if fragment.type == HandshakeType.CLIENT_HELLO:
                self.client_hello = ClientHello.parse(fragment.data)
                self.client_address = source
            elif fragment.type == HandshakeType.SERVER_HELLO and not self.sides:
                self.derive(ServerHello.parse(fragment.data))

    def derive(self, server: ServerHello) -> None:
        assert self.client_hello is not None
        random = self.client_hello.random
        suite = CIPHER_SUITES[server.cipher_suite]
        secrets = Secrets(suite, self.masters[random], random, server.random)
        keys, stats = secrets.traffic_keys(), DtlsStats()
        use_srtp = dict(server.extensions)[ExtensionType.USE_SRTP]
        profile = SrtpProfile(int.from_bytes(use_srtp[2:4], "big"))
        material = secrets.export(EXPORTER_LABEL, profile.exporter_length)
        client, peer = SrtpKeys.from_exporter(profile, material, is_client=True)
        self.counts[profile.name] += 1
        self.sides = {
            True: Side(
                protected_reader(suite, keys.client_key, keys.client_iv, stats),
                SrtpReceiver(profile, client.key, client.salt),
            ),
            False: Side(
                protected_reader(suite, keys.server_key, keys.server_iv, stats),
                SrtpReceiver(profile, peer.key, peer.salt),
            ),
        }

    def take_sctp(self, packet: bytes) -> None:
        assert parse_packet(packet).serialize() == packet
        self.counts["sctp"] += 1

    def take_rtcp(self, source: Address, data: bytes) -> None:
        packet = self.sides[source == self.client_address].srtp.unprotect_rtcp(data)
        assert packet is not None, "an RTCP packet does not decrypt"
        assert serialize_compound(parse_compound(packet)) == packet
        self.counts["rtcp"] += 1

    def take_rtp(self, source: Address, data: bytes) -> None:
        opened = self.sides[source == self.client_address].srtp.unprotect(data)
        assert opened is not None, "an RTP packet does not decrypt"
        _, header_length, payload = opened
        plain = data[:header_length] + payload
        packet = RtpPacket.parse(plain)
        assert packet.serialize() == plain
        self.media.setdefault(packet.ssrc, []).append(packet)
        self.counts["rtp"] += 1


def open_call(name: str) -> list[Connection]:
    """Take apart every datagram of a capture."""
    masters, ice = master_secrets(name), ice_passwords(name)
    connections: dict[frozenset[Address], Connection] = {}
    for source, destination, data in datagrams(name):
        pair = frozenset((source, destination))
        connections.setdefault(pair, Connection(masters, ice)).take(source, data)
    return list(connections.values())


@each_case(
    "name, profiles",
    [
        ("handshake-v1", {"AES128_CM_HMAC_SHA1_80"}),
        ("handshake-v0", {"AES128_CM_HMAC_SHA1_80", "AEAD_AES_256_GCM"}),
        ("icerestart-v1", {"AES128_CM_HMAC_SHA1_80"}),
        ("icerestart-v0", {"AES128_CM_HMAC_SHA1_80", "AEAD_AES_256_GCM"}),
    ],
)
def test_every_datagram_of_a_recorded_call_opens(name: str, profiles: set[str]) -> None:
    connections = open_call(name)
    total = sum((connection.counts for connection in connections), Counter[str]())
    assert len(connections) >= 2
    if name.startswith("handshake"):
        assert total["verified"] == total["stun"]
    assert profiles == {profile.name for profile in SrtpProfile if total[profile.name]}
    for kind in ("stun", "sctp", "rtp", "rtcp"):
        assert total[kind] > (10 if name.startswith("handshake") else 1), (
            f"only {total[kind]} {kind} packets were seen"
        )


FORMATS = {
    96: InboundFormat(depacketizer=depacketizer("video/VP8")),
    111: InboundFormat(),
    63: InboundFormat("red"),
}


def frames_of(packets: list[RtpPacket]) -> list[bytes]:
    """Put the frames of a stream together with the receiver that rooms use."""
    video = packets[0].payload_type == 96
    stream = InboundStream(
        ssrc=packets[0].ssrc,
        kind="video" if video else "audio",
        clock_rate=90_000 if video else 48_000,
        formats=FORMATS,
        options=InboundOptions(nack=True, pli=True),
    )
    unwrap = SequenceUnwrapper()
    for number, packet in enumerate(packets):
        data = packet.serialize()
        length = parse_header_length(data)
        index = unwrap.unwrap(packet.sequence_number)
        stream.feed(index, data, length, data[length:], number / 100)
    assert stream.lost == stream.stats.malformed == stream.stats.unknown_payload_type == 0
    return [frame.data for frame in stream.frames]


@each_case("name", ["handshake-v1", "handshake-v0", "icerestart-v1", "icerestart-v0"])
def test_the_media_of_a_recorded_call_decodes(name: str) -> None:
    av = pytest.importorskip("av", reason="PyAV decodes what we put together")
    decoded: Counter[str] = Counter()
    for connection in open_call(name):
        for packets in connection.media.values():
            if packets[0].payload_type not in FORMATS:  # retransmissions, probes
                continue
            codec = "vp8" if packets[0].payload_type == 96 else "opus"
            decoder = av.CodecContext.create(codec, "r")
            decoder.thread_count = 1
            frames = frames_of(packets)
            pictures = [part for frame in frames for part in decoder.decode(av.Packet(frame))]
            assert not any(part.is_corrupt for part in pictures)
            assert len(pictures) >= len(frames) - 1 > 0
            decoded[codec] += 1
    assert decoded["opus"] >= 2  # from the publisher, and on to the subscriber
    assert decoded["vp8"] >= (2 if name.startswith("handshake") else 0)


def test_a_flipped_bit_is_noticed() -> None:
    masters, ice = master_secrets("handshake-v1"), ice_passwords("handshake-v1")
    connections: dict[frozenset[Address], Connection] = {}
    for source, destination, data in datagrams("handshake-v1"):
        connection = connections.setdefault(
            frozenset((source, destination)), Connection(masters, ice)
        )
        if connection.sides and data[0] >= 128:
            broken = data[:-1] + bytes([data[-1] ^ 1])
            with pytest.raises(AssertionError, match="does not decrypt"):
                connection.take(source, broken)
            return
        try:
            connection.take(source, data)
        except RemoteProtocolError:  # pragma: no cover - the recording is sound
            pytest.fail("a recorded datagram was refused")
    pytest.fail("no media in the recording")
