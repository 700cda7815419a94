"""Alerts and the end of a connection."""

from __future__ import annotations

import pytest

from lktrio.errors import LocalProtocolError
from lktrio.rtc.base import NEVER
from lktrio.rtc.dtls import DtlsAborted, DtlsClosed, DtlsConnected, DtlsEndpoint
from lktrio.rtc.dtls.registry import AlertDescription, AlertLevel, ContentType
from tests.rtc.dtls.harness import (
    LABEL,
    Wire,
    assert_connected,
    connected_pair,
    drain,
    endpoint,
    failure,
    plain_record,
)
from tests.support.cases import each_case

ROLES = each_case("is_client", [True, False])


def ends(wire: Wire, is_client: bool) -> tuple[DtlsEndpoint, DtlsEndpoint]:
    """The end under test and its peer."""
    return (wire.client, wire.server) if is_client else (wire.server, wire.client)


def protected(peer: DtlsEndpoint, content_type: int, content: bytes) -> bytes:
    """A record that the peer authenticates, whatever it holds."""
    assert peer._writer is not None
    return peer._writer.seal(content_type, content)


def assert_over(end: DtlsEndpoint) -> None:
    assert end.closed
    assert not end.connected
    assert end.next_timer() == NEVER
    with pytest.raises(LocalProtocolError):
        end.send(b"data")
    with pytest.raises(LocalProtocolError):
        end.export_keying_material(LABEL, 56)


@ROLES
def test_closing_tells_the_peer_which_answers(is_client: bool) -> None:
    wire = connected_pair()
    end, peer = ends(wire, is_client)
    end.close(1.0)
    assert_over(end)
    assert not end.events
    wire.run()
    assert list(peer.events) == [DtlsClosed()]
    assert_over(peer)
    assert [parcel.from_client for parcel in wire.sent[4:]] == [is_client, not is_client]
    assert not end.events


@ROLES
def test_closing_twice_is_closing_once(is_client: bool) -> None:
    end, _ = ends(connected_pair(), is_client)
    end.close(1.0)
    assert len(drain(end)) == 1
    end.close(2.0)
    assert not end.out


@ROLES
def test_both_may_close_at_once(is_client: bool) -> None:
    wire = connected_pair()
    end, peer = ends(wire, is_client)
    end.close(1.0)
    peer.close(1.0)
    wire.run()
    assert not end.events
    assert not peer.events
    assert len(wire.sent) == 6


@ROLES
def test_closing_before_the_connection_sends_nothing(is_client: bool) -> None:
    end = endpoint(is_client=is_client)
    end.start(0.0)
    drain(end)
    end.close(0.0)
    assert not end.out
    assert not end.events
    assert_over(end)


@ROLES
def test_a_closed_end_cannot_be_started(is_client: bool) -> None:
    end = endpoint(is_client=is_client)
    end.close(0.0)
    with pytest.raises(LocalProtocolError, match="closed"):
        end.start(0.0)
    assert not end.out


@ROLES
def test_a_closed_end_ignores_everything(is_client: bool) -> None:
    wire = connected_pair()
    end, peer = ends(wire, is_client)
    peer.send(b"late")
    (late,) = drain(peer)
    end.close(1.0)
    drain(end)
    end.receive(late, 1.0)
    for parcel in wire.sent:
        end.receive(parcel.data, 1.0)
    end.handle_timer(100.0)
    assert not end.inbound
    assert not end.out
    assert not end.events


@ROLES
@each_case("level", [1, 2])
@each_case("description", [0, 10, 20, 40, 42, 80, 255])
def test_alerts_in_clear_end_nothing(is_client: bool, level: int, description: int) -> None:
    forged = plain_record(ContentType.ALERT, bytes([level, description]))

    wire = Wire(
        endpoint(is_client=True),
        endpoint(is_client=False),
        lambda parcel: [(0.01, forged + parcel.data + forged)],
    )
    wire.start()
    wire.run()
    assert_connected(wire)

    end, _ = ends(wire, is_client)
    end.events.clear()
    end.receive(forged, 1.0)
    assert end.connected
    assert not end.events
    assert not end.out
    assert end.stats.unauthenticated >= 3


