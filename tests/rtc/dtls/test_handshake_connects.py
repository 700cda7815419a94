"""A handshake over a perfect wire connects, whatever is negotiated."""

from __future__ import annotations

import dataclasses
import gc

import pytest

from lktrio.errors import LocalProtocolError
from lktrio.rtc.base import NEVER
from lktrio.rtc.dtls import DtlsEndpoint, DtlsOptions, DtlsSecrets
from tests.rtc.dtls.harness import (
    LABEL,
    Wire,
    assert_connected,
    certificate,
    connected_pair,
    drain,
    endpoint,
)
from tests.support.cases import each_case

SUITES = (0xC02B, 0xC02C, 0xCCA9)
GROUPS = (0x001D, 0x0017, 0x0018)


def handshake(client: DtlsEndpoint, server: DtlsEndpoint) -> Wire:
    wire = Wire(client, server)
    wire.start()
    wire.run()
    return wire


@each_case("cookie_exchange", [False, True])
@each_case("mtu", [128, 200, 576, 1200, 65000])
def test_any_datagram_size_with_and_without_cookie(mtu: int, cookie_exchange: bool) -> None:
    options = DtlsOptions(mtu=mtu, cookie_exchange=cookie_exchange)
    wire = handshake(
        endpoint(is_client=True, options=options), endpoint(is_client=False, options=options)
    )
    assert_connected(wire)
    assert max(len(parcel.data) for parcel in wire.sent) <= mtu
    assert wire.client.stats.dropped == wire.server.stats.dropped == 0
    assert wire.client.stats.retransmissions == wire.server.stats.retransmissions == 0


@each_case("suite", SUITES)
@each_case("group", GROUPS)
def test_every_suite_with_every_group(suite: int, group: int) -> None:
    connected_pair(DtlsOptions(cipher_suites=(suite,), groups=(group,)))


@each_case("only_client", [True, False])
def test_the_only_common_suite_and_group_are_found(only_client: bool) -> None:
    few = DtlsOptions(cipher_suites=(0xCCA9,), groups=(0x0018,))
    wire = handshake(
        endpoint(is_client=True, options=few if only_client else None),
        endpoint(is_client=False, options=None if only_client else few),
    )
    assert_connected(wire)


def test_the_server_prefers_its_own_srtp_profile() -> None:
    wire = handshake(
        endpoint(is_client=True, options=DtlsOptions(srtp_profiles=(1, 8, 7))),
        endpoint(is_client=False),
    )
    assert wire.client.srtp_profile == wire.server.srtp_profile == 7


@each_case("offered", [(), (2, 5)])
def test_without_a_common_srtp_profile_there_is_none(offered: tuple[int, ...]) -> None:
    wire = handshake(
        endpoint(is_client=True, options=DtlsOptions(srtp_profiles=offered)),
        endpoint(is_client=False),
    )
    assert_connected(wire)
    assert wire.client.srtp_profile is None
    assert wire.server.srtp_profile is None


def test_the_handshake_needs_four_datagrams_and_two_round_trips() -> None:
    wire = connected_pair()
    assert [parcel.from_client for parcel in wire.sent] == [True, False, True, False]
    assert wire.now == pytest.approx(0.04)
    assert wire.client.next_timer() == wire.server.next_timer() == NEVER


def test_the_same_random_bytes_replay_the_same_handshake() -> None:
    own = certificate("client")
    if own.sign(b"") != own.sign(b""):
        pytest.skip("this build of OpenSSL has no deterministic ECDSA")
    first, second = connected_pair(), connected_pair()
    assert [parcel.data for parcel in first.sent] == [parcel.data for parcel in second.sent]


def test_other_random_bytes_make_other_keys() -> None:
    wire = handshake(endpoint(is_client=True, seed="other"), endpoint(is_client=False))
    assert_connected(wire)
    assert wire.client.export_keying_material(
        LABEL, 56
    ) != connected_pair().client.export_keying_material(LABEL, 56)


def test_nothing_can_be_sent_or_exported_before_the_connection() -> None:
    end = endpoint(is_client=True)
    for _ in range(2):
        with pytest.raises(LocalProtocolError, match="not connected"):
            end.send(b"data")
        with pytest.raises(LocalProtocolError, match="not connected"):
            end.export_keying_material(LABEL, 56)
        if not end.out:
            end.start(0.0)


def test_an_endpoint_starts_once() -> None:
    end = endpoint(is_client=True)
    end.start(0.0)
    with pytest.raises(LocalProtocolError, match="already started"):
        end.start(1.0)


def test_a_record_holds_at_most_16_kib() -> None:
    wire = connected_pair()
    wire.client.send(bytes(16384))
    wire.run()
    assert wire.server.inbound == [bytes(16384)]
    with pytest.raises(ValueError, match="16384"):
        wire.client.send(bytes(16385))


def test_reserved_labels_cannot_be_exported() -> None:
    with pytest.raises(ValueError, match="reserved"):
        connected_pair().client.export_keying_material("key expansion", 40)


def test_the_key_log_gets_the_secrets_of_each_connection() -> None:
    found: list[DtlsSecrets] = []
    wire = connected_pair(DtlsOptions(key_log=found.append))
    assert {keys.is_client for keys in found} == {True, False}
    assert {keys.srtp_profile for keys in found} == {wire.client.srtp_profile}
    lines = [keys.secrets.key_log_line() for keys in found]
    assert len(lines) == 2
    assert lines[0] == lines[1]
    label, client_random, master = lines[0].split()
    assert label == "CLIENT_RANDOM"
    assert len(client_random) == 64
    assert len(master) == 96


def test_no_secret_is_in_a_repr() -> None:
    found: list[DtlsSecrets] = []
    wire = connected_pair(DtlsOptions(key_log=found.append))
    master = bytes.fromhex(found[0].secrets.key_log_line().split()[2])
    for thing in (wire.client, vars(wire.client), certificate("client"), found[0]):
        assert master.hex() not in repr(thing)
        assert repr(master) not in repr(thing)
    assert repr(wire.client) == "<DtlsEndpoint client connected>"


@each_case(
    "change",
    [
        {"cipher_suites": ()},
        {"cipher_suites": (0xC02F,)},
        {"groups": ()},
        {"groups": (0x11EC,)},
        {"mtu": 100},
        {"initial_timeout": 0.0},
        {"initial_timeout": 3.0},
        {"handshake_timeout": 1.0},
    ],
)
def test_impossible_options_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must"):
        dataclasses.replace(DtlsOptions(), **change)  # type: ignore[arg-type]  # wrong on purpose


def test_records_leave_no_reference_cycles() -> None:
    wire = connected_pair()
    gc.collect()
    gc.disable()
    try:
        for _ in range(500):
            wire.client.send(bytes(1000))
            (record,) = drain(wire.client)
            wire.server.receive(record, 1.0)
            wire.server.receive(record, 1.0)
        assert gc.collect() == 0
    finally:
        gc.enable()
    assert len(wire.server.inbound) == 500
