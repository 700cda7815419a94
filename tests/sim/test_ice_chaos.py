"""Everything at once: sockets come and go, restarts cross, the network misbehaves."""

from __future__ import annotations

import random

from lktrio.rtc.ice import IceRole, IceState
from lktrio.testing import LinkProfile
from lktrio.testing.engines import EngineNetwork
from tests.support.cases import each_case
from tests.support.ice import IceHost, both_selected

WEATHER = [
    LinkProfile(latency=0.02),
    LinkProfile(latency=0.15, loss=0.3, jitter=0.1, duplicate=0.2),
    LinkProfile(latency=0.01, reorder=0.5),
    LinkProfile(loss=1.0),
]


class Chaos:
    """Two hosts to which random things happen."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.network = EngineNetwork(seed=seed, profile=WEATHER[0])
        roles = self.random.choices(list(IceRole), k=2)
        lite = self.random.random() < 0.3
        self.alice = IceHost(self.network, roles[0], ("10.0.0.1", 1000), seed=seed)
        self.bob = IceHost(self.network, roles[1], ("10.0.1.1", 2000), seed=-seed - 1, lite=lite)
        self.sockets = 1
        self.signal(self.alice, self.bob)

    def signal(self, offerer: IceHost, answerer: IceHost) -> None:
        """A description each way; candidates before, with or after it, or never."""
        for receiver, sender in ((answerer, offerer), (offerer, answerer)):
            if self.random.random() < 0.5:
                receiver.know_candidates(sender)
            receiver.know(sender, candidates=self.random.random() < 0.8)
            self.network.run(self.random.choice([0.0, 0.05, 0.5]))

    def step(self) -> None:
        host, other = self.random.sample([self.alice, self.bob], 2)
        event = self.random.randrange(7)
        if event == 0:
            host.agent.restart(self.network.now)
            self.network.run(self.random.choice([0.0, 0.2, 3.0]))
            self.signal(host, other)
        elif event == 1:
            host.agent.restart(self.network.now)  # in an offer that gets lost
        elif event == 2:
            self.sockets += 1
            host.add_socket((f"10.{self.sockets}.0.{1 + self.random.randrange(2)}", 1000))
            other.know_candidates(host)
        elif event == 3 and len(host.agent.local_candidates) > 1:
            host.agent.remove_path(self.random.choice(list(host.paths.values())), self.network.now)
        else:
            self.network.profile = self.random.choice(WEATHER)
        host.send_traffic(b"\x80 media")
        self.network.run(self.random.uniform(0.0, 15.0))
        self.check_bounds()

    def check_bounds(self) -> None:
        for host in (self.alice, self.bob):
            agent = host.agent
            session = agent._session
            pairs = [pair for each in session.generations for pair in each.pairs.values()]
            assert len(session.generations) <= 3
            assert len(session.checks._pairs) == sum(pair.check is not None for pair in pairs)
            assert agent.next_timer() >= self.network.now
            carrier = agent.send_path()
            assert carrier is None or any(pair.key == carrier and pair.is_valid for pair in pairs)
            if agent.state is IceState.CONNECTED:
                assert carrier is not None

    def settle(self) -> bool:
        """Give them a good network and one more restart."""
        self.network.profile = WEATHER[0]
        self.network.run(40)
        self.alice.agent.restart(self.network.now)
        self.bob.know(self.alice)
        self.alice.know(self.bob)
        return self.network.run(
            5,
            until=lambda: (
                both_selected(self.alice, self.bob)
                and self.alice.state is self.bob.state is IceState.CONNECTED
            ),
        )


@each_case("seed", range(20))
def test_they_always_find_together_again(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(20):
        chaos.step()
    assert chaos.settle()
    chaos.bob.traffic.clear()
    chaos.alice.send_traffic(b"\x80 at last")
    chaos.network.run(1)
    assert [data for _, data in chaos.bob.traffic] == [b"\x80 at last"]
