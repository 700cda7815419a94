"""Associations and data channels over bad networks, minutes of virtual time in moments."""

from __future__ import annotations

import random

from lktrio.rtc.datachannel import DataChannel, DataChannelMessage, DataChannelOpened
from lktrio.rtc.sctp import SctpClosed, SctpMessage, SctpOptions
from tests.rtc.sctp.network import End, Network, Path
from tests.support.cases import each_case


def messages(end: End, stream_id: int) -> list[bytes]:
    return [
        event.data
        for event in end.events
        if isinstance(event, SctpMessage) and event.stream_id == stream_id
    ]


def conversation(seed: int, count: int) -> list[bytes]:
    """Messages of every size class, small ones most often."""
    order = random.Random(seed)
    sizes = [order.choice((1, 20, 300, 1160, 1161, 5000, 15_000, 60_000)) for _ in range(count)]
    return [order.randbytes(size) for size in sizes]


@each_case("delay", [0.005, 0.15])
@each_case("loss", [0.0, 0.01, 0.1, 0.3])
def test_reliable_messages_arrive_once_in_order_and_unchanged(loss: float, delay: float) -> None:
    network = Network(
        forth=Path(loss=loss, delay=delay, reorder=0.1, duplicate=0.05),
        back=Path(loss=loss, delay=delay, reorder=0.1, duplicate=0.05),
        seed=int(loss * 100) + 1,
    )
    network.connect()
    forth = {stream: conversation(stream, 12) for stream in range(3)}
    back = {stream: conversation(stream + 10, 12) for stream in range(3)}
    for n in range(12):
        for stream in range(3):
            network.client.association.send(stream, 53, forth[stream][n], now=network.now)
            network.server.association.send(stream, 53, back[stream][n], now=network.now)
    network.run(1500)
    for stream in range(3):
        assert messages(network.server, stream) == forth[stream]
        assert messages(network.client, stream) == back[stream]
    assert not any(isinstance(event, SctpClosed) for event in network.client.events)
    assert network.client.association.next_timer() == float("inf"), "nothing is left to do"
    assert network.server.association.next_timer() == float("inf")


def test_the_network_without_loss_needs_no_retransmission() -> None:
    network = Network(forth=Path(delay=0.04), back=Path(delay=0.04))
    network.connect()
    for _ in range(50):
        network.client.association.send(0, 53, bytes(60_000), now=network.now)
    network.run(60)
    assert len(messages(network.server, 0)) == 50
    stats = network.client.association.stats
    assert (stats.data_chunks_retransmitted, stats.timeouts, stats.probes) == (0, 0, 0)


@each_case("outage", [1.0, 10.0, 60.0])
def test_an_outage_delays_but_loses_nothing(outage: float) -> None:
    network = Network(forth=Path(delay=0.03), back=Path(delay=0.03))
    network.connect()
    begin = network.now + 0.1

    def down(now: float) -> bool:
        return begin <= now < begin + outage

    for path in network.paths.values():
        path.down = down
    sent = [bytes((n,)) * 20_000 for n in range(100)]
    for message in sent:
        network.client.association.send(0, 53, message, now=network.now)
    network.run(outage + 0.1)
    assert len(messages(network.server, 0)) < 100
    network.run(30, until=lambda: len(messages(network.server, 0)) == 100)
    assert messages(network.server, 0) == sent


def test_a_repaired_network_need_not_wait_for_the_backoff() -> None:
    network = Network(forth=Path(delay=0.03), back=Path(delay=0.03))
    network.connect()
    up_again = network.now + 40
    for path in network.paths.values():
        path.down = lambda now: now < up_again
    network.client.association.send(0, 53, b"patience", now=network.now)
    network.run(40.1)
    assert messages(network.server, 0) == []
    network.client.association.network_changed(network.now)
    network.run(0.1)
    assert messages(network.server, 0) == [b"patience"]


def test_the_peers_first_packet_after_an_outage_ends_the_backoff() -> None:
    network = Network(forth=Path(delay=0.03), back=Path(delay=0.03))
    network.connect()
    up_again = network.now + 55
    for path in network.paths.values():
        path.down = lambda now: now < up_again
    network.client.association.send(0, 53, b"patience", now=network.now)
    network.run(55.1)
    assert messages(network.server, 0) == []
    network.server.association.send(0, 53, b"are you there?", now=network.now)
    network.run(0.2)
    assert messages(network.server, 0) == [b"patience"]


def test_a_dead_network_ends_the_association() -> None:
    network = Network()
    network.connect()
    for path in network.paths.values():
        path.loss = 1.0
    network.client.association.send(0, 53, b"hello?", now=network.now)
    network.run(300)
    assert SctpClosed("the peer does not answer", graceful=False) in network.client.events


