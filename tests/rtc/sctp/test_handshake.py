"""Opening an association: from one side, from both, with packets lost, repeated or forged."""

from __future__ import annotations

from itertools import pairwise

from lktrio.rtc.sctp import SctpClosed, SctpConnected, SctpMessage, SctpOptions, SctpState
from lktrio.rtc.sctp.chunks import (
    Abort,
    ChunkType,
    CookieAck,
    CookieEcho,
    Init,
    InitAck,
    ParameterType,
)
from tests.rtc.sctp.network import End, Network, Path
from tests.rtc.sctp.raw_peer import ALL, RawPeer, new_association
from tests.support.cases import each_case
from tests.support.sctp_packet import parse_packet


def connections(end: End) -> int:
    return sum(isinstance(event, SctpConnected) for event in end.events)


def exchange(network: Network) -> None:
    """Prove that data flows both ways."""
    network.client.association.send(1, 53, b"ping", now=network.now)
    network.server.association.send(1, 53, b"pong", now=network.now)
    network.run(30)
    assert [e.data for e in network.server.events if isinstance(e, SctpMessage)] == [b"ping"]
    assert [e.data for e in network.client.events if isinstance(e, SctpMessage)] == [b"pong"]


def test_both_sides_open_at_once() -> None:
    network = Network()
    network.connect()
    exchange(network)
    assert connections(network.client) == connections(network.server) == 1


def test_one_side_opens() -> None:
    network = Network()
    network.client.association.start(network.now)
    network.run(until=lambda: network.both_connected)
    exchange(network)
    assert connections(network.client) == connections(network.server) == 1


def test_the_other_side_starts_after_it_was_opened() -> None:
    network = Network()
    network.client.association.start(network.now)
    network.run(until=lambda: network.both_connected)
    network.server.association.start(network.now)
    exchange(network)
    assert connections(network.server) == 1


@each_case("both", [False, True])
@each_case("lost", [(n,) for n in range(5)] + [(0, 1), (1, 2), (0, 1, 2, 3)])
@each_case("direction", ["forth", "back", "both"])
def test_lost_handshake_packets_are_repeated(
    lost: tuple[int, ...], direction: str, both: bool
) -> None:
    def dropping() -> Path:
        path = Path()
        path.drop = lambda packet: len(path.sent) - 1 in lost
        return path

    network = Network(
        forth=dropping() if direction != "back" else Path(),
        back=dropping() if direction != "forth" else Path(),
    )
    network.client.association.start(network.now)
    if both:
        network.server.association.start(network.now)
    network.run(20, until=lambda: network.both_connected)
    exchange(network)
    assert connections(network.client) == connections(network.server) == 1


def test_every_packet_twice_and_out_of_order() -> None:
    network = Network(
        forth=Path(duplicate=1.0, reorder=0.7), back=Path(duplicate=1.0, reorder=0.7), seed=3
    )
    network.connect()
    exchange(network)


def test_messages_queued_before_the_handshake_leave_after_it() -> None:
    network = Network()
    network.client.association.send(0, 53, b"early", now=network.now)
    network.connect()
    network.run(1)
    assert [e.data for e in network.server.events if isinstance(e, SctpMessage)] == [b"early"]


def test_without_an_answer_the_association_fails() -> None:
    network = Network(forth=Path(loss=1.0))
    network.client.association.start(network.now)
    network.run(200)
    (event,) = network.client.events
    assert event == SctpClosed("the peer does not answer", graceful=False)
    assert len(network.paths[id(network.client)].sent) == 11
    assert network.client.association.next_timer() == float("inf")


def test_the_intervals_between_repeated_inits_double_up_to_the_limit() -> None:
    times: list[float] = []
    network = Network(forth=Path(loss=1.0), options=SctpOptions(rto_max=3.0))
    sent = network.paths[id(network.client)].sent

    def note() -> None:
        if len(sent) > len(times):
            times.append(network.now)

    network.on_step = note
    network.client.association.start(network.now)
    network.run(200)
    gaps = [round(late - early, 3) for early, late in pairwise(times)]
    assert gaps[:4] == [1.0, 2.0, 3.0, 3.0]


