"""Well-formed input for every parser, most of it recorded from LiveKit's server and clients."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from lktrio.room.data_tracks.packetizing import FramePacketizer
from lktrio.rtc import rtcp
from lktrio.rtc.datachannel import DataChannelOpen
from lktrio.rtc.dtls.records import RECORD_HEADER
from lktrio.rtc.dtls.registry import ContentType
from lktrio.rtc.rtp.red import RedBlock
from tests.rtc.payload import rtpdump
from tests.support.red import build_red

DATA = Path(__file__).parents[1] / "data"


def sdp() -> list[bytes]:
    return [path.read_bytes() for path in sorted((DATA / "sdp").glob("*.sdp"))]


def candidates() -> list[bytes]:
    found = {line for text in sdp() for line in re.findall(rb"candidate:[^\r\n]+", text)}
    return [*sorted(found)[:6], b"candidate:1 1 tcp 5 fe80::1 9 typ srflx raddr :: rport 0 a b"]


def stun() -> list[bytes]:
    lines = (DATA / "stun" / "recorded.jsonl").read_text().splitlines()
    return [bytes.fromhex(json.loads(line)["data"]) for line in lines]


def sctp() -> list[bytes]:
    text = (DATA / "sctp" / "handshake-v1.txt").read_text()
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return [bytes.fromhex(words[3]) for words in lines]


def signal(suffix: str) -> list[bytes]:
    folder = DATA / "signal" / "messages"
    return [path.read_bytes() for path in sorted(folder.glob(f"v1-s2c-*.{suffix}"))]


def handshake_records() -> list[bytes]:
    """The content of DTLS records in clear that hold handshake messages."""
    found: list[bytes] = []
    for line in (DATA / "dtls" / "handshakes.jsonl").read_text().splitlines():
        for datagram in json.loads(line)["datagrams"]:
            data = bytes.fromhex(datagram["hex"])
            while data:
                kind, _, number, size = RECORD_HEADER.unpack_from(data)
                if kind == ContentType.HANDSHAKE and not number >> 48:
                    found.append(data[RECORD_HEADER.size :][:size])
                data = data[RECORD_HEADER.size + size :]
    return found


def rtp() -> list[bytes]:
    names = ("vp8-published", "h264-forwarded", "opus-dtx-published", "vp8-simulcast-forwarded")
    return [packet for name in names for packet in _first(rtpdump.packets(name), 3)]


def payloads(name: str) -> list[bytes]:
    """The payloads of a few frames, each behind its length."""
    frames = rtpdump.frames(name)[:4]
    return [join(frame.payloads[:6]) for frame in frames]


def join(pieces: Iterable[bytes]) -> bytes:
    return b"".join(len(piece).to_bytes(2, "big") + piece for piece in pieces)


def split(data: bytes) -> list[bytes]:
    """Pieces, each behind its length; the last one may be cut off."""
    pieces: list[bytes] = []
    while len(data) >= 2:
        size = int.from_bytes(data[:2], "big")
        pieces.append(data[2 : 2 + size])
        data = data[2 + size :]
    return pieces


def reports() -> list[bytes]:
    """RTCP of every kind."""
    block = rtcp.ReportBlock(1, 2, -3, 4, 5, 6, 7)
    packets: list[rtcp.RtcpPacket] = [
        rtcp.SenderReport(1, 2 << 40, 3, 4, 5, (block,) * 3),
        rtcp.ReceiverReport(1, (block,)),
        rtcp.SourceDescription((rtcp.SdesChunk(1, ((1, b"cname"), (2, b"name"))),) * 2),
        rtcp.Goodbye((1, 2), b"reason"),
        rtcp.ExtendedReport(
            1,
            (
                rtcp.ReceiverReferenceTime(1 << 50),
                rtcp.DlrrBlock((rtcp.DelaySinceLastReport(1, 2, 3),) * 2),
                rtcp.RawXrBlock(42, 0, bytes(8)),
            ),
        ),
        rtcp.Nack(1, 2, (3, 4, 70, 3000)),
        rtcp.PictureLossIndication(1, 2),
        rtcp.FullIntraRequest(1, ((2, 3), (4, 5))),
        rtcp.ReceiverEstimatedMaxBitrate(1, 2_500_000, (1, 2, 3)),
        rtcp.TransportFeedback(1, 2, 3, -4, 5, (1, None, 300, -5, None, 2) * 5),
        rtcp.TransportFeedback(1, 2, 3, 4, 5, (None,) * 90 + (4,) * 40),
    ]
    return [*(packet.serialize() for packet in packets), rtcp.serialize_compound(packets[:6])]


def channel_opens() -> list[bytes]:
    return [
        DataChannelOpen("_reliable").serialize(),
        DataChannelOpen("_lossy", "sub", ordered=False, max_retransmits=0).serialize(),
        DataChannelOpen("ü" * 20, max_packet_life_time=500).serialize(),
    ]


def track_packets() -> list[bytes]:
    """Frames of data tracks, of one packet and of several, one as an encrypted track has them."""
    packetizer = FramePacketizer(7, 0)
    frames = [(b"", None), (b"x" * 50, 1), (bytes(16_100), 2**64 - 1)]
    messages = [one for data, mark in frames for one in packetizer.packets(data, mark, 1.0)]
    encrypted = bytes.fromhex(
        f"1c00 0007 0001 0001 00000001 0006 010d{'55' * 13} 0208{'66' * 8} 00"
    )
    return [*(message[:200] for message in messages), encrypted + b"payload"]


def red() -> list[bytes]:
    blocks = [RedBlock(111, bytes([n]) * 20 * n, 960 * (3 - n)) for n in range(4)]
    return [build_red(blocks), build_red(blocks[-1:])]


def trickled() -> list[bytes]:
    init = {"candidate": "candidate:1 1 udp 5 192.0.2.1 9 typ host", "sdpMid": "0"}
    return [json.dumps(init | {"sdpMLineIndex": 0, "usernameFragment": None}).encode()]


def _first(packets: Iterable[bytes], count: int) -> list[bytes]:
    return [packet for packet, _ in zip(packets, range(count), strict=False)]