@ROLES
def test_an_alert_in_clear_explains_a_timeout(is_client: bool) -> None:
    end = endpoint(is_client=is_client)
    end.start(0.0)
    end.receive(plain_record(ContentType.ALERT, b"\x02\x28"), 0.0)
    end.handle_timer(30.0)
    assert failure(end) == (
        "no DTLS handshake within 30 s; an unauthenticated alert said handshake_failure: "
        "the peer may have no certificate with an ECDSA key, or no AEAD"
    )


@ROLES
@each_case("content", [b"", b"\x01", b"\x01\x00\x00"])
def test_malformed_alerts_are_ignored(is_client: bool, content: bytes) -> None:
    end, peer = ends(connected_pair(), is_client)
    end.receive(protected(peer, ContentType.ALERT, content), 1.0)
    end.receive(plain_record(ContentType.ALERT, content), 1.0)
    assert end.connected
    assert end.stats.unexpected == 2


@ROLES
@each_case("description, name", [(80, "internal_error"), (20, "bad_record_mac"), (99, "alert 99")])
def test_an_authentic_fatal_alert_breaks_the_connection(
    is_client: bool, description: int, name: str
) -> None:
    end, peer = ends(connected_pair(), is_client)
    end.receive(protected(peer, ContentType.ALERT, bytes([2, description])), 1.0)
    assert list(end.events) == [DtlsAborted(f"the peer ended the connection: {name}")]
    assert_over(end)
    assert not end.out


@ROLES
@each_case("description", [90, 100, 41])
def test_an_authentic_warning_changes_nothing(is_client: bool, description: int) -> None:
    end, peer = ends(connected_pair(), is_client)
    end.receive(protected(peer, ContentType.ALERT, bytes([1, description])), 1.0)
    assert end.connected
    assert not end.events
    assert end.stats.unexpected == 1


def test_data_behind_a_close_in_one_datagram_is_dropped() -> None:
    wire = connected_pair()
    close = protected(
        wire.server,
        ContentType.ALERT,
        bytes([AlertLevel.WARNING, AlertDescription.CLOSE_NOTIFY]),
    )
    wire.server.send(b"late")
    wire.client.receive(close + drain(wire.server)[0], 1.0)
    assert list(wire.client.events) == [DtlsClosed()]
    assert not wire.client.inbound


def test_a_close_before_the_finished_fails_the_handshake() -> None:
    client, server = endpoint(is_client=True), endpoint(is_client=False)
    wire = Wire(client, server, lambda parcel: [] if parcel.index == 3 else [(0.01, parcel.data)])
    wire.start()
    wire.run(until=0.035)
    assert server.connected
    assert not client.connected
    flight = wire.sent[3].data
    change_cipher_spec = flight[:14]
    server.close(0.035)
    (close,) = drain(server)
    client.receive(change_cipher_spec + close, 0.04)
    assert failure(client) == "the peer ended the connection: close_notify"


def test_a_failing_client_says_so_under_its_keys() -> None:
    """A wrong Finished is authentic, so the alert about it is, too."""
    client, server = endpoint(is_client=True), endpoint(is_client=False)
    wire = Wire(client, server, lambda parcel: [] if parcel.index == 3 else [(0.01, parcel.data)])
    wire.start()
    wire.run(until=0.035)
    assert list(server.events) == [DtlsConnected()]
    finished = b"\x14\x00\x00\x0c\x00\x05\x00\x00\x00\x00\x00\x0c" + b"wrong digest"
    forged = protected(server, ContentType.HANDSHAKE, finished)
    client.receive(wire.sent[3].data[:14] + forged, 0.04)
    assert "Finished does not match" in failure(client)
    (alert,) = drain(client)
    server.events.clear()
    server.receive(alert, 0.05)
    assert list(server.events) == [DtlsAborted("the peer ended the connection: decrypt_error")]
