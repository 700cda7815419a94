"""How an association ends: gracefully, by abort, and with packets lost on the way out."""

from __future__ import annotations

import pytest

from lktrio.errors import LocalProtocolError
from lktrio.rtc.sctp import SctpClosed, SctpMessage, SctpState
from lktrio.rtc.sctp.causes import CauseCode
from lktrio.rtc.sctp.chunks import (
    Abort,
    Data,
    Sack,
    Shutdown,
    ShutdownAck,
    ShutdownComplete,
)
from tests.rtc.sctp.network import End, Network, Path
from tests.rtc.sctp.raw_peer import RawPeer, new_association
from tests.support.cases import each_case

GRACEFUL = SctpClosed("both sides closed", graceful=True)


def endings(end: End) -> list[SctpClosed]:
    return [event for event in end.events if isinstance(event, SctpClosed)]


def test_closing_delivers_everything_first() -> None:
    network = Network(forth=Path(loss=0.1), back=Path(loss=0.1))
    network.connect()
    for n in range(50):
        network.client.association.send(0, 53, bytes((n,)) * 5000, now=network.now)
    network.client.association.close(network.now)
    network.run(120)
    received = [e.data for e in network.server.events if isinstance(e, SctpMessage)]
    assert received == [bytes((n,)) * 5000 for n in range(50)]
    assert endings(network.client) == endings(network.server) == [GRACEFUL]


def test_both_sides_close_at_once() -> None:
    network = Network()
    network.connect()
    network.client.association.send(0, 53, b"c", now=network.now)
    network.server.association.send(0, 53, b"s", now=network.now)
    network.client.association.close(network.now)
    network.server.association.close(network.now)
    network.run(30)
    assert endings(network.client) == endings(network.server) == [GRACEFUL]
    assert sum(isinstance(e, SctpMessage) for e in network.client.events) == 1
    assert sum(isinstance(e, SctpMessage) for e in network.server.events) == 1


@each_case("direction", ["forth", "back"])
@each_case("lost", range(3))
def test_lost_packets_of_the_ending_are_repeated(direction: str, lost: int) -> None:
    network = Network()
    network.connect()
    network.run(1)
    path = network.paths[id(network.client if direction == "forth" else network.server)]
    path.sent.clear()
    path.drop = lambda packet: len(path.sent) - 1 == lost
    network.client.association.close(network.now)
    network.run(60)
    assert endings(network.client) == endings(network.server) == [GRACEFUL]


def test_nothing_can_be_sent_while_closing() -> None:
    peer = RawPeer()
    peer.association.send(0, 53, b"last", now=peer.now)
    peer.association.close(peer.now)
    with pytest.raises(LocalProtocolError, match="closed"):
        peer.association.send(0, 53, b"too late", now=peer.now)
    assert [chunk.payload for chunk in peer.take(Data)] == [b"last"]
    assert peer.association.state is SctpState.SHUTDOWN_PENDING
    peer.send(peer.sack(0))
    assert len(peer.take(Shutdown)) == 1


def test_data_is_taken_while_waiting_for_the_peer_to_finish() -> None:
    peer = RawPeer()
    peer.association.close(peer.now)
    assert len(peer.take(Shutdown)) == 1
    peer.send(peer.data(b"meanwhile"))
    assert peer.messages() == [(0, b"meanwhile")]
    peer.advance(0.02)
    assert len(peer.take(Sack)) == 1
    peer.send(ShutdownAck())
    assert len(peer.take(ShutdownComplete)) == 1
    assert peer.events[-1] == GRACEFUL


def test_the_peer_closes() -> None:
    peer = RawPeer()
    peer.association.send(0, 53, b"still on its way", now=peer.now)
    peer.flush()
    peer.send(Shutdown((peer.remote_tsn - 1) & 0xFFFFFFFF))
    assert peer.take(ShutdownAck) == []
    peer.send(Shutdown(peer.remote_tsn))
    assert peer.association.state is SctpState.SHUTDOWN_RECEIVED
    peer.send(peer.sack(0))
    assert len(peer.take(ShutdownAck)) == 1
    peer.send(ShutdownComplete())
    assert peer.events[-1] == GRACEFUL


def test_a_shutdown_acknowledges_like_a_sack() -> None:
    peer = RawPeer()
    peer.association.send(0, 53, b"data", now=peer.now)
    peer.flush()
    peer.send(Shutdown(peer.remote_tsn))
    assert len(peer.take(ShutdownAck)) == 1


def test_a_late_shutdown_ack_is_answered_after_the_end() -> None:
    peer = RawPeer()
    peer.association.close(peer.now)
    peer.send(ShutdownAck())
    peer.chunks()
    peer.send(ShutdownAck())
    assert len(peer.take(ShutdownComplete)) == 1
    peer.send(peer.data())
    assert peer.chunks() == []
    assert peer.association.stats.packets_dropped == 1


def test_an_unanswered_shutdown_ends_all_the_same() -> None:
    peer = RawPeer()
    peer.association.close(peer.now)
    peer.advance(200)
    chunks = peer.chunks()
    assert [type(chunk) for chunk in chunks] == [Shutdown] * 11 + [Abort], "the peer may hear us"
    assert peer.events == [SctpClosed("the peer does not answer", graceful=False)]


def test_an_abort_ends_both_sides_at_once() -> None:
    network = Network()
    network.connect()
    network.client.association.abort(network.now, "we are leaving")
    network.run(1)
    assert endings(network.client) == [SctpClosed("we are leaving", graceful=True)]
    reason = "aborted by the peer: user initiated abort: we are leaving"
    assert endings(network.server) == [SctpClosed(reason, graceful=False)]
    assert network.client.association.next_timer() == float("inf")
    assert network.server.association.next_timer() == float("inf")


def test_messages_before_an_abort_in_the_same_packet_are_delivered() -> None:
    peer = RawPeer()
    peer.send(peer.data(b"last words"), Abort(((int(CauseCode.USER_INITIATED_ABORT), b""),)))
    assert peer.messages() == [(0, b"last words")]
    assert isinstance(peer.events[-1], SctpClosed)


def test_an_abort_during_the_handshake_ends_it() -> None:
    peer = RawPeer(connect=False)
    peer.association.start(peer.now)
    peer.flush()
    tag = int.from_bytes(peer.packets[0][16:20], "big")
    peer.send(Abort(), tag=tag)
    assert peer.association.closed


@each_case("how", ["close", "abort"])
def test_an_association_that_never_started_closes_silently(how: str) -> None:
    association = new_association()
    getattr(association, how)(1.0)
    assert association.out == []
    assert [type(event) for event in association.events] == [SctpClosed]
    association.start(2.0)
    association.flush(2.0)
    association.handle_timer(3.0)
    assert association.out == []


def test_ending_twice_reports_once() -> None:
    peer = RawPeer()
    peer.association.abort(peer.now)
    peer.association.abort(peer.now)
    peer.association.close(peer.now)
    peer.flush()
    assert [type(event) for event in peer.events] == [SctpClosed]
