"""A small RTCP packet of a hostile peer causes little work and few packets."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from lktrio.rtc.streams import MediaStreams
from lktrio.rtc.transceiver import Transceiver
from tests.support.cases import each_case
from tests.support.peer_call import Call
from tests.support.work import lines_run

LARGEST = 1500
HEADER = Struct("!BBH")


def packet(count: int, kind: int, body: bytes) -> bytes:
    return HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


def filled(head: bytes, item: Callable[[int], bytes]) -> bytes:
    """A body as long as one packet may be."""
    number = 0
    while len(head) + len(item(number)) <= LARGEST - HEADER.size:
        head += item(number)
        number += 1
    return head


def compound(part: bytes) -> bytes:
    return part * min(32, LARGEST // len(part))


BOMBS: dict[str, Callable[[int], bytes]] = {
    "nack for every number": lambda ssrc: packet(
        1, 205, filled(words(1, ssrc), lambda n: words((17 * n & 0xFFFF) << 16 | 0xFFFF))
    ),
    "nack for one packet again and again": lambda ssrc: packet(
        1, 205, filled(words(1, ssrc), lambda _: words(0x0005FFFF))
    ),
    "transport feedback on thousands": lambda ssrc: compound(
        packet(15, 205, words(1, ssrc, 5000, 0, 5000 << 16))
    ),
    "transport feedback on thousands that came": lambda ssrc: packet(
        15, 205, filled(words(1, ssrc, 1400, 0, 0x2000 << 16 | 1400 << 16), lambda _: words(0))
    ),
    "fir for one stream again and again": lambda ssrc: packet(
        4, 206, filled(words(1, ssrc), lambda n: words(ssrc, (n & 0xFF) << 24))
    ),
    "pli": lambda ssrc: compound(packet(1, 206, words(1, ssrc))),
    "reference times": lambda ssrc: packet(
        0, 207, filled(words(ssrc), lambda n: words(0x04000002, n, n))
    ),
    "answers to reference times": lambda ssrc: packet(
        0, 207, filled(words(ssrc), lambda n: words(0x05000003, n, n, n))
    ),
    "empty extended blocks": lambda ssrc: packet(
        0, 207, filled(words(ssrc), lambda _: words(0x2A000000))
    ),
    "report blocks": lambda ssrc: compound(
        packet(31, 201, words(1) + b"".join(words(ssrc, n, n, n, n, n) for n in range(31)))
    ),
    "empty source descriptions": lambda ssrc: compound(
        packet(31, 202, b"".join(words(n, 0) for n in range(31)))
    ),
    "source descriptions of tiny items": lambda ssrc: packet(
        1, 202, filled(words(1), lambda _: b"\x01\x00\x01\x00")[:-4] + bytes(4)
    ),
    "goodbyes": lambda ssrc: compound(packet(31, 203, words(*range(31)))),
    "remb for many": lambda ssrc: packet(
        15, 206, words(1, 0) + b"REMB" + words(0xFF03FFFF) + words(*range(255))
    ),
    "unknown types": lambda ssrc: compound(packet(0, 223, b"")),
}


class Sender:
    """The streams of a peer that has sent some video."""

    def __init__(self) -> None:
        call = Call()
        section: Transceiver = call.publish("video")
        call.connect()
        assert section.local_track is not None
        self.ssrc = section.local_track.ssrc
        self.streams: MediaStreams = call.offerer.peer._streams
        stream = call.offerer.peer.outbound(section, "video/VP8")
        for number in range(1000):
            stream.send_payload(bytes(1000), number, marker=True, now=5.0)


@each_case("name", BOMBS)
def test_work_is_a_small_multiple_of_the_size(name: str) -> None:
    sender = Sender()
    data = BOMBS[name](sender.ssrc)
    assert len(data) <= LARGEST
    work = lines_run(lambda: sender.streams.receive_rtcp(data, 6.0))
    assert work <= 20 * len(data) + 30_000


@each_case("name", BOMBS)
def test_a_flood_is_answered_with_less(name: str) -> None:
    sender = Sender()
    data = BOMBS[name](sender.ssrc)
    answered = 0
    for number in range(200):
        now = 6.0 + 0.01 * number
        sender.streams.receive_rtcp(data, now)
        sender.streams.handle_timer(now)
        sender.streams.flush(now)
        answered += sum(map(len, sender.streams.out))
        sender.streams.out.clear()
    # What was sent may be asked for again, within the share that repairs have of it.
    assert answered < 0.5 * 200 * len(data) + 200_000
    assert len(sender.streams.events) < 10 + 200 * data.count(b"REMB")
