"""What one packet of an authenticated peer can cost, however many chunks it holds.

Work is counted in lines of Python: 20,000 are 1 to 2 ms.
"""

from __future__ import annotations

from collections.abc import Callable

from lktrio.rtc.sctp.chunks import (
    DATA_BEGIN,
    DATA_END,
    Chunk,
    CookieEcho,
    Error,
    ForwardTsn,
    Heartbeat,
    ReConfig,
    UnknownChunk,
)
from tests.rtc.sctp.raw_peer import RawPeer
from tests.support.work import lines_run

MOST_LINES = 20_000
SIZE = 2048  # of a datagram that is looked at


def fill(*pattern: bytes) -> list[bytes]:
    """Chunks again and again until a datagram is full."""
    found: list[bytes] = []
    room = SIZE - 12
    while pattern and len(pattern[len(found) % len(pattern)]) <= room:
        found.append(pattern[len(found) % len(pattern)])
        room -= len(found[-1]) + 3 & ~3
    return found


def sending(count: int, *, partial: bool = False) -> tuple[RawPeer, int]:
    """An association with as many small chunks in flight as it allows itself, up to ``count``.

    Returns:
        The peer, and the number of the last chunk before them, for ``RawPeer.sack``.
    """
    peer = RawPeer(window=1 << 30)
    association = peer.association
    up_to = -1
    for _ in range(100):  # until the congestion window is wide
        association.send(0, 53, bytes(60_000), now=peer.now)
        association.send(0, 53, bytes(60_000), now=peer.now)
        peer.flush()
        peer.now += 0.001
        up_to = association.stats.data_chunks_sent - 1
        peer.send(peer.sack(up_to))
    while association.buffered_amount:
        peer.flush()
        up_to = association.stats.data_chunks_sent - 1
        peer.send(peer.sack(up_to))
    for _ in range(count):
        association.send(0, 53, b"small", max_retransmits=0 if partial else None, now=peer.now)
    peer.flush()
    return peer, up_to


def every_second(peer: RawPeer, up_to: int, count: int) -> None:
    """Acknowledge every second chunk beyond ``up_to``, by gap blocks."""
    for start in range(2, 2 * count, 2 * 290):
        gaps = tuple((offset, offset) for offset in range(start, min(start + 580, 2 * count), 2))
        peer.send(peer.sack(up_to, *gaps))


def cost(peer: RawPeer, chunks: list[bytes]) -> int:
    packet = peer.raw(*chunks)
    return lines_run(lambda: peer.association.receive(packet, peer.now))


def test_the_last_sack_of_a_packet_counts() -> None:
    peer, up_to = sending(2000)
    every_second(peer, up_to, 1000)
    one = peer.sack(up_to, (2, 2)).serialize()
    assert cost(peer, [one] * 60) < cost(peer, [one]) + 60 * 30


def receiving(messages: int, *, whole: bool, streams: int = 1) -> RawPeer:
    """An association that holds messages behind a gap."""
    peer = RawPeer()
    peer.tsn += 1  # the gap
    flags = DATA_BEGIN | DATA_END if whole else DATA_BEGIN
    for number in range(messages):
        chunk = peer.data(
            b"x", stream_id=number % streams, sequence=1 + number // streams, flags=flags
        )
        if not whole:
            peer.tsn += 1
        peer.deliver(peer.raw(chunk.serialize()), flush=False)
    return peer


def forwards(peer: RawPeer, steps: range, streams: int = 1) -> list[bytes]:
    return [
        ForwardTsn(
            (peer.first + step) & 0xFFFFFFFF,
            tuple((stream, step % 65536) for stream in range(streams)),
        ).serialize()
        for step in steps
    ]


def hostile() -> dict[str, Callable[[], tuple[RawPeer, list[bytes]]]]:
    """States of an association and the worst packet for each."""

    def packet(
        make: Callable[[RawPeer], list[bytes]],
        *,
        messages: int = 0,
        whole: bool = True,
        streams: int = 1,
    ) -> Callable[[], tuple[RawPeer, list[bytes]]]:
        def build() -> tuple[RawPeer, list[bytes]]:
            peer = receiving(messages, whole=whole, streams=streams) if messages else RawPeer()
            return peer, make(peer)

        return build

    def chunk(*pattern: Chunk | UnknownChunk) -> Callable[[RawPeer], list[bytes]]:
        return lambda _: fill(*(each.serialize() for each in pattern))

    return {
        "heartbeats": packet(chunk(Heartbeat(b""))),
        "errors": packet(chunk(Error(((77, b"?"),) * 5))),
        "unknown chunks": packet(chunk(UnknownChunk(0xFF, 0, b""))),
        "cookies": packet(chunk(CookieEcho(b"x" * 30))),
        "requests to reset all streams": packet(
            chunk(*(ReConfig(((13, n.to_bytes(4, "big") + bytes(8)),)) for n in range(64)))
        ),
        "a request to reset many streams": packet(
            lambda peer: [
                ReConfig(((13, peer.first.to_bytes(4, "big") + bytes(2000)),)).serialize()
            ]
        ),
        "tiny data": packet(lambda peer: fill(*(peer.data().serialize() for _ in range(99)))),
        "data of many streams": packet(
            lambda peer: fill(*(peer.data(stream_id=n).serialize() for n in range(99)))
        ),
        "data that closes a gap": packet(
            lambda peer: [peer.data(tsn=peer.first).serialize()], messages=4000, whole=True
        ),
        "steps of FORWARD-TSN": packet(
            lambda peer: fill(*forwards(peer, range(64))), messages=4000, whole=False
        ),
        "one far FORWARD-TSN": packet(
            lambda peer: forwards(peer, range(9000, 9001)), messages=4000, whole=False
        ),
        "FORWARD-TSNs over what was delivered": packet(
            lambda peer: forwards(peer, range(60000, 60001)),
            messages=9000,
            whole=True,
            streams=9000,
        ),
        "FORWARD-TSNs over what waits": packet(
            lambda peer: fill(*forwards(peer, range(500, 32000, 500))), messages=500, whole=True
        ),
    }


def test_no_packet_of_any_kind_costs_more_than_two_milliseconds() -> None:
    for case, build in hostile().items():
        peer, chunks = build()
        assert cost(peer, chunks) < MOST_LINES, case


def test_no_sack_costs_more_than_two_milliseconds() -> None:
    for case, partial in (("reliable", False), ("given up when lost", True)):
        peer, up_to = sending(40_000, partial=partial)
        stats = peer.association.stats
        assert stats.data_chunks_sent - up_to > 2000, case
        every_second(peer, up_to, 1000)
        one = peer.sack(up_to, *((offset, offset) for offset in range(3, 580, 2)))
        assert cost(peer, [one.serialize()]) < MOST_LINES, case
        for worst in ((), ((2000, 2000),)):
            peer, up_to = sending(40_000, partial=partial)
            peer.now += 1.0  # what is not acknowledged counts as lost
            last = up_to if worst else peer.association.stats.data_chunks_sent - 1
            assert cost(peer, [peer.sack(last, *worst).serialize()]) < 3 * MOST_LINES, case
