"""Our end of a peer connection on the loopback interface, with what has happened to it."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from lktrio.media import Codec, EncodedFrame, open_reader, samples
from lktrio.net.driver import PeerDriver
from lktrio.rtc.base import Address
from lktrio.rtc.datachannel import DataChannel, DataChannelMessage, DataChannelOpened
from lktrio.rtc.dtls import Certificate
from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent
from lktrio.rtc.rtp.inbound import ReceivedFrame
from lktrio.rtc.streams import KeyframeRequested, MediaReceived
from lktrio.rtc.transceiver import Transceiver
from lktrio.rtc.transport import TransportState

__all__ = ["Host", "open_host", "sample_frames"]

E = TypeVar("E")
LOOPBACK = "127.0.0.1"


class LossyPeer(Peer):
    """A peer whose incoming datagrams pass a filter."""

    accepts: Callable[[bytes], bool] | None = None

    def receive(self, batch: Sequence[tuple[bytes, Address]], path: int, now: float) -> None:
        if self.accepts is not None:
            batch = [item for item in batch if self.accepts(item[0])]
        super().receive(batch, path, now)


class Host:
    """A peer with its driver, its events and its frames."""

    def __init__(self, config: PeerConfig) -> None:
        self.peer = LossyPeer(
            config,
            certificate=Certificate.generate(datetime.datetime.now(datetime.UTC)),
            random=os.urandom,
            ntp_offset=time.time() - trio.current_time(),
        )
        self.driver = PeerDriver(self.peer, self._on_event, [LOOPBACK])
        self.events: list[PeerEvent] = []
        self.frames: dict[Transceiver, list[ReceivedFrame]] = {}
        self._changed = trio.lowlevel.ParkingLot()

    def _on_event(self, event: PeerEvent) -> None:
        self.events.append(event)
        if isinstance(event, MediaReceived):
            frames, event.stream.frames = event.stream.frames, []
            self.frames.setdefault(event.transceiver, []).extend(frames)
        self._changed.unpark_all()

    async def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something has become true."""
        while not condition():
            try:
                await self._changed.park()
            except trio.Cancelled:
                print("our state:", self.peer.state, self.events[-20:])
                raise

    def seen(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def wait_connected(self) -> None:
        await self.wait(lambda: self.peer.state is TransportState.CONNECTED)

    async def wait_channel(self, label: str) -> DataChannel:
        """The open channel of a label."""
        await self.wait(lambda: bool(self._opened(label)))
        return self._opened(label)[0]

    def _opened(self, label: str) -> list[DataChannel]:
        channels = (event.channel for event in self.seen(DataChannelOpened))
        return [channel for channel in channels if channel.label == label]

    def messages(self, label: str) -> list[DataChannelMessage]:
        return [event for event in self.seen(DataChannelMessage) if event.channel.label == label]

    def keyframe_requests(self, transceiver: Transceiver) -> int:
        requests = self.seen(KeyframeRequested)
        return sum(request.transceiver is transceiver for request in requests)

    async def play(
        self,
        transceiver: Transceiver,
        codec: Codec,
        frames: Sequence[EncodedFrame],
        keep: Callable[[int], bool] | None = None,
    ) -> None:
        """Send frames at their times.

        Args:
            transceiver: Where.
            codec: What they are.
            frames: The frames.
            keep: Tells by its number whether a datagram is not lost.
        """
        stream = self.peer.outbound(transceiver, codec.mime)
        start, number = trio.current_time(), 0
        for frame in frames:
            await trio.sleep_until(start + frame.timestamp)
            timestamp = round(frame.timestamp * codec.clock_rate)
            datagrams = stream.send_frame(frame.data, timestamp, trio.current_time())
            for datagram in datagrams:
                if keep is None or keep(number):
                    self.peer.send([datagram])
                number += 1
            self.driver.flush()


@asynccontextmanager
async def open_host(config: PeerConfig | None = None) -> AsyncGenerator[Host, None]:
    """A peer whose sockets are open for the time of the block."""
    async with trio.open_nursery() as nursery:
        host = Host(config or PeerConfig())
        await nursery.start(host.driver.run)
        yield host
        nursery.cancel_scope.cancel()


async def sample_frames(kind: str) -> tuple[Codec, list[EncodedFrame]]:
    """The frames of a sample file."""
    async with open_reader(samples.VIDEO if kind == "video" else samples.AUDIO) as reader:
        return reader.codec, [frame async for frame in reader]
