"""ICE, DTLS, SRTP and SCTP come up together over a simulated network, and stay up."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterable

import pytest

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.base import Address
from lktrio.rtc.datachannel import DataChannelMessage, DataChannelOpened
from lktrio.rtc.dtls import Certificate
from lktrio.rtc.dtls.records import RECORD_NUMBER_LIMIT
from lktrio.rtc.negotiation import RemoteTransport
from lktrio.rtc.sdp import Fingerprint
from lktrio.rtc.srtp import SrtpReceiver, SrtpSender
from lktrio.rtc.transport import (
    Transport,
    TransportEvent,
    TransportOptions,
    TransportState,
    TransportStateChanged,
)
from lktrio.testing import LinkProfile
from lktrio.testing.engines import EngineNetwork
from tests.support.cases import each_case

PERFECT = LinkProfile()
LONG_AGO = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class RecordingSink:
    """Keeps decrypted media packets."""

    def __init__(self) -> None:
        self.sender: SrtpSender | None = None
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []

    def secured(self, sender: SrtpSender, receiver: SrtpReceiver, now: float) -> None:
        self.sender = sender

    def unsecured(self) -> None:
        self.sender = None

    def path_changed(self, now: float) -> None:
        pass

    def receive_rtp(
        self, index: int, packet: bytes, header_length: int, payload: bytes, now: float
    ) -> None:
        self.rtp.append(packet[:header_length] + payload)

    def receive_rtcp(self, packet: bytes, now: float) -> None:
        self.rtcp.append(packet)


class Host:
    """A transport with one socket in the simulated network."""

    def __init__(self, address: Address, seed: int, **options: bool) -> None:
        self.address = address
        self.sink = RecordingSink()
        self.certificate = Certificate.generate(LONG_AGO)
        self.transport = Transport(
            self.certificate,
            self.sink,
            random.Random(seed).randbytes,
            TransportOptions(**options),  # type: ignore[arg-type]  # only flags are passed
        )
        self.transport.add_host_candidate(address, 0, 0.0)
        self.events: list[TransportEvent] = []

    def description(self) -> RemoteTransport:
        ice = self.transport.ice
        return RemoteTransport(
            ufrag=ice.local_ufrag,
            pwd=ice.local_pwd,
            fingerprints=(Fingerprint("sha-256", self.certificate.fingerprint()),),
            setup="actpass",
            candidates=tuple(map(str, ice.local_candidates)),
            end_of_candidates=False,
            ice_lite=ice.lite,
            data_channels=True,
            max_message_size=65_536,
        )

    def receive(self, data: bytes, local: Address, source: Address, now: float) -> None:
        self.transport.receive([(data, source)], 0, now)
        self.transport.flush(now)

    def next_timer(self) -> float:
        return self.transport.next_timer()

    def handle_timer(self, now: float) -> None:
        self.transport.handle_timer(now)
        self.transport.flush(now)

    def drain(self) -> Iterable[tuple[Address, Address, bytes]]:
        self.events.extend(self.transport.events)
        self.transport.events.clear()
        out, self.transport.out = self.transport.out, []
        return [(self.address, address, data) for _, address, data in out]

    def send_rtp(self, network: EngineNetwork, payload: bytes, sequence: int) -> None:
        assert self.sink.sender is not None
        header = bytes([0x80, 96, 0, sequence]) + bytes(4) + b"\0\0\0\x05"
        data = self.sink.sender.stream(5).protect(header, payload, sequence)
        path = self.transport.path
        assert path is not None
        network.send(self.address, path[1], data)


class Call:
    """An offerer and an answerer, connected by a network."""

    def __init__(
        self,
        conditions: LinkProfile = PERFECT,
        *,
        lite: bool = False,
        offerer_is_dtls_client: bool = False,
        seed: int = 1,
    ) -> None:
        self.network = EngineNetwork(seed=seed, profile=conditions)
        self.offerer = Host(("192.0.2.1", 1000), seed)
        self.answerer = Host(("192.0.2.2", 2000), seed + 1, ice_lite=lite)
        self.network.attach(self.offerer, self.offerer.address)
        self.network.attach(self.answerer, self.answerer.address)
        self.offerer_is_dtls_client = offerer_is_dtls_client

    @property
    def hosts(self) -> tuple[Host, Host]:
        return self.offerer, self.answerer

    def describe(self) -> None:
        offer, answer = self.offerer.description(), self.answerer.description()
        self.answerer.transport.set_remote(
            offer, offerer=False, dtls_client=not self.offerer_is_dtls_client, now=self.network.now
        )
        self.offerer.transport.set_remote(
            answer, offerer=True, dtls_client=self.offerer_is_dtls_client, now=self.network.now
        )
        for host in self.hosts:
            host.transport.flush(self.network.now)
            for local, remote, data in host.drain():
                self.network.send(local, remote, data)

    def connect(self) -> None:
        self.describe()
        assert self.network.run(30, until=lambda: self.state == "connected"), self.state

    @property
    def state(self) -> str:
        states = {host.transport.state for host in self.hosts}
        return states.pop().value if len(states) == 1 else "mixed"


@each_case("lite", [False, True])
@each_case("offerer_is_dtls_client", [False, True])
def test_every_combination_of_roles_connects_within_six_round_trips(
    lite: bool, offerer_is_dtls_client: bool
) -> None:
    call = Call(LinkProfile(latency=0.02), lite=lite, offerer_is_dtls_client=offerer_is_dtls_client)
    call.connect()
    assert call.network.now <= 6 * 0.04


@each_case("loss", [0.1, 0.3])
@each_case("seed", range(5))
def test_it_connects_over_a_lossy_reordering_network(loss: float, seed: int) -> None:
    call = Call(LinkProfile(latency=0.05, jitter=0.05, loss=loss, duplicate=0.1), seed=seed)
    call.connect()


def test_media_is_decrypted_on_the_other_side_both_ways() -> None:
    call = Call()
    call.connect()
    call.network.run(0.1)
    call.offerer.send_rtp(call.network, b"ping", 1)
    call.answerer.send_rtp(call.network, b"pong", 2)
    call.network.run(0.1)
    assert [packet[12:] for packet in call.answerer.sink.rtp] == [b"ping"]
    assert [packet[12:] for packet in call.offerer.sink.rtp] == [b"pong"]


def test_a_repeated_media_packet_is_delivered_once() -> None:
    call = Call(LinkProfile(duplicate=1.0))
    call.connect()
    call.offerer.send_rtp(call.network, b"once", 1)
    call.network.run(0.1)
    assert len(call.answerer.sink.rtp) == 1


def test_data_channels_opened_before_connecting_carry_messages_over_loss() -> None:
    call = Call(LinkProfile(latency=0.01, loss=0.1))
    channel = call.offerer.transport.channels.create("chat")
    call.connect()
    assert call.network.run(10, until=lambda: channel.state == "open")
    messages = [b"%d" % number * 300 for number in range(50)]
    for message in messages:
        channel.send(message, call.network.now)
    call.offerer.transport.flush(call.network.now)
    for local, remote, data in call.offerer.drain():
        call.network.send(local, remote, data)

    def received() -> list[bytes]:
        return [e.data for e in call.answerer.events if isinstance(e, DataChannelMessage)]

    assert call.network.run(60, until=lambda: len(received()) == len(messages))
    assert received() == messages
    assert any(isinstance(event, DataChannelOpened) for event in call.answerer.events)


@each_case("offerer_is_dtls_client", [False, True])
def test_another_certificate_than_announced_fails_before_any_key_or_data(
    offerer_is_dtls_client: bool,
) -> None:
    call = Call(offerer_is_dtls_client=offerer_is_dtls_client)
    channels = [host.transport.channels.create("chat") for host in call.hosts]
    call.offerer.certificate = Certificate.generate(LONG_AGO)
    call.describe()
    assert call.network.run(
        60, until=lambda: call.answerer.transport.state is TransportState.FAILED
    )
    call.network.run(60)
    for host, channel in zip(call.hosts, channels, strict=True):
        assert host.transport.state is TransportState.FAILED
        assert host.sink.sender is None
        assert channel.state == "connecting"
        assert host.transport.sctp.stats.packets_sent == 0


def test_a_changed_fingerprint_in_a_later_description_is_refused() -> None:
    call = Call()
    call.connect()
    call.answerer.certificate = Certificate.generate(LONG_AGO)
    with pytest.raises(RemoteProtocolError, match="fingerprint"):
        call.offerer.transport.set_remote(
            call.answerer.description(), offerer=True, dtls_client=False, now=call.network.now
        )


def test_without_a_path_the_transport_fails_in_time() -> None:
    call = Call(LinkProfile(loss=1.0))
    call.describe()
    assert call.network.run(60, until=lambda: call.offerer.transport.state is TransportState.FAILED)
    assert call.network.now < 45


def test_an_outage_is_reported_and_recovered_from() -> None:
    call = Call()
    call.connect()
    good, bad = LinkProfile(), LinkProfile(loss=1.0)
    for source, destination in (("192.0.2.1", "192.0.2.2"), ("192.0.2.2", "192.0.2.1")):
        call.network.set_link(source, destination, bad)
    assert call.network.run(
        20, until=lambda: call.offerer.transport.state is TransportState.DISCONNECTED
    )
    for source, destination in (("192.0.2.1", "192.0.2.2"), ("192.0.2.2", "192.0.2.1")):
        call.network.set_link(source, destination, good)
    assert call.network.run(
        20, until=lambda: call.offerer.transport.state is TransportState.CONNECTED
    )


def test_closing_tells_the_other_side() -> None:
    call = Call()
    call.connect()
    call.network.run(0.1)
    call.offerer.transport.close(call.network.now)
    for local, remote, data in call.offerer.drain():
        call.network.send(local, remote, data)
    assert call.network.run(1, until=lambda: call.answerer.transport.state is TransportState.CLOSED)


def test_noise_from_strangers_changes_nothing() -> None:
    call = Call()
    noise = random.Random(9)
    stranger = ("192.0.2.66", 6666)
    for step in range(300):
        size = noise.choice([0, 1, 2, 11, 12, 13, 28, 60, 200, 1200])
        call.network.at(
            step / 1000,
            lambda size=size: call.network.send(  # type: ignore[misc]
                stranger, call.answerer.address, noise.randbytes(size)
            ),
        )
    call.connect()
    call.network.run(1)
    assert call.state == "connected"


def test_used_up_keys_fail_the_transport_with_the_reason() -> None:
    call = Call()
    channel = call.offerer.transport.channels.create("chat")
    call.connect()
    assert call.network.run(1, until=lambda: channel.state == "open")
    dtls = call.offerer.transport.dtls
    assert dtls is not None
    assert dtls._writer is not None
    dtls._writer.number = RECORD_NUMBER_LIMIT
    channel.send(b"one too many", call.network.now)
    call.offerer.transport.flush(call.network.now)
    assert call.offerer.transport.state is TransportState.FAILED
    (failed,) = [
        event
        for event in call.offerer.transport.events
        if isinstance(event, TransportStateChanged) and event.state is TransportState.FAILED
    ]
    assert failed.cause == "dtls"
    assert "used up its keys" in failed.reason
    call.offerer.transport.close(call.network.now)
