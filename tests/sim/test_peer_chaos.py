"""Everything at once to whole peers: outages, lost descriptions, moves, other hosts."""

from __future__ import annotations

import random

from lktrio.rtc.datachannel import DataChannelMessage
from lktrio.rtc.transport import TransportStateChanged
from lktrio.testing import LinkProfile
from tests.support.cases import each_case
from tests.support.peer_call import Call, Host

WEATHER = [
    LinkProfile(latency=0.02),
    LinkProfile(latency=0.1, loss=0.2, jitter=0.1, duplicate=0.1),
    LinkProfile(loss=1.0),
]


class Chaos:
    """A client that sends sound and numbers, a server, and what may happen to them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lite = self.random.random() < 0.5
        self.call = Call(WEATHER[0], seed + 1, lite=self.lite)
        self.network = self.call.network
        self.client, self.server = self.call.offerer, self.call.answerer
        self.section = self.call.publish("audio")
        self.channel = self.client.peer.create_data_channel("numbers")
        self.hosts = 2
        self.sent = 0
        self.first = 0  # the first number for this server
        self.happened: list[str] = []
        self.exchange()
        assert self.network.run(5, until=lambda: self.channel.state == "open")

    # What may happen

    def exchange(self, *, ice_restart: bool = False) -> None:
        now = self.network.now
        offer = self.client.peer.create_offer(now, ice_restart=ice_restart)
        self.network.run(self.random.choice([0.0, 0.3]))
        self.server.peer.set_offer(offer, self.network.now)
        answer = self.server.peer.create_answer(self.network.now)
        self.server.push()
        self.network.run(self.random.choice([0.0, 0.3]))
        self.client.peer.set_answer(answer, self.network.now)
        self.client.push()

    def restart(self) -> None:
        self.exchange(ice_restart=True)

    def negotiate(self) -> None:
        self.client.peer.add_transceiver("audio", "recvonly")
        self.exchange()

    def lose_an_offer(self) -> None:
        self.client.peer.create_offer(self.network.now, ice_restart=self.random.random() < 0.5)

    def lose_an_answer(self) -> None:
        restart = self.random.random() < 0.5
        offer = self.client.peer.create_offer(self.network.now, ice_restart=restart)
        self.server.peer.set_offer(offer, self.network.now)
        self.server.peer.create_answer(self.network.now)
        self.server.push()

    def change_weather(self) -> None:
        self.network.profile = self.random.choice(WEATHER)

    def move(self) -> None:
        """The client has another address, and says so or not."""
        self.hosts += 1
        self.client.move((f"192.0.2.{self.hosts}", 1000))
        if self.random.random() < 0.5:
            self.restart()

    def change_server(self) -> None:
        """Another host takes the server's place."""
        self.hosts += 1
        seed = self.random.randrange(1 << 30)
        address = (f"192.0.2.{self.hosts}", 2000)
        self.server = Host(self.network, address, seed, lite=self.lite)
        self.first = self.sent
        self.exchange(ice_restart=self.random.random() < 0.5)

    def step(self) -> None:
        events = (
            self.restart,
            self.negotiate,
            self.lose_an_offer,
            self.lose_an_answer,
            self.change_weather,
            self.change_weather,
            self.move,
            self.change_server,
        )
        event = self.random.choice(events)
        self.happened.append(event.__name__)
        event()
        for _ in range(self.random.randrange(20)):
            self.speak()
        self.network.run(self.random.choice([0.0, 0.1, 3.0, 40.0]))

    def speak(self) -> None:
        stream = self.client.peer.outbound(self.section, "audio/opus")
        data = b"\x78" + self.sent.to_bytes(4, "big")
        self.client.peer.send_frame(stream, data, 960 * self.sent, self.network.now)
        if self.channel.state == "open":
            self.channel.send(data, self.network.now)
            self.sent += 1
        self.client.push()
        self.network.run(0.02)

    # How it has to end

    def settle(self) -> None:
        self.network.profile = WEATHER[0]
        if self.is_broken():
            self.change_server()
        self.restart()
        told = f"after {' '.join(self.happened)}"
        assert self.network.run(10, until=self.is_connected), told
        assert self.network.run(10, until=lambda: self.channel.state == "open"), told
        for _ in range(50):
            self.speak()
        self.network.run(15)
        events = [e for e in self.server.events if isinstance(e, DataChannelMessage)]
        numbers = [int.from_bytes(event.data[1:], "big") for event in events]
        assert numbers == list(range(self.first, self.sent)), told
        frames = [frame for each in self.server.frames.values() for frame in each]
        last = [int.from_bytes(frame.data[1:], "big") for frame in frames[-50:]]
        assert last == list(range(self.sent - 50, self.sent)), told

    def is_broken(self) -> bool:
        """Whether a handshake was given up, which no restart of ICE can mend."""
        told = [*self.client.events, *self.server.events]
        return any(isinstance(e, TransportStateChanged) and e.cause == "dtls" for e in told)

    def is_connected(self) -> bool:
        return self.client.peer.is_connected and self.server.peer.is_connected


@each_case("seed", range(20))
def test_they_always_find_together_again(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(12):
        chaos.step()
    chaos.settle()
