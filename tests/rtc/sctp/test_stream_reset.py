"""Resetting streams, ours and the peer's, so that their numbers can be used again."""

from __future__ import annotations

from struct import pack

from lktrio.rtc.sctp import SctpMessage, SctpOptions, StreamsReset, StreamsResetDone
from lktrio.rtc.sctp.chunks import ChunkType, Data, ParameterType, ReConfig
from tests.rtc.sctp.network import Network, Path
from tests.rtc.sctp.raw_peer import TSN, RawPeer
from tests.support.cases import each_case

PERFORMED, DENIED, IN_PROGRESS_OTHER, BAD_NUMBER, IN_PROGRESS = 1, 2, 4, 5, 6


def request(number: int, last_tsn: int, *streams: int) -> ReConfig:
    value = pack("!III", number & 0xFFFFFFFF, 0, last_tsn & 0xFFFFFFFF)
    value += b"".join(pack("!H", stream) for stream in streams)
    return ReConfig(((int(ParameterType.OUTGOING_RESET_REQUEST), value),))


def response(number: int, result: int) -> ReConfig:
    value = pack("!II", number & 0xFFFFFFFF, result)
    return ReConfig(((int(ParameterType.RECONFIG_RESPONSE), value),))


def results(peer: RawPeer) -> list[int]:
    return [
        int.from_bytes(value[4:8], "big")
        for chunk in peer.take(ReConfig)
        for kind, value in chunk.parameters
        if kind == ParameterType.RECONFIG_RESPONSE
    ]


def requests(peer: RawPeer) -> list[tuple[int, ...]]:
    """Number relative to our first TSN, last TSN likewise, and the streams."""
    found: list[tuple[int, ...]] = []
    for chunk in peer.take(ReConfig):
        for kind, value in chunk.parameters:
            if kind == ParameterType.OUTGOING_RESET_REQUEST:
                words = [int.from_bytes(value[n : n + 4], "big") for n in (0, 8)]
                relative = [(word - peer.remote_tsn) & 0xFFFFFFFF for word in words]
                streams = [
                    int.from_bytes(value[n : n + 2], "big") for n in range(12, len(value), 2)
                ]
                found.append((*relative, *streams))
    return found


# The peer's side.


def test_the_peer_resets_a_stream() -> None:
    peer = RawPeer()
    peer.send(peer.data(b"old", stream_id=4))
    peer.chunks()
    peer.send(request(TSN, TSN, 4))
    assert results(peer) == [PERFORMED]
    assert peer.events[-1] == StreamsReset((4,))
    peer.send(peer.data(b"new", stream_id=4, sequence=0))
    assert peer.messages() == [(4, b"old"), (4, b"new")]


def test_a_reset_waits_for_the_data_before_it() -> None:
    peer = RawPeer()
    late = peer.data(b"late", stream_id=4)
    peer.send(request(TSN, TSN, 4))
    assert results(peer) == [IN_PROGRESS]
    peer.send(request(TSN, TSN, 4))
    assert results(peer) == [IN_PROGRESS]
    assert peer.events == []
    peer.send(late)
    assert results(peer) == [PERFORMED]
    assert [type(event) for event in peer.events] == [SctpMessage, StreamsReset]


def test_a_repeated_request_is_answered_again_but_performed_once() -> None:
    peer = RawPeer()
    for _ in range(3):
        peer.send(request(TSN, TSN - 1, 4))
        assert results(peer) == [PERFORMED]
    assert peer.events == [StreamsReset((4,))]


def test_requests_out_of_sequence_are_refused() -> None:
    peer = RawPeer()
    peer.send(request(TSN + 1, TSN - 1, 4))
    peer.send(request(TSN - 7, TSN - 1, 4))
    assert results(peer) == [BAD_NUMBER, BAD_NUMBER]
    assert peer.events == []


def test_a_second_request_during_the_first_is_refused() -> None:
    peer = RawPeer()
    peer.send(request(TSN, TSN + 5, 4))
    peer.chunks()
    peer.send(request(TSN + 1, TSN - 1, 5))
    assert results(peer) == [IN_PROGRESS_OTHER]
    assert peer.events == []


def test_a_request_without_streams_means_all() -> None:
    peer = RawPeer()
    peer.send(peer.data(b"a", stream_id=1), peer.data(b"b", stream_id=2))
    peer.send(request(TSN, TSN + 1))
    assert peer.events[-1] == StreamsReset(())
    peer.send(peer.data(b"c", stream_id=1, sequence=0), peer.data(b"d", stream_id=2, sequence=0))
    assert [data for _, data in peer.messages()] == [b"a", b"b", b"c", b"d"]


@each_case(
    "kind",
    [
        ParameterType.INCOMING_RESET_REQUEST,
        ParameterType.TSN_RESET_REQUEST,
        ParameterType.ADD_OUTGOING_STREAMS,
        ParameterType.ADD_INCOMING_STREAMS,
    ],
)
def test_other_requests_are_denied(kind: ParameterType) -> None:
    peer = RawPeer()
    for _ in range(2):
        peer.send(ReConfig(((int(kind), pack("!II", TSN, 0)),)))
        assert results(peer) == [DENIED]
    peer.send(request(TSN + 1, TSN - 1, 4))
    assert results(peer) == [PERFORMED]


