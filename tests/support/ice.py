"""ICE agents on the simulated network."""

from __future__ import annotations

import random
from collections.abc import Iterable

from lktrio.rtc.base import NEVER, Address
from lktrio.rtc.ice import (
    IceAgent,
    IceOptions,
    IceRole,
    IceState,
    IceStateChanged,
    PairSelected,
)
from lktrio.rtc.ice.candidate import Candidate, host_candidate
from lktrio.rtc.ice.gather import CandidateGathered, StunGatherer
from lktrio.rtc.ice.stun import Attribute, StunClass, StunMessage
from lktrio.testing import LinkProfile
from lktrio.testing.engines import EngineNetwork

CONTROLLING, CONTROLLED = IceRole.CONTROLLING, IceRole.CONTROLLED
ALICE = ("10.0.0.1", 1000)
BOB = ("10.0.0.2", 2000)


class IceHost:
    """An agent, its sockets, and everything it reported, as one host of the network."""

    def __init__(
        self,
        network: EngineNetwork,
        role: IceRole,
        *addresses: Address,
        lite: bool = False,
        options: IceOptions | None = None,
        seed: int = 1,
    ) -> None:
        self.agent = IceAgent(
            role=role,
            random=random.Random(seed).randbytes,
            lite=lite,
            options=options or IceOptions(),
        )
        self.network = network
        self.gatherer = StunGatherer(random=random.Random(seed + 1000).randbytes)
        self.states: list[tuple[float, IceState]] = []
        self.selections: list[tuple[float, PairSelected]] = []
        self.traffic: list[tuple[float, bytes]] = []
        self.paths: dict[Address, int] = {}
        self.sent = 0
        for address in addresses:
            self.add_socket(address)
        self._outbox: list[tuple[Address, Address, bytes]] = []

    def add_socket(self, address: Address) -> Candidate:
        path = self.paths[address] = len(self.paths) + 1
        candidate = host_candidate(*address, local_preference=65535 - path)
        self.agent.add_local_candidate(candidate, path, self.network.now)
        self.network.attach(self, address)
        return candidate

    def gather(self, server: Address) -> None:
        """Ask a STUN server, which is put on the network, for reflexive candidates."""
        self.network.attach(StunServer(), server)
        for path, candidate in enumerate(self.agent.local_candidates, 1):
            self.gatherer.ask(server, candidate, path, self.network.now)

    def know(self, other: IceHost, *, candidates: bool = True) -> None:
        """Take over what signalling would bring from the other side."""
        now = self.network.now
        agent = other.agent
        self.agent.set_remote_credentials(agent.local_ufrag, agent.local_pwd, now, agent.lite)
        if candidates:
            self.know_candidates(other)

    def know_candidates(self, other: IceHost) -> None:
        for candidate in other.agent.local_candidates:
            self.agent.add_remote_candidate(candidate, self.network.now)

    def send_traffic(self, data: bytes) -> None:
        """Send something that is not STUN over the path in use."""
        where = self.agent.send_path()
        if where is not None:
            self._outbox.append((self._address(where[0]), where[1], data))

    def receive(self, data: bytes, local: Address, source: Address, now: float) -> None:
        if data[0] < 4 and self.gatherer.receive(data, self.paths[local], source):
            pass
        elif data[0] < 4:
            self.agent.receive(data, self.paths[local], source, now)
        elif self.agent.is_heard(self.paths[local], source):
            self.traffic.append((now, data))
            self.agent.on_traffic(now, (self.paths[local], source))

    def next_timer(self) -> float:
        return min(self.agent.next_timer(), self.gatherer.next_timer())

    def handle_timer(self, now: float) -> None:
        self.agent.handle_timer(now)
        self.gatherer.handle_timer(now)

    def drain(self) -> Iterable[tuple[Address, Address, bytes]]:
        now = self.network.now
        while self.gatherer.events:
            found = self.gatherer.events.popleft()
            if isinstance(found, CandidateGathered):
                self.agent.add_local_candidate(found.candidate, found.path, now)
        while self.agent.events:
            event = self.agent.events.popleft()
            if isinstance(event, IceStateChanged):
                self.states.append((now, event.state))
            else:
                self.selections.append((now, event))
        out, self.agent.out = self.gatherer.out + self.agent.out, []
        self.gatherer.out = []
        self.sent += len(out)
        outbox, self._outbox = self._outbox, []
        yield from outbox
        for path, address, data in out:
            yield self._address(path), address, data

    @property
    def state(self) -> IceState:
        return self.agent.state

    @property
    def selected(self) -> Address | None:
        return None if self.agent.selected is None else self.agent.selected.address

    def state_names(self) -> list[str]:
        return [state.value for _, state in self.states]

    def _address(self, path: int) -> Address:
        return next(address for address, number in self.paths.items() if number == path)


class StunServer:
    """Tells everybody their address."""

    def __init__(self) -> None:
        self._outbox: list[tuple[Address, Address, bytes]] = []

    def receive(self, data: bytes, local: Address, source: Address, now: float) -> None:
        response = StunMessage.parse(data).respond(StunClass.SUCCESS)
        response.add_address(Attribute.XOR_MAPPED_ADDRESS, source)
        self._outbox.append((local, source, response.serialize()))

    def next_timer(self) -> float:
        return NEVER

    def handle_timer(self, now: float) -> None:
        raise AssertionError("a STUN server has no timer")

    def drain(self) -> Iterable[tuple[Address, Address, bytes]]:
        out, self._outbox = self._outbox, []
        return out


def two_hosts(
    conditions: LinkProfile | None = None,
    *,
    seed: int = 0,
    alice_options: IceOptions | None = None,
    bob_options: IceOptions | None = None,
    roles: tuple[IceRole, IceRole] = (CONTROLLING, CONTROLLED),
    bob_lite: bool = False,
) -> tuple[EngineNetwork, IceHost, IceHost]:
    """Alice and Bob with one IPv4 socket each, not yet introduced to each other."""
    network = EngineNetwork(seed=seed, profile=conditions or LinkProfile())
    alice = IceHost(network, roles[0], ALICE, options=alice_options, seed=seed + 100)
    bob = IceHost(network, roles[1], BOB, options=bob_options, seed=seed + 200, lite=bob_lite)
    return network, alice, bob


def introduce(alice: IceHost, bob: IceHost) -> None:
    """Exchange credentials and candidates at once."""
    alice.know(bob)
    bob.know(alice)


def both_selected(alice: IceHost, bob: IceHost) -> bool:
    return alice.selected is not None and bob.selected is not None