def test_data_opens_an_association_whose_cookie_ack_was_lost() -> None:
    peer = RawPeer(connect=False)
    peer.association.start(peer.now)
    (init,) = peer.take(Init)
    peer.remote_tag, peer.remote_tsn = init.initiate_tag, init.initial_tsn
    ours = peer.init()
    peer.send(
        InitAck(
            ours.initiate_tag,
            ours.window,
            ours.outbound_streams,
            ours.inbound_streams,
            ours.initial_tsn & 0xFFFFFFFF,
            (*ALL, (int(ParameterType.STATE_COOKIE), b"c")),
        )
    )
    assert peer.association.state is SctpState.COOKIE_ECHOED
    peer.send(peer.data(b"first"))
    assert peer.association.connected
    assert peer.messages() == [(0, b"first")]


def test_an_init_is_answered_without_keeping_state() -> None:
    peer = RawPeer(connect=False)
    peer.send(peer.init(), tag=0)
    (answer,) = peer.take(InitAck)
    assert peer.association.state is SctpState.NEW
    assert answer.parameter(ParameterType.STATE_COOKIE)
    assert peer.association.next_timer() == float("inf")


def test_an_echoed_cookie_opens_the_association() -> None:
    peer = RawPeer(connect=False)
    peer.send(peer.init(), tag=0)
    (answer,) = peer.take(InitAck)
    cookie = answer.parameter(ParameterType.STATE_COOKIE)
    assert cookie is not None
    peer.remote_tag = answer.initiate_tag
    peer.send(CookieEcho(cookie))
    assert peer.take(CookieAck)
    assert peer.association.connected


@each_case("position", range(0, 39, 3))
def test_a_changed_cookie_is_refused(position: int) -> None:
    peer = RawPeer(connect=False)
    peer.send(peer.init(), tag=0)
    (answer,) = peer.take(InitAck)
    cookie = bytearray(answer.parameter(ParameterType.STATE_COOKIE) or b"")
    cookie[position] ^= 0x10
    peer.remote_tag = answer.initiate_tag
    peer.send(CookieEcho(bytes(cookie)))
    assert not peer.chunks()
    assert not peer.association.connected
    assert peer.association.stats.malformed == 1


def test_the_cookie_of_another_association_is_refused() -> None:
    other = RawPeer(connect=False)
    other.association = new_association(seed=8)
    other.send(other.init(), tag=0)
    (answer,) = other.take(InitAck)
    peer = RawPeer(connect=False)
    peer.association.start(peer.now)
    (init,) = peer.take(Init)
    peer.remote_tag = init.initiate_tag
    peer.send(CookieEcho(answer.parameter(ParameterType.STATE_COOKIE) or b""))
    assert peer.association.state is SctpState.COOKIE_WAIT


@each_case("field", ["initiate_tag", "outbound_streams", "inbound_streams"])
def test_an_init_with_a_zero_where_none_may_be_is_ignored(field: str) -> None:
    peer = RawPeer(connect=False)
    values = {"initiate_tag": 5, "outbound_streams": 1, "inbound_streams": 1, field: 0}
    peer.send(
        Init(
            values["initiate_tag"],
            1000,
            values["outbound_streams"],
            values["inbound_streams"],
            9,
            (),
        ),
        tag=0,
    )
    assert not peer.chunks()
    assert peer.association.stats.malformed == 1


def test_an_init_together_with_other_chunks_is_dropped() -> None:
    peer = RawPeer(connect=False)
    peer.send(peer.init(), peer.init(), tag=0)
    assert not peer.chunks()
    assert peer.association.stats.packets_dropped == 1
    connected = RawPeer()
    connected.send(CookieAck(), connected.init())
    assert not connected.chunks()


def test_an_init_ack_without_a_cookie_is_ignored() -> None:
    peer = RawPeer(connect=False)
    peer.association.start(peer.now)
    (init,) = peer.take(Init)
    peer.send(InitAck(1, 2, 3, 4, 5, ()), tag=init.initiate_tag)
    assert peer.association.state is SctpState.COOKIE_WAIT


def test_a_late_init_of_the_same_peer_is_harmless() -> None:
    peer = RawPeer()
    peer.send(peer.init(), tag=0)
    assert peer.take(InitAck)
    assert peer.association.connected
    assert peer.events == []


