"""Traffic leaves neither reference cycles nor growing memory behind."""

from __future__ import annotations

import gc
import tracemalloc

from lktrio.rtc.sctp import SctpMessage
from tests.rtc.sctp.network import Network, Path


def talk(network: Network, rounds: int) -> None:
    """Every kind of message both ways, each round delivered or given up at its end."""
    for n in range(rounds):
        for end in (network.client, network.server):
            end.association.send(0, 53, bytes(5000), now=network.now)
            end.association.send(1, 53, bytes(300), ordered=False, now=network.now)
            end.association.send(2, 53, bytes(300), max_retransmits=0, now=network.now)
            if n % 8 == 0:
                end.association.reset_stream(1, network.now)
        network.run(5)
        for end in (network.client, network.server):
            end.events.clear()
        for path in network.paths.values():
            path.sent.clear()


def test_no_reference_cycles_are_made_per_packet() -> None:
    network = Network(forth=Path(loss=0.05), back=Path(loss=0.05))
    network.connect()
    talk(network, 5)
    gc.collect()
    gc.disable()
    try:
        talk(network, 30)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_memory_does_not_grow() -> None:
    network = Network(forth=Path(loss=0.05), back=Path(loss=0.05))
    network.connect()
    talk(network, 60)
    gc.collect()
    tracemalloc.start()
    try:
        talk(network, 20)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        talk(network, 200)
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after - before < 20_000


def test_an_ended_association_holds_no_data() -> None:
    network = Network()
    network.connect()
    network.paths[id(network.server)].loss = 1.0
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(50):
            network.client.association.send(0, 53, bytes(60_000), now=network.now)
        network.run(1)
        assert tracemalloc.get_traced_memory()[0] > 2_500_000
        network.client.association.abort(network.now)
        network.run(1)
        for path in network.paths.values():
            path.sent.clear()
        network.server.events.clear()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()
    assert not any(isinstance(event, SctpMessage) for event in network.client.events)
