"""Two SCTP associations in virtual time over a network that loses, delays and repeats packets."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from lktrio.rtc.datachannel import DataChannelEvent, DataChannels
from lktrio.rtc.sctp import SctpAssociation, SctpEvent, SctpOptions


@dataclass
class Path:
    """One direction of the network; all randomness is seeded."""

    delay: float = 0.01
    loss: float = 0.0
    reorder: float = 0.0
    duplicate: float = 0.0
    down: Callable[[float], bool] = lambda now: False
    drop: Callable[[bytes], bool] = lambda packet: False
    rate: float = 0.0
    queue: float = 0.1
    busy_until: float = 0.0
    sent: list[bytes] = field(default_factory=list)


class End:
    """One association with everything it reported."""

    def __init__(self, seed: int, options: SctpOptions | None, channels: bool | None) -> None:
        self.random = random.Random(seed)
        self.association = SctpAssociation(random=self.random.randbytes, options=options)
        self.channels = (
            None if channels is None else DataChannels(self.association, is_dtls_client=channels)
        )
        self.events: list[SctpEvent] = []
        self.channel_events: list[DataChannelEvent] = []

    def flush(self, now: float) -> list[bytes]:
        if self.channels is not None:
            self.channels.flush(now)
            self.channel_events += self.channels.events
            self.channels.events.clear()
        else:
            self.association.flush(now)
            self.events += self.association.events
            self.association.events.clear()
        out, self.association.out = self.association.out, []
        return out


class Network:
    """A client and a server end, and the virtual time between them."""

    def __init__(
        self,
        *,
        forth: Path | None = None,
        back: Path | None = None,
        seed: int = 1,
        options: SctpOptions | None = None,
        server_options: SctpOptions | None = None,
        channels: bool = False,
    ) -> None:
        self.now = 1000.0
        self.client = End(seed * 2 + 1, options, True if channels else None)
        self.server = End(seed * 2 + 2, server_options or options, False if channels else None)
        self.paths = {id(self.client): forth or Path(), id(self.server): back or Path()}
        self.random = random.Random(seed)
        self.queue: list[tuple[float, int, End, bytes]] = []
        self.count = 0
        self.on_step: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Open from both sides at once."""
        self.client.association.start(self.now)
        self.server.association.start(self.now)

    def connect(self) -> None:
        self.start()
        self.run(until=lambda: self.both_connected)

    @property
    def both_connected(self) -> bool:
        return self.client.association.connected and self.server.association.connected

    def _send(self, source: End, packets: list[bytes]) -> None:
        target = self.server if source is self.client else self.client
        path = self.paths[id(source)]
        for packet in packets:
            path.sent.append(packet)
            if path.down(self.now) or path.drop(packet) or self.random.random() < path.loss:
                continue
            arrival = self.now + path.delay
            if path.rate:
                path.busy_until = max(path.busy_until, self.now) + len(packet) / path.rate
                if path.busy_until - self.now > path.queue:
                    path.busy_until -= len(packet) / path.rate
                    continue
                arrival = path.busy_until + path.delay
            if self.random.random() < path.reorder:
                arrival += self.random.random() * path.delay
            copies = 2 if self.random.random() < path.duplicate else 1
            for _ in range(copies):
                self.count += 1
                heapq.heappush(self.queue, (arrival, self.count, target, packet))

    def flush(self) -> None:
        for end in (self.client, self.server):
            self._send(end, end.flush(self.now))

    def run(self, seconds: float = 600.0, *, until: Callable[[], bool] = lambda: False) -> None:
        """Let time pass until nothing is due, the condition holds, or time is up."""
        deadline = self.now + seconds
        self.flush()
        while not until():
            due = min(
                self.queue[0][0] if self.queue else float("inf"),
                self.client.association.next_timer(),
                self.server.association.next_timer(),
            )
            if due > deadline:
                self.now = max(self.now, deadline) if deadline != float("inf") else self.now
                return
            self.now = max(self.now, due)
            while self.queue and self.queue[0][0] <= self.now:
                _, _, target, packet = heapq.heappop(self.queue)
                target.association.receive(packet, self.now)
            for end in (self.client, self.server):
                if end.association.next_timer() <= self.now:
                    end.association.handle_timer(self.now)
            self.flush()
            self.on_step()
