"""DTLS handshakes survive what a network does to datagrams, in virtual time."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable

import pytest

from lktrio.rtc.base import NEVER
from lktrio.rtc.dtls import DtlsOptions
from tests.rtc.dtls.harness import (
    Parcel,
    Wire,
    assert_connected,
    drain,
    endpoint,
    failure,
    records,
)
from tests.support.cases import each_case

DELAY = 0.01  # one way, in seconds
SMALL = DtlsOptions(mtu=200)  # several datagrams per flight
SMALL_COOKIE = DtlsOptions(mtu=200, cookie_exchange=True)

Arrivals = Iterable[tuple[float, bytes]]


def handshake(
    rule: Callable[[Parcel], Arrivals], options: DtlsOptions = SMALL, until: float = 60.0
) -> Wire:
    wire = Wire(
        endpoint(is_client=True, options=options),
        endpoint(is_client=False, options=options),
        rule,
    )
    wire.start()
    wire.run(until)
    return wire


def losing(*indices: int) -> Callable[[Parcel], Arrivals]:
    """Lose the datagrams with these numbers."""
    return lambda parcel: [] if parcel.index in indices else [(DELAY, parcel.data)]


def datagram_count(options: DtlsOptions) -> int:
    """How many datagrams a handshake takes that loses none."""
    return len(handshake(lambda parcel: [(DELAY, parcel.data)], options).sent)


COUNT = datagram_count(SMALL)
COUNT_WITH_COOKIE = datagram_count(SMALL_COOKIE)


def test_the_flights_take_many_datagrams() -> None:
    assert COUNT >= 8
    assert COUNT_WITH_COOKIE == COUNT + 2


@each_case("lost", range(COUNT_WITH_COOKIE))
def test_any_single_datagram_may_be_lost(lost: int) -> None:
    wire = handshake(losing(lost), SMALL_COOKIE)
    assert_connected(wire)
    assert wire.now < 0.5
    assert 1 <= wire.client.stats.retransmissions + wire.server.stats.retransmissions <= 4


@each_case("first", range(COUNT))
def test_any_two_datagrams_may_be_lost(first: int) -> None:
    for second in range(first + 1, 2 * COUNT):
        wire = handshake(losing(first, second))
        assert_connected(wire)
        assert wire.now < 1.5


@each_case("twice", range(COUNT))
def test_any_datagram_may_arrive_twice(twice: int) -> None:
    wire = handshake(lambda parcel: [(DELAY, parcel.data)] * (2 if parcel.index == twice else 1))
    assert_connected(wire)
    assert wire.client.stats.retransmissions == wire.server.stats.retransmissions == 0


def test_every_datagram_may_arrive_three_times_and_late() -> None:
    wire = handshake(lambda parcel: [(DELAY, parcel.data), (0.03, parcel.data), (0.2, parcel.data)])
    assert_connected(wire)
    assert len(wire.sent) <= 3 * COUNT


@each_case("late", range(COUNT))
def test_any_datagram_may_be_overtaken_by_all_others_of_its_flight(late: int) -> None:
    wire = handshake(lambda parcel: [(DELAY * 3 if parcel.index == late else DELAY, parcel.data)])
    assert_connected(wire)
    assert wire.client.stats.retransmissions == wire.server.stats.retransmissions == 0


def test_flights_may_arrive_backwards() -> None:
    wire = handshake(lambda parcel: [(0.05 - 0.001 * (parcel.index % 40), parcel.data)])
    assert_connected(wire)


def test_records_may_arrive_one_by_one_and_backwards() -> None:
    def shred(parcel: Parcel) -> Arrivals:
        cut = records(parcel.data)
        return [(DELAY + 0.001 * (len(cut) - i), record) for i, record in enumerate(cut)]

    wire = handshake(shred, DtlsOptions(mtu=65000))
    assert_connected(wire)
    assert wire.client.stats.retransmissions == wire.server.stats.retransmissions == 0


@each_case("percent", [10, 30])
@each_case("seed", range(8))
def test_random_loss_duplication_and_reordering(seed: int, percent: int) -> None:
    dice = random.Random(seed * 100 + percent)

    def chaos(parcel: Parcel) -> Arrivals:
        copies = 0 if dice.randrange(100) < percent else 1 + (dice.randrange(10) == 0)
        return [(DELAY * dice.uniform(1, 6), parcel.data) for _ in range(copies)]

    assert_connected(handshake(chaos))


def test_a_path_that_takes_no_large_datagrams() -> None:
    """Black holes for large datagrams: after two timeouts they are made smaller."""
    wire = handshake(
        lambda parcel: [(DELAY, parcel.data)] if len(parcel.data) <= 620 else [],
        DtlsOptions(mtu=1200),
    )
    assert_connected(wire)
    assert wire.now < 3.0


def test_a_round_trip_of_a_second() -> None:
    wire = handshake(lambda parcel: [(0.5, parcel.data)])
    assert_connected(wire)


def test_the_peer_may_start_seconds_later() -> None:
    client, server = endpoint(is_client=True), endpoint(is_client=False)
    wire = Wire(client, server, lambda parcel: [(DELAY, parcel.data)])
    client.start(0.0)
    wire.run(until=5.0)
    server.start(5.0)
    wire.now = 5.0
    wire.run()
    assert_connected(wire)
    assert wire.now < 8.0


def test_an_outage_during_the_handshake() -> None:
    wire: Wire
    client, server = endpoint(is_client=True), endpoint(is_client=False)
    wire = Wire(
        client,
        server,
        lambda parcel: [] if 0.015 < wire.now < 20.0 else [(DELAY, parcel.data)],
    )
    wire.start()
    wire.run()
    assert_connected(wire)
    assert 20.0 <= wire.now < 23.0


def test_retransmissions_double_up_to_two_seconds() -> None:
    wire = handshake(lambda parcel: [])
    assert failure(wire.client) == "no DTLS handshake within 30 s"
    assert failure(wire.server) == "no DTLS handshake within 30 s"
    assert wire.now == 30.0

    client = endpoint(is_client=True)
    client.start(0.0)
    times: list[float] = [0.0]
    while client.next_timer() < 8.0:
        drain(client)
        times.append(client.next_timer())
        client.handle_timer(times[-1])
        assert client.out
    gaps = [round(after - before, 6) for before, after in itertools.pairwise(times)]
    assert gaps == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_timers_end_with_the_connection() -> None:
    wire = handshake(lambda parcel: [(DELAY, parcel.data)])
    for end in (wire.client, wire.server):
        assert end.next_timer() == NEVER
        end.handle_timer(100.0)
        assert not end.out


def test_a_timer_that_fires_early_does_nothing() -> None:
    client = endpoint(is_client=True)
    client.start(0.0)
    drain(client)
    client.handle_timer(0.099)
    assert not client.out
    assert client.next_timer() == pytest.approx(0.1)


def test_a_lost_last_flight_is_repeated_when_asked_for() -> None:
    """The server is done and has no timer; the client's repetition brings its answer back."""
    lost: list[bytes] = []

    def lose_first_finished(parcel: Parcel) -> Arrivals:
        if not parcel.from_client and parcel.data[0] == 20 and len(lost) < 3:
            lost.append(parcel.data)
            return []
        return [(DELAY, parcel.data)]

    wire = handshake(lose_first_finished)
    assert_connected(wire)
    assert len(lost) == 3
    assert wire.server.stats.retransmissions == 3
    assert wire.server.next_timer() == NEVER


def test_data_sent_right_away_overtakes_the_last_flight() -> None:
    """The server may send before the client has its Finished: the data waits, in order."""
    sent: list[bytes] = []

    def hold_finished(parcel: Parcel) -> Arrivals:
        if not parcel.from_client and parcel.data[0] == 20:
            return [(5 * DELAY, parcel.data)]
        return [(DELAY, parcel.data)]

    client, server = endpoint(is_client=True), endpoint(is_client=False)
    wire = Wire(client, server, hold_finished)
    wire.start()
    while wire.now < 0.055:
        if server.connected and not sent:
            sent = [bytes([i]) for i in range(20)]
            for data in sent:
                server.send(data)
        wire.run(until=wire.now + 0.005)
        wire.now += 0.005
        assert client.connected or not client.inbound
    wire.run()
    assert client.connected
    assert client.inbound[:16] == sent[:16]
    assert client.stats.overflowed == 4