@each_case(
    "parameters",
    [
        (),
        ((int(ParameterType.OUTGOING_RESET_REQUEST), bytes(11)),),
        ((int(ParameterType.RECONFIG_RESPONSE), bytes(7)),),
        ((int(ParameterType.ADD_OUTGOING_STREAMS), bytes(3)),),
        ((1234, bytes(8)),),
        ((int(ParameterType.RECONFIG_RESPONSE), bytes(8)),) * 3,
    ],
)
def test_malformed_requests_are_counted(parameters: tuple[tuple[int, bytes], ...]) -> None:
    peer = RawPeer()
    peer.send(ReConfig(parameters))
    assert peer.take(ReConfig) == []
    assert peer.association.stats.malformed == 1


# Our side.


def test_we_reset_streams_after_what_they_have_queued() -> None:
    peer = RawPeer()
    peer.association.send(1, 53, bytes(30_000), now=peer.now)
    peer.association.reset_stream(1, peer.now)
    peer.association.reset_stream(2, peer.now)
    peer.flush()
    assert requests(peer) == [(0, 10, 2)], "stream 1 is still transmitting"
    peer.send(response(peer.remote_tsn, PERFORMED), peer.sack(10))
    assert peer.events == [StreamsResetDone((2,), accepted=True)]
    assert requests(peer) == [(1, 25, 1)]
    peer.send(response(peer.remote_tsn + 1, PERFORMED), peer.sack(25))
    peer.association.send(1, 53, b"anew", now=peer.now)
    (chunk,) = peer.take(Data)
    assert chunk.stream_sequence == 0


def test_messages_for_a_stream_under_reset_wait_for_the_answer() -> None:
    peer = RawPeer()
    peer.association.send(1, 53, b"old", now=peer.now)
    peer.association.reset_stream(1, peer.now)
    peer.chunks()
    peer.association.send(1, 53, b"new", now=peer.now)
    peer.association.send(2, 53, b"other", now=peer.now)
    assert [chunk.payload for chunk in peer.take(Data)] == [b"other"]
    peer.send(response(peer.remote_tsn, PERFORMED))
    (chunk,) = peer.take(Data)
    assert (chunk.payload, chunk.stream_sequence) == (b"new", 0)


def test_an_unanswered_request_is_repeated_and_given_up_alone() -> None:
    peer = RawPeer()
    peer.association.reset_stream(1, peer.now)
    peer.advance(200)
    assert requests(peer) == [(0, 0xFFFFFFFF, 1)] * 11
    assert peer.events == [StreamsResetDone((1,), accepted=False)]
    assert not peer.association.closed
    assert peer.association.next_timer() == float("inf")


def test_in_progress_means_asking_again_later() -> None:
    peer = RawPeer()
    peer.association.reset_stream(1, peer.now)
    for _ in range(30):
        assert len(requests(peer)) == 1
        peer.send(response(peer.remote_tsn, IN_PROGRESS))
        peer.advance(0.51)
    assert peer.events == []
    peer.send(response(peer.remote_tsn, PERFORMED))
    assert peer.events == [StreamsResetDone((1,), accepted=True)]


@each_case("result", [DENIED, 3, IN_PROGRESS_OTHER, BAD_NUMBER, 77])
def test_a_refused_request_is_reported(result: int) -> None:
    peer = RawPeer()
    peer.association.reset_stream(1, peer.now)
    peer.flush()
    peer.send(response(peer.remote_tsn, result))
    assert peer.events == [StreamsResetDone((1,), accepted=False)]


def test_an_answer_to_nothing_is_ignored() -> None:
    peer = RawPeer()
    peer.send(response(peer.remote_tsn, PERFORMED))
    peer.association.reset_stream(1, peer.now)
    peer.flush()
    peer.send(response(peer.remote_tsn + 1, PERFORMED))
    assert peer.events == []


def test_a_peer_without_the_extension_refuses_at_once() -> None:
    peer = RawPeer(
        parameters=((int(ParameterType.SUPPORTED_EXTENSIONS), bytes((ChunkType.FORWARD_TSN,))),)
    )
    peer.association.reset_stream(1, peer.now)
    peer.flush()
    assert peer.take(ReConfig) == []
    assert peer.events == [StreamsResetDone((1,), accepted=False)]


def test_a_reset_before_the_handshake_is_made_after_it() -> None:
    network = Network()
    network.client.association.send(3, 53, b"last", now=network.now)
    network.client.association.reset_stream(3, network.now)
    network.connect()
    network.run(1)
    assert StreamsReset((3,)) in network.server.events
    assert StreamsResetDone((3,), accepted=True) in network.client.events


@each_case("seed", range(4))
def test_both_sides_reset_and_use_streams_again_over_a_lossy_network(seed: int) -> None:
    network = Network(
        forth=Path(loss=0.2, reorder=0.3), back=Path(loss=0.2, reorder=0.3), seed=seed
    )
    network.connect()
    ends = (network.client, network.server)
    for turn in range(4):
        for end in ends:
            for n in range(5):
                end.association.send(1, 53, bytes((turn, n)) * 500, now=network.now)
            end.association.reset_stream(1, network.now)
        network.run(60)
    expected = [bytes((turn, n)) * 500 for turn in range(4) for n in range(5)]
    for end in ends:
        assert [e.data for e in end.events if isinstance(e, SctpMessage)] == expected
        assert end.events.count(StreamsReset((1,))) == 4
        assert end.events.count(StreamsResetDone((1,), accepted=True)) == 4


def test_several_streams_share_one_request() -> None:
    peer = RawPeer(SctpOptions(streams=400), window=1 << 20)
    peer.association.outbound_streams = 400
    for stream in range(300):
        peer.association.reset_stream(stream, peer.now)
    peer.flush()
    ((_, _, *streams),) = requests(peer)
    assert streams == list(range(256))
    peer.send(response(peer.remote_tsn, PERFORMED))
    ((_, _, *streams),) = requests(peer)
    assert streams == list(range(256, 300))
