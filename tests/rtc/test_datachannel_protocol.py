"""The messages that open channels, byte for byte, and what happens to wrong ones."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.datachannel import (
    DataChannel,
    DataChannelBufferedAmountLow,
    DataChannelClosed,
    DataChannelEvent,
    DataChannelMessage,
    DataChannelOpen,
    DataChannelOpened,
    DataChannels,
    DataChannelsProgress,
    PayloadProtocol,
)
from lktrio.rtc.sctp.chunks import DATA_BEGIN, DATA_END, DATA_UNORDERED, Data, ReConfig
from tests.rtc.sctp.raw_peer import RawPeer
from tests.rtc.sctp.test_stream_reset import request, requests, response
from tests.support.cases import each_case
from tests.support.datachannels import load

OPEN_LOSSY = bytes.fromhex("0381010000000000000600005f6c6f737379")
u16 = st.integers(0, 0xFFFF)


class ChannelPeer(RawPeer):
    """A hand-written peer of :class:`DataChannels`, which are the DTLS server here."""

    def __init__(self, *, max_channels: int = 256, streams: int = 100) -> None:
        super().__init__()
        self.association.outbound_streams = streams
        self.channels = DataChannels(
            self.association, is_dtls_client=False, max_channels=max_channels
        )
        self.channel_events: list[DataChannelEvent] = []
        self.sequences: dict[int, int] = {}

    def flush(self) -> None:
        channels: DataChannels | None = getattr(self, "channels", None)
        if channels is not None:
            channels.flush(self.now)
            self.channel_events += channels.events
            channels.events.clear()
        super().flush()

    def message(self, stream_id: int, protocol: int, payload: bytes) -> None:
        sequence = self.sequences.get(stream_id, 0)
        self.sequences[stream_id] = sequence + 1
        self.tsn += 1
        flags = DATA_BEGIN | DATA_END
        self.send(Data(flags, self.tsn - 1 & 0xFFFFFFFF, stream_id, sequence, protocol, payload))

    def open(self, stream_id: int, label: str = "theirs", *, ordered: bool = True) -> None:
        self.message(stream_id, 50, DataChannelOpen(label, ordered=ordered).serialize())

    def opened(self) -> list[DataChannel]:
        return [e.channel for e in self.channel_events if isinstance(e, DataChannelOpened)]

    def received(self) -> list[tuple[bytes, bool]]:
        found = [e for e in self.channel_events if isinstance(e, DataChannelMessage)]
        return [(event.data, event.binary) for event in found]


messages = st.one_of(
    st.builds(DataChannelOpen, st.text(max_size=30), st.text(max_size=9), st.booleans()),
    st.builds(
        DataChannelOpen,
        st.text(max_size=30),
        ordered=st.booleans(),
        max_retransmits=st.integers(0, 0xFFFFFFFF),
        priority=u16,
    ),
    st.builds(
        DataChannelOpen,
        st.text(max_size=30),
        ordered=st.booleans(),
        max_packet_life_time=st.integers(0, 0xFFFFFFFF),
        priority=u16,
    ),
)


@given(messages)
def test_open_messages_round_trip(message: DataChannelOpen) -> None:
    data = message.serialize()
    assert DataChannelOpen.parse(data) == message
    for end in range(len(data)):
        with pytest.raises(RemoteProtocolError):
            DataChannelOpen.parse(data[:end])


@given(messages, st.data())
def test_damaged_open_messages_are_a_value_or_a_protocol_error(
    message: DataChannelOpen, data: st.DataObject
) -> None:
    damaged = bytearray(message.serialize())
    for bit in data.draw(st.lists(st.integers(0, len(damaged) * 8 - 1), max_size=3)):
        damaged[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(RemoteProtocolError):
        DataChannelOpen.parse(bytes(damaged))


def test_the_open_messages_of_livekit_clients_are_ours_too() -> None:
    assert DataChannelOpen("_lossy", ordered=False, max_retransmits=0).serialize() == OPEN_LOSSY
    reliable = "0300010000000000000900005f72656c6961626c65"
    assert DataChannelOpen("_reliable").serialize().hex() == reliable


@each_case("data", load("dcep"))
def test_recorded_messages_come_out_as_they_were(data: bytes) -> None:
    if data[0] == 2:  # an acknowledgement; some peers send zero bytes behind its first
        assert data.rstrip(b"\0") == b"\x02"
    else:
        assert DataChannelOpen.parse(data).serialize() == data


# The peer opens.


def test_a_channel_of_the_peer_is_acknowledged_and_announced() -> None:
    peer = ChannelPeer()
    peer.message(4, PayloadProtocol.DCEP, OPEN_LOSSY)
    (channel,) = peer.opened()
    assert (
        channel.id,
        channel.label,
        channel.ordered,
        channel.max_retransmits,
        channel.remote,
    ) == (
        4,
        "_lossy",
        False,
        0,
        True,
    )
    (ack,) = peer.take(Data)
    assert (ack.stream_id, ack.protocol, ack.payload[:1]) == (4, 50, b"\x02")


def test_data_in_the_same_packet_as_the_open_message_arrives() -> None:
    peer = ChannelPeer()
    opening = Data(3, peer.tsn & 0xFFFFFFFF, 2, 0, 50, DataChannelOpen("c").serialize())
    peer.send(opening, Data(3, peer.tsn + 1 & 0xFFFFFFFF, 2, 1, 53, b"first"))
    assert peer.received() == [(b"first", True)]


def test_two_channels_may_share_a_label() -> None:
    peer = ChannelPeer()
    peer.open(0, "same")
    peer.open(2, "same")
    peer.message(2, 53, b"to the second")
    assert [channel.label for channel in peer.opened()] == ["same", "same"]
    (event,) = [e for e in peer.channel_events if isinstance(e, DataChannelMessage)]
    assert event.channel is peer.opened()[1]


@each_case(
    "payload",
    [
        b"\x03",
        b"\x03" + bytes(10),
        bytes.fromhex("030001000000000000ff00005f"),
        bytes.fromhex("0303010000000000000100005f"),
        bytes.fromhex("0300010000000000000200005fff"),
        bytes.fromhex("030001000000000000010001ff5f"),
    ],
)
def test_an_unreadable_open_message_closes_its_stream_and_nothing_else(payload: bytes) -> None:
    peer = ChannelPeer()
    peer.open(0)
    peer.take(ReConfig)
    peer.message(2, 50, payload)
    assert [streams for _, _, *streams in requests(peer)] == [[2]]
    assert peer.channels.stats.opens_rejected == 1
    peer.message(0, 53, b"still here")
    assert peer.received() == [(b"still here", True)]


def test_a_number_of_our_parity_is_refused() -> None:
    peer = ChannelPeer()
    peer.open(5)
    assert peer.opened() == []
    assert [streams for _, _, *streams in requests(peer)] == [[5]]


def test_an_open_message_for_a_number_in_use_is_ignored() -> None:
    peer = ChannelPeer()
    peer.open(0, "first")
    peer.open(0, "second")
    peer.message(0, 53, b"data")
    assert [channel.label for channel in peer.opened()] == ["first"]
    assert peer.received() == [(b"data", True)]
    assert peer.channels.stats.opens_rejected == 1


def test_more_channels_than_allowed_are_closed_again() -> None:
    peer = ChannelPeer(max_channels=3)
    for n in range(6):
        peer.open(2 * n)
    assert len(peer.opened()) == len(peer.channels.channels) == 3
    assert peer.channels.stats.opens_rejected == 3
    with pytest.raises(LocalProtocolError, match="3 data channels"):
        peer.channels.create("ours")


def test_every_stream_may_be_opened_and_the_limit_holds() -> None:
    peer = ChannelPeer(streams=1024)
    for n in range(512):
        peer.open(2 * n)
    assert len(peer.channels.channels) == 256


# We open.


def test_nothing_overtakes_the_open_message() -> None:
    peer = ChannelPeer()
    channel = peer.channels.create("lossy", ordered=False, max_retransmits=0)
    channel.send(b"early", peer.now)
    opening, early = peer.take(Data)
    assert (channel.id, opening.protocol, opening.flags & DATA_UNORDERED) == (1, 50, 0)
    assert early.flags & DATA_UNORDERED == 0
    peer.message(1, 50, b"\x02\0\0\0")  # four bytes, as LiveKit's server sends it
    channel.send(b"later", peer.now)
    (later,) = peer.take(Data)
    assert later.flags & DATA_UNORDERED


def test_any_message_is_as_good_as_an_acknowledgement() -> None:
    peer = ChannelPeer()
    channel = peer.channels.create("lossy", ordered=False)
    peer.message(1, 53, b"I know the channel")
    channel.send(b"x", peer.now)
    assert peer.take(Data)[-1].flags & DATA_UNORDERED


def test_an_acknowledgement_for_no_channel_is_ignored() -> None:
    peer = ChannelPeer()
    peer.message(7, 50, b"\x02")
    peer.message(7, 50, b"\x99")
    assert peer.channels.stats.messages_ignored == 2
    assert not peer.association.closed


def test_a_lifetime_in_milliseconds_is_kept() -> None:
    peer = ChannelPeer()
    channel = peer.channels.create("short", max_packet_life_time=1200)
    peer.message(1, 50, b"\x02")
    peer.send(peer.sack(0))
    peer.chunks()
    channel.send(b"gone soon", peer.now)
    peer.advance(1.1)
    sent = len(peer.take(Data))
    assert sent > 1
    peer.advance(20)
    assert peer.take(Data) == []


@each_case(
    "arguments",
    [
        {"max_retransmits": 1, "max_packet_life_time": 1},
        {"max_retransmits": -1},
        {"max_packet_life_time": 65536},
        {"negotiated_id": -1},
        {"negotiated_id": 1024},
        {"negotiated_id": 9},
        {"protocol": "p" * 65536},
    ],
)
def test_impossible_channels_are_refused_with_the_reason(arguments: dict[str, object]) -> None:
    peer = ChannelPeer()
    peer.channels.create("taken", negotiated_id=9)
    with pytest.raises(LocalProtocolError):
        peer.channels.create("c", **arguments)  # type: ignore[arg-type] # one wrong value each
    assert len(peer.channels.channels) == 1


def test_a_channel_beyond_the_peers_streams_is_closed_at_once() -> None:
    peer = ChannelPeer(streams=4)
    channels = [peer.channels.create("c") for _ in range(3)]
    agreed = peer.channels.create("n", negotiated_id=4)
    assert [channel.state for channel in channels] == ["open", "open", "closed"]
    assert agreed.state == "closed"
    peer.flush()
    assert sum(isinstance(e, DataChannelClosed) for e in peer.channel_events) == 2


# Messages.


def test_text_that_is_not_utf8_is_counted_and_dropped() -> None:
    peer = ChannelPeer()
    peer.open(0)
    peer.message(0, PayloadProtocol.STRING, b"\xff\xfe broken")
    peer.message(0, PayloadProtocol.STRING, "grün".encode())
    assert peer.received() == [("grün".encode(), False)]
    assert peer.channels.stats.invalid_text == 1


def test_unknown_payload_protocols_are_ignored() -> None:
    peer = ChannelPeer()
    peer.open(0)
    for protocol in (0, 46, 52, 54, 0xFFFFFFFF):
        peer.message(0, protocol, b"?")
    assert peer.received() == []
    assert peer.channels.stats.messages_ignored == 5


def test_messages_without_a_channel_are_ignored() -> None:
    peer = ChannelPeer()
    peer.message(6, 53, b"nobody")
    assert peer.channels.stats.messages_ignored == 1


def test_a_channel_that_is_not_open_refuses_to_send() -> None:
    peer = ChannelPeer()
    channel = peer.channels.create("c")
    channel.close(peer.now)
    with pytest.raises(LocalProtocolError, match="'c' is closing, not open"):
        channel.send(b"x", peer.now)


def test_the_low_water_mark_is_reported() -> None:
    peer = ChannelPeer()
    peer.association.remote_max_message_size = 0
    channel = peer.channels.create("c")
    channel.buffered_amount_low_threshold = 10_000
    channel.send(bytes(30_000), peer.now)
    peer.flush()
    assert channel.buffered_amount > 10_000
    assert not any(isinstance(e, DataChannelBufferedAmountLow) for e in peer.channel_events)
    peer.send(peer.sack(10))
    assert channel.buffered_amount <= 10_000
    assert DataChannelBufferedAmountLow(channel) in peer.channel_events


def test_progress_is_told_to_who_asks() -> None:
    peer = ChannelPeer()
    channel = peer.channels.create("c")
    channel.send(bytes(3_000), peer.now)
    peer.flush()
    assert channel.outstanding > 3_000  # with what opens the channel
    for acknowledged, wanted in ((1, True), (2, False)):
        channel.report_progress(wanted)
        peer.send(peer.sack(acknowledged))
        assert (DataChannelsProgress() in peer.channel_events) is wanted
        peer.channel_events.clear()
    assert 0 < channel.outstanding < 3_000
    assert channel.outstanding_limit(0.1, 1000, peer.now) > 1000


# Closing.


def test_the_peer_closes_a_channel() -> None:
    peer = ChannelPeer()
    peer.open(0)
    (channel,) = peer.opened()
    peer.chunks()
    peer.send(request(peer.first, peer.tsn - 1, 0))
    assert DataChannelClosed(channel) not in peer.channel_events
    assert [streams for _, _, *streams in requests(peer)] == [[0]]
    peer.send(response(peer.remote_tsn, 1))
    assert channel.state == "closed"
    assert DataChannelClosed(channel) in peer.channel_events


@each_case("result", [2, 5])
def test_a_peer_that_refuses_to_close_does_not_keep_the_channel(result: int) -> None:
    peer = ChannelPeer()
    channel = peer.channels.create("c")
    peer.flush()
    channel.close(peer.now)
    peer.flush()
    peer.send(response(peer.remote_tsn, result))
    assert channel.state == "closed"


def test_both_sides_close_at_once() -> None:
    peer = ChannelPeer()
    peer.open(0)
    (channel,) = peer.opened()
    channel.close(peer.now)
    peer.send(request(peer.first, peer.tsn - 1, 0))
    assert len(requests(peer)) == 1, "one request of ours, not two"
    peer.send(response(peer.remote_tsn, 1))
    assert channel.state == "closed"
    assert sum(isinstance(e, DataChannelClosed) for e in peer.channel_events) == 1


def test_a_reset_of_all_streams_closes_every_channel() -> None:
    peer = ChannelPeer()
    peer.open(0)
    peer.open(2)
    peer.send(request(peer.first, peer.tsn - 1))
    peer.send(response(peer.remote_tsn, 1))
    peer.send(response(peer.remote_tsn + 1, 1))
    assert [channel.state for channel in peer.opened()] == ["closed", "closed"]


def test_a_reset_of_unused_streams_is_ignored() -> None:
    peer = ChannelPeer()
    peer.send(request(peer.first, peer.tsn - 1, 77, 1023, 65535))
    assert peer.channel_events == []
    assert not peer.association.closed


def test_a_channel_closed_before_the_association_is_up_never_opens() -> None:
    channels = DataChannels(RawPeer(connect=False).association, is_dtls_client=True)
    channel = channels.create("never")
    channel.close(1.0)
    assert channel.state == "closed"
    assert channels.channels == ()


@each_case("wrong", [None, 5, [1, 2], ("a",)])
def test_a_message_of_another_type_is_refused_and_spoils_nothing(wrong: Any) -> None:
    peer = ChannelPeer()
    peer.open(0)
    (channel,) = peer.opened()
    with pytest.raises(TypeError, match="bytes or str"):
        channel.send(wrong, peer.now)
    channel.send(b"right", peer.now)
    peer.flush()
    assert [chunk.payload for chunk in peer.take(Data)][-1] == b"right"


def test_a_buffer_may_change_after_it_was_sent() -> None:
    peer = ChannelPeer()
    peer.open(0)
    (channel,) = peer.opened()
    buffer = bytearray(b"before")
    channel.send(buffer, peer.now)
    buffer[:] = b"behind"
    peer.flush()
    assert [chunk.payload for chunk in peer.take(Data)][-1] == b"before"


def test_text_that_is_no_utf8_is_refused() -> None:
    peer = ChannelPeer()
    peer.open(0)
    (channel,) = peer.opened()
    with pytest.raises(LocalProtocolError, match="UTF-8"):
        channel.send("half of a pair: \ud83d", peer.now)
    with pytest.raises(LocalProtocolError, match="UTF-8"):
        peer.channels.create("half of a pair: \ud83d")


@each_case("limit", [-1, 65536, 1.5])
def test_impossible_limits_are_refused(limit: Any) -> None:
    with pytest.raises(LocalProtocolError, match="whole number"):
        ChannelPeer().channels.create("c", max_retransmits=limit)


def test_nothing_can_be_made_after_the_end() -> None:
    peer = ChannelPeer()
    peer.association.abort(peer.now)
    with pytest.raises(LocalProtocolError, match="closed"):
        peer.channels.create("late")


def test_an_open_message_while_we_are_closing_is_refused_quietly() -> None:
    peer = ChannelPeer()
    peer.association.close(peer.now)
    peer.open(0)
    assert peer.opened() == []
    assert peer.channels.stats.opens_rejected == 1


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from((0, 50, 51, 53, 56, 57)), st.binary()))
)
def test_any_messages_are_survived(stream: list[tuple[int, int, bytes]]) -> None:
    peer = ChannelPeer()
    peer.channels.create("ours")
    peer.open(2)
    for stream_id, protocol, payload in stream:
        peer.message(stream_id, protocol, payload or b"\x03")
    peer.message(2, 53, b"end")
    assert peer.received()[-1] == (b"end", True)
