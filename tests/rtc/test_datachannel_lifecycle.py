"""Opening, using and closing data channels between two ends of ours."""

from __future__ import annotations

import tracemalloc

from lktrio.rtc.datachannel import (
    DataChannel,
    DataChannelAcknowledged,
    DataChannelClosed,
    DataChannelMessage,
    DataChannelOpened,
)
from tests.rtc.sctp.network import End, Network


def opened(end: End) -> list[DataChannel]:
    return [event.channel for event in end.channel_events if isinstance(event, DataChannelOpened)]


def received(end: End) -> list[tuple[str, bytes, bool]]:
    return [
        (event.channel.label, event.data, event.binary)
        for event in end.channel_events
        if isinstance(event, DataChannelMessage)
    ]


def closed(end: End) -> list[str]:
    return [
        event.channel.label for event in end.channel_events if isinstance(event, DataChannelClosed)
    ]


def connected() -> Network:
    network = Network(channels=True)
    network.connect()
    return network


def test_channels_made_before_the_association_open_when_it_is_up() -> None:
    network = Network(channels=True)
    assert network.client.channels is not None
    channel = network.client.channels.create("_lossy", ordered=False, max_retransmits=0)
    assert (channel.state, channel.id) == ("connecting", None)
    network.connect()
    network.run(1)
    (theirs,) = opened(network.server)
    assert (theirs.label, theirs.ordered, theirs.max_retransmits) == ("_lossy", False, 0)
    assert theirs.remote
    assert not channel.remote
    assert opened(network.client) == [channel]
    assert channel.id == theirs.id == 0
    accepted = [e for e in network.client.channel_events if isinstance(e, DataChannelAcknowledged)]
    assert accepted == [DataChannelAcknowledged(channel)]
    theirs.send(b"x", network.now)
    network.run(1)
    assert network.client.channel_events.count(accepted[0]) == 1


def test_the_dtls_client_takes_even_numbers_and_the_server_odd_ones() -> None:
    network = connected()
    assert network.client.channels is not None
    assert network.server.channels is not None
    ours = [network.client.channels.create("c") for _ in range(3)]
    theirs = [network.server.channels.create("s") for _ in range(3)]
    assert [channel.id for channel in ours] == [0, 2, 4]
    assert [channel.id for channel in theirs] == [1, 3, 5]


def test_text_binary_and_empty_messages_arrive_as_sent() -> None:
    network = connected()
    assert network.client.channels is not None
    channel = network.client.channels.create("chat")
    for message in ("grüße", "", b"\x00\xff", b""):
        channel.send(message, network.now)
    network.run(1)
    assert received(network.server) == [
        ("chat", "grüße".encode(), False),
        ("chat", b"", False),
        ("chat", b"\x00\xff", True),
        ("chat", b"", True),
    ]


def test_a_negotiated_channel_carries_data_without_an_open_message() -> None:
    network = connected()
    assert network.client.channels is not None
    assert network.server.channels is not None
    ours = network.client.channels.create("_reliable", negotiated_id=100)
    theirs = network.server.channels.create("_reliable", negotiated_id=100)
    ours.send(b"up", network.now)
    theirs.send(b"down", network.now)
    network.run(1)
    assert received(network.server) == [("_reliable", b"up", True)]
    assert received(network.client) == [("_reliable", b"down", True)]


def test_closing_delivers_what_is_queued_and_frees_the_number() -> None:
    network = connected()
    assert network.client.channels is not None
    assert network.server.channels is not None
    channel = network.client.channels.create("once")
    channel.send(b"last words", network.now)
    channel.close(network.now)
    network.run(1)
    assert channel.state == "closed"
    assert received(network.server) == [("once", b"last words", True)]
    assert closed(network.server) == closed(network.client) == ["once"]
    again = network.client.channels.create("again")
    again.send(b"new", network.now)
    network.run(1)
    assert again.id == channel.id
    assert received(network.server)[-1] == ("again", b"new", True)


def test_the_end_of_the_association_closes_every_channel() -> None:
    network = connected()
    assert network.client.channels is not None
    assert network.server.channels is not None
    network.client.channels.create("a")
    network.client.channels.create("b", negotiated_id=7)
    network.run(1)
    network.client.association.abort(network.now, "leaving")
    network.run(1)
    assert sorted(closed(network.client)) == ["a", "b"]
    assert closed(network.server) == ["a"]
    assert network.server.channels.closed_reason is not None
    assert "leaving" in network.server.channels.closed_reason


def test_nothing_is_remembered_of_closed_channels() -> None:
    """Neither their labels nor their streams, however many come and go."""
    network = connected()
    client = network.client.channels
    assert client is not None

    def come_and_go(times: int) -> int:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(times):
            channels = [client.create("x" * 20_000) for _ in range(8)]
            network.run(1)
            for channel in channels:
                channel.send(b"data", network.now)
                channel.close(network.now)
            network.run(2)
            assert {channel.state for channel in channels} == {"closed"}
            for end in (network.client, network.server):
                end.channel_events.clear()
            for path in network.paths.values():
                path.sent.clear()
        return tracemalloc.get_traced_memory()[0] - before

    tracemalloc.start()
    try:
        come_and_go(2)
        assert come_and_go(20) < 400_000  # 160 labels have 3.2 MB
    finally:
        tracemalloc.stop()


def test_a_channel_inherits_nothing_of_the_one_that_had_its_number_before() -> None:
    network = connected()
    client = network.client.channels
    assert client is not None
    first = client.create("first")
    first.buffered_amount_low_threshold = 0
    network.run(1)
    first.close(network.now)
    network.run(2)
    second = client.create("second")
    network.run(1)
    assert second.id == first.id
    network.client.channel_events.clear()
    second.send(b"data", network.now)
    network.run(1)
    assert network.client.channel_events == []