def test_a_repeated_cookie_echo_is_answered_again() -> None:
    peer = RawPeer(connect=False)
    peer.send(peer.init(), tag=0)
    (answer,) = peer.take(InitAck)
    echo = CookieEcho(answer.parameter(ParameterType.STATE_COOKIE) or b"")
    peer.remote_tag = answer.initiate_tag
    for _ in range(3):
        peer.send(echo)
        assert len(peer.take(CookieAck)) == 1
    assert peer.events == [SctpConnected()]


def test_a_restarted_peer_ends_the_association() -> None:
    peer = RawPeer()
    peer.tag += 1
    peer.send(peer.init(), tag=0)
    (answer,) = peer.take(InitAck)
    assert peer.association.connected, "an INIT alone must not end anything"
    peer.send(CookieEcho(answer.parameter(ParameterType.STATE_COOKIE) or b""))
    assert peer.events == [SctpClosed("the peer restarted the association", graceful=False)]


def test_a_peer_that_changes_its_tag_during_the_collision_is_followed() -> None:
    """RFC 9260 section 5.2.4, case B: its INIT came from another attempt than its INIT-ACK."""
    peer = RawPeer(connect=False)
    peer.association.start(peer.now)
    (init,) = peer.take(Init)
    peer.remote_tag, peer.remote_tsn = init.initiate_tag, init.initial_tsn
    peer.send(InitAck(99, 1 << 20, 10, 10, 5, ((int(ParameterType.STATE_COOKIE), b"old"),)))
    peer.send(peer.init(), tag=0)
    (answer,) = peer.take(InitAck)
    assert answer.initiate_tag == init.initiate_tag
    assert answer.initial_tsn == init.initial_tsn
    peer.send(CookieEcho(answer.parameter(ParameterType.STATE_COOKIE) or b""))
    assert peer.association.connected
    peer.send(peer.data(b"new attempt"))
    assert peer.messages() == [(0, b"new attempt")]
    assert {parse_packet(p).verification_tag for p in peer.packets[-1:]} <= {peer.tag}


def test_packets_with_a_wrong_tag_or_port_are_dropped() -> None:
    peer = RawPeer()
    packet = peer.raw(peer.data().serialize())
    peer.send(peer.data(), tag=peer.remote_tag ^ 1)
    assert peer.association.stats.packets_dropped == 1
    peer.deliver(b"\x13\x89" + packet[2:])
    peer.deliver(packet[:2] + b"\x13\x87" + packet[4:])
    peer.deliver(packet[:15])
    peer.deliver(b"")
    assert peer.association.stats.packets_dropped == 5
    assert peer.messages() == []


def test_an_abort_with_a_foreign_tag_is_dropped() -> None:
    peer = RawPeer()
    peer.send(Abort(), tag=123)
    peer.send(Abort(tag_reflected=True), tag=123)
    assert peer.association.connected
    peer.send(Abort(tag_reflected=True), tag=peer.tag)
    assert peer.association.closed


def test_unknown_parameters_are_reported_as_their_type_demands() -> None:
    peer = RawPeer(connect=False)
    peer.parameters = ((0xC123, b"report"), (0x8123, b"skip"), (0x0005, bytes(4)), (0x4123, b"!!"))
    peer.send(peer.init(), tag=0)
    (answer,) = peer.take(InitAck)
    reported = [value for kind, value in answer.parameters if kind == ParameterType.UNRECOGNIZED]
    assert reported == [b"\xc1\x23\x00\x0areport", b"\x41\x23\x00\x06!!"]


def test_the_first_packet_of_the_handshake_offers_what_is_implemented() -> None:
    peer = RawPeer(connect=False)
    peer.association.start(peer.now)
    (init,) = peer.take(Init)
    extensions = init.parameter(ParameterType.SUPPORTED_EXTENSIONS)
    assert extensions == bytes((ChunkType.RE_CONFIG, ChunkType.FORWARD_TSN))
    assert init.parameter(ParameterType.FORWARD_TSN_SUPPORTED) == b""
    assert init.parameter(ParameterType.ZERO_CHECKSUM) == bytes((0, 0, 0, 1))
    assert init.window == 8 * 1024 * 1024
    assert init.inbound_streams == init.outbound_streams == 1024
