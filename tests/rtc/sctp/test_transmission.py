"""How messages become packets: cutting, bundling, turns of streams, windows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lktrio.errors import LocalProtocolError
from lktrio.rtc.sctp import BufferedAmountLow, SctpOptions
from lktrio.rtc.sctp.chunks import DATA_BEGIN, DATA_END, DATA_IMMEDIATE, DATA_UNORDERED, Data
from tests.rtc.sctp.raw_peer import RawPeer
from tests.support.cases import each_case
from tests.support.sctp_packet import parse_packet

MTU = SctpOptions().mtu
FRAGMENT = MTU - 12 - 16


def data_of(packets: list[bytes]) -> list[list[Data]]:
    return [
        [chunk for chunk in parse_packet(packet).chunks if isinstance(chunk, Data)]
        for packet in packets
    ]


def sent(peer: RawPeer) -> list[list[Data]]:
    peer.flush()
    packets, peer.packets = peer.packets, []
    return data_of(packets)


def queue(peer: RawPeer, *messages: tuple[int, bytes], ordered: bool = True) -> None:
    peer.association.remote_max_message_size = 0
    for stream_id, message in messages:
        peer.association.send(stream_id, 53, message, ordered=ordered, now=peer.now)


def test_a_large_message_is_cut_into_full_packets_of_one_length() -> None:
    peer = RawPeer()
    queue(peer, (3, bytes(range(256)) * 30))
    peer.flush()
    packets = peer.packets
    assert {len(packet) for packet in packets[:-1]} == {MTU}
    chunks = [chunk for packet in data_of(packets) for chunk in packet]
    assert b"".join(chunk.payload for chunk in chunks) == bytes(range(256)) * 30
    assert [chunk.tsn for chunk in chunks] == [
        (peer.remote_tsn + n) & 0xFFFFFFFF for n in range(len(chunks))
    ]
    edges = DATA_BEGIN | DATA_END
    assert [chunk.flags & edges for chunk in chunks] == [DATA_BEGIN, 0, 0, 0, 0, 0, DATA_END]
    assert {(chunk.stream_id, chunk.stream_sequence) for chunk in chunks} == {(3, 0)}


def test_small_messages_share_packets() -> None:
    peer = RawPeer()
    queue(peer, *[(0, bytes((n,)) * 99) for n in range(30)])
    packets = sent(peer)
    assert [len(packet) for packet in packets] == [10, 10, 10]
    assert [chunk.stream_sequence for packet in packets for chunk in packet] == list(range(30))


def test_nothing_is_larger_than_the_mtu() -> None:
    for size in (*range(1, 40), FRAGMENT - 1, FRAGMENT, FRAGMENT + 1, 570, 571, 572, 573):
        peer = RawPeer()
        queue(peer, *[(0, bytes(size))] * 5)
        peer.send(peer.data())  # so that a SACK is due as well
        assert peer.packets
        assert max(len(packet) for packet in peer.packets) <= MTU
        assert all(len(packet) % 4 == 0 for packet in peer.packets)


def test_an_odd_mtu_is_rounded_down() -> None:
    peer = RawPeer(SctpOptions(mtu=1191))
    queue(peer, (0, bytes(5000)))
    peer.flush()
    assert {len(packet) for packet in peer.packets[:-1]} == {1188}


def test_a_small_message_waits_for_one_message_of_another_stream_at_most() -> None:
    peer = RawPeer()
    queue(peer, *[(1, bytes(3000))] * 4, (2, b"urgent"))
    streams = [chunk.stream_id for packet in sent(peer) for chunk in packet]
    assert streams[:5] == [1, 1, 1, 2, 1]


def test_streams_take_turns() -> None:
    peer = RawPeer()
    queue(peer, *[(stream, b"m") for stream in (0, 1, 2) for _ in range(3)])
    streams = [chunk.stream_id for packet in sent(peer) for chunk in packet]
    assert streams == [0, 1, 2] * 3


def test_frequent_small_messages_keep_their_share_beside_large_ones() -> None:
    peer = RawPeer()
    queue(peer, *[(1, bytes(3000))] * 4, *[(2, bytes(100))] * 20)
    streams = [chunk.stream_id for packet in sent(peer) for chunk in packet]
    assert streams == [1] * 3 + [2] * 20 + [1] * (len(streams) - 23)


def test_an_idle_stream_has_saved_nothing_up() -> None:
    peer = RawPeer()
    queue(peer, *[(1, bytes(1000))] * 4)
    sent(peer)
    peer.send(peer.sack(3))
    queue(peer, *[(2, bytes(1000))] * 3, *[(1, bytes(1000))] * 3)
    streams = [chunk.stream_id for packet in sent(peer) for chunk in packet]
    assert streams == [2, 1, 2, 1, 2, 1]


def test_the_initial_window_is_ten_packets() -> None:
    peer = RawPeer()
    queue(peer, (0, bytes(100_000)))
    size = sum(len(chunk.payload) for packet in sent(peer) for chunk in packet)
    assert 10 * MTU <= size < 11 * MTU


def test_the_peers_window_is_respected() -> None:
    peer = RawPeer(window=3000)
    queue(peer, (0, bytes(100_000)))
    assert sum(len(chunk.payload) for packet in sent(peer) for chunk in packet) <= 3000
    peer.send(peer.sack(0, window=500))
    assert sent(peer) == []
    peer.send(peer.sack(1, window=5000))
    assert sum(len(chunk.payload) for packet in sent(peer) for chunk in packet) <= 5000


def test_a_closed_window_is_probed_with_one_chunk_for_as_long_as_it_takes() -> None:
    peer = RawPeer(window=0)
    queue(peer, (0, bytes(100_000)))
    assert [len(packet) for packet in sent(peer)] == [1]
    for _ in range(40):
        peer.advance(10)
        assert all(len(packet) == 1 for packet in sent(peer))
        peer.send(peer.sack(-1, window=0))
    assert not peer.association.closed
    peer.send(peer.sack(0, window=1 << 20))
    assert sent(peer)


def test_the_last_chunk_of_all_asks_for_a_prompt_sack() -> None:
    peer = RawPeer()
    queue(peer, (0, bytes(3000)))
    chunks = [chunk for packet in sent(peer) for chunk in packet]
    assert [chunk.flags & DATA_IMMEDIATE for chunk in chunks] == [0, 0, DATA_IMMEDIATE]
    peer.association.send(0, 53, b"lossy", max_retransmits=0, now=peer.now)
    assert sent(peer)[0][0].flags == DATA_BEGIN | DATA_END


def test_who_sends_in_a_row_asks_for_a_sack_once_in_a_round_trip() -> None:
    peer = RawPeer()

    def asks() -> bool:
        queue(peer, (0, b"message"))
        return bool(sent(peer)[0][0].flags & DATA_IMMEDIATE)

    assert asks()
    peer.advance(0.02)
    peer.send(peer.sack(0))
    found: list[bool] = []
    for _ in range(8):
        found.append(asks())
        peer.advance(0.006)
    assert found == [True, False, False, False, True, False, False, False]


def test_less_than_a_packet_waits_while_corked() -> None:
    peer = RawPeer()
    peer.association.corked = True
    for size, leaves in ((100, False), (600, False), (600, True)):
        queue(peer, (0, bytes(size)))
        assert bool(sent(peer)) is leaves, size
    queue(peer, (0, b"the rest"))
    assert not sent(peer)
    peer.association.corked = False
    peer.association.flush(peer.now)
    assert sent(peer)


def test_unordered_messages_use_no_sequence_number() -> None:
    peer = RawPeer()
    queue(peer, (0, b"a"), (0, b"b"), ordered=False)
    queue(peer, (0, b"c"))
    chunks = [chunk for packet in sent(peer) for chunk in packet]
    assert [(bool(chunk.flags & DATA_UNORDERED), chunk.stream_sequence) for chunk in chunks] == [
        (True, 0),
        (True, 0),
        (False, 0),
    ]


def test_the_buffered_amount_falls_as_messages_leave() -> None:
    peer = RawPeer()
    peer.association.set_low_mark(1, 50_000)
    queue(peer, (1, bytes(100_000)), (2, bytes(100)))
    assert peer.association.stream_buffered_amount(1) == 100_000
    assert peer.association.buffered_amount == 100_100
    acknowledged = -1
    while peer.association.buffered_amount:
        acknowledged += sum(map(len, sent(peer)))
        low = BufferedAmountLow(1) in peer.events
        assert low is (peer.association.stream_buffered_amount(1) <= 50_000)
        peer.send(peer.sack(acknowledged))
    assert peer.events == [BufferedAmountLow(1)]


def test_an_idle_sender_does_not_keep_an_old_large_window() -> None:
    peer = RawPeer()
    acknowledged = -1
    for _ in range(8):
        queue(peer, (0, bytes(200_000)))
        acknowledged += sum(map(len, sent(peer)))
        peer.now += 0.01
        peer.send(peer.sack(acknowledged))
    while chunks := sum(map(len, sent(peer))):
        acknowledged += chunks
        peer.send(peer.sack(acknowledged))
    peer.now += 60
    queue(peer, (0, bytes(1_000_000)))
    burst = sum(len(chunk.payload) for packet in sent(peer) for chunk in packet)
    assert 10 * MTU <= burst < 11 * MTU


def test_what_cannot_be_sent_is_refused_with_the_reason() -> None:
    peer = RawPeer(SctpOptions(send_buffer=200_000))
    send = peer.association.send
    with pytest.raises(LocalProtocolError, match="empty"):
        send(0, 53, b"", now=peer.now)
    with pytest.raises(LocalProtocolError, match="65537 bytes is larger than the 65536"):
        send(0, 53, bytes(65537), now=peer.now)
    with pytest.raises(LocalProtocolError, match=r"stream 100 does not exist: use 0\.\.99"):
        send(100, 53, b"x", now=peer.now)
    peer.association.remote_max_message_size = 0
    send(0, 53, bytes(150_000), now=peer.now)
    with pytest.raises(LocalProtocolError, match="buffer is full"):
        send(0, 53, bytes(60_000), now=peer.now)
    peer.association.abort(peer.now)
    with pytest.raises(LocalProtocolError, match="closed"):
        send(0, 53, b"x", now=peer.now)


@each_case(
    "name, make",
    [
        ("max_message_size", lambda: SctpOptions(max_message_size=0)),
        ("max_message_size", lambda: SctpOptions(max_message_size=16 * 1024 * 1024 + 1)),
        ("mtu", lambda: SctpOptions(mtu=500)),
        ("streams", lambda: SctpOptions(streams=0)),
        ("receive_window", lambda: SctpOptions(receive_window=1000)),
    ],
)
def test_options_out_of_range_are_refused(name: str, make: Callable[[], SctpOptions]) -> None:
    with pytest.raises(LocalProtocolError, match=name):
        make()
