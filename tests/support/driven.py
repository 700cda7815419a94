"""Driven peers: an rtc.Peer with a driver, and what happens to it."""

from __future__ import annotations

import datetime
import os
import time

import trio

from lktrio.net import Network
from lktrio.net.driver import PeerDriver
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.rtc.datachannel import DataChannel, DataChannelMessage
from lktrio.rtc.dtls import Certificate
from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent
from lktrio.rtc.streams import MediaReceived
from lktrio.rtc.transport import TransportOptions, TransportState

__all__ = ["End", "connect"]


class End:
    """A driven peer that notes what happens to it."""

    def __init__(
        self,
        addresses: list[str],
        *,
        lite: bool = False,
        network: Network = SYSTEM_NETWORK,
    ) -> None:
        self.events: list[PeerEvent] = []
        self.frames: list[bytes] = []
        self.changed = trio.Event()
        self.peer = Peer(
            PeerConfig(transport=TransportOptions(ice_lite=lite)),
            certificate=Certificate.generate(datetime.datetime.now(datetime.UTC)),
            random=os.urandom,
            ntp_offset=time.time() - trio.current_time(),
        )
        self.driver = PeerDriver(self.peer, self.on_event, addresses, network)

    def on_event(self, event: PeerEvent) -> None:
        self.events.append(event)
        if isinstance(event, MediaReceived):
            frames, event.stream.frames = event.stream.frames, []
            self.frames += [frame.data for frame in frames]
        self.changed.set()
        self.changed = trio.Event()

    @property
    def messages(self) -> list[bytes]:
        return [event.data for event in self.events if isinstance(event, DataChannelMessage)]

    async def until_connected(self) -> None:
        while self.peer.state is not TransportState.CONNECTED:
            await self.changed.wait()


async def connect(first: End, second: End, channel: DataChannel) -> None:
    now = trio.current_time()
    second.peer.set_offer(first.peer.create_offer(now), now)
    first.peer.set_answer(second.peer.create_answer(now), now)
    first.driver.flush()
    second.driver.flush()
    with trio.fail_after(10):
        await first.until_connected()
        await second.until_connected()
        while channel.state != "open":
            await first.changed.wait()