@each_case("ordered", [False, True])
@each_case("loss", [0.01, 0.1, 0.3])
def test_lossy_messages_never_wait_for_lost_ones(loss: float, ordered: bool) -> None:
    """One message every 20 ms without retransmissions: what arrives, arrives soon."""
    network = Network(
        forth=Path(loss=loss, delay=0.05, reorder=0.05), back=Path(loss=loss, delay=0.05), seed=9
    )
    network.connect()
    start = network.now
    late: list[float] = []
    seen = 0
    for n in range(500):
        network.client.association.send(
            1, 53, n.to_bytes(2, "big") * 250, ordered=ordered, max_retransmits=0, now=network.now
        )
        network.run(start + 0.02 * (n + 1) - network.now)
        for message in messages(network.server, 1)[seen:]:
            seen += 1
            late.append(network.now - start - 0.02 * int.from_bytes(message[:2], "big"))
    network.run(10)
    received = messages(network.server, 1)
    assert len(received) > 500 * (1 - loss) * 0.9
    assert len(set(received)) == len(received)
    if ordered:
        assert received == sorted(received)
    late.sort()
    limit = 0.12 if not ordered else 0.6
    assert late[len(late) * 9 // 10] < limit
    assert network.client.association.stats.data_chunks_retransmitted == 0
    assert network.client.association.next_timer() == float("inf")


def test_a_lossy_stream_beside_a_busy_reliable_one_keeps_flowing() -> None:
    network = Network(forth=Path(delay=0.02, rate=500_000), back=Path(delay=0.02), seed=2)
    network.connect()
    start = network.now
    delays: list[float] = []
    seen = 0
    for n in range(200):
        while network.client.association.buffered_amount < 200_000:
            network.client.association.send(0, 53, bytes(15_000), now=network.now)
        network.client.association.send(
            1, 53, n.to_bytes(2, "big"), ordered=False, max_retransmits=0, now=network.now
        )
        network.run(start + 0.02 * (n + 1) - network.now)
        for message in messages(network.server, 1)[seen:]:
            seen += 1
            delays.append(network.now - start - 0.02 * int.from_bytes(message, "big"))
    assert seen > 180
    delays.sort()
    assert delays[len(delays) // 2] < 0.25, "the queue of the link, not that of the stream"


@each_case(
    "rate, delay, queue, size",
    [(1_250_000, 0.025, 0.1, 4_000_000), (125_000, 0.15, 0.2, 1_000_000)],
)
def test_a_narrow_link_is_filled(rate: float, delay: float, queue: float, size: int) -> None:
    network = Network(forth=Path(rate=rate, delay=delay, queue=queue), back=Path(delay=delay))
    network.connect()
    start = network.now
    for _ in range(size // 20_000):
        network.client.association.send(0, 53, bytes(20_000), now=network.now)
    network.run(120, until=lambda: len(messages(network.server, 0)) == size // 20_000)
    assert size / (network.now - start) > 0.8 * rate


def test_reordering_costs_hardly_any_retransmission() -> None:
    network = Network(forth=Path(delay=0.02, reorder=0.3), back=Path(delay=0.02), seed=4)
    network.connect()
    for _ in range(100):
        network.client.association.send(0, 53, bytes(20_000), now=network.now)
    network.run(60)
    assert len(messages(network.server, 0)) == 100
    stats = network.client.association.stats
    assert stats.data_chunks_retransmitted < 0.02 * stats.data_chunks_sent


def test_a_lost_lone_message_is_recovered_without_a_timeout() -> None:
    """A chat message or a remote call: nothing follows that could reveal the loss."""
    network = Network(forth=Path(delay=0.02), back=Path(delay=0.02))
    network.connect()
    for _ in range(5):
        network.client.association.send(0, 53, b"warm-up", now=network.now)
        network.run(1)
    path = network.paths[id(network.client)]
    already = len(path.sent)
    path.drop = lambda packet: len(path.sent) == already + 1
    start = network.now
    network.client.association.send(0, 53, b"hello", now=network.now)
    network.run(5, until=lambda: messages(network.server, 0)[-1] == b"hello")
    assert network.now - start < 0.2
    assert network.client.association.stats.timeouts == 0


@each_case("loss", [0.0, 0.1, 0.3])
def test_channels_open_talk_and_close_over_a_bad_network(loss: float) -> None:
    network = Network(
        forth=Path(loss=loss, delay=0.03, reorder=0.2),
        back=Path(loss=loss, delay=0.03, reorder=0.2),
        seed=6,
        channels=True,
    )
    assert network.client.channels is not None
    assert network.server.channels is not None
    network.start()
    for turn in range(3):
        ours: list[DataChannel] = []
        for label, ordered, retransmits in (("_reliable", True, None), ("_lossy", False, 3)):
            channel = network.client.channels.create(
                label, ordered=ordered, max_retransmits=retransmits
            )
            ours.append(channel)
        network.run(60)
        for channel in ours:
            for n in range(10):
                channel.send(f"{turn} {n} {channel.label}", network.now)
        network.run(60)
        for channel in ours:
            channel.close(network.now)
        network.run(120)
        assert [channel.state for channel in ours] == ["closed", "closed"]
        assert [channel.id for channel in ours] == [0, 2]
        assert network.server.channels.channels == ()
    events = network.server.channel_events
    assert sum(isinstance(event, DataChannelOpened) for event in events) == 6
    reliable = [
        event.data.decode()
        for event in events
        if isinstance(event, DataChannelMessage) and event.channel.label == "_reliable"
    ]
    assert reliable == [f"{turn} {n} _reliable" for turn in range(3) for n in range(10)]


def test_small_windows_and_odd_sizes_still_deliver_everything() -> None:
    options = SctpOptions(receive_window=65536, max_message_size=65536, mtu=700, streams=8)
    network = Network(
        forth=Path(loss=0.1, delay=0.02), back=Path(loss=0.1, delay=0.02), options=options, seed=8
    )
    network.connect()
    sent = conversation(77, 60)
    for message in sent:
        network.client.association.send(7, 53, message, now=network.now)
    network.run(600)
    assert messages(network.server, 7) == sent
