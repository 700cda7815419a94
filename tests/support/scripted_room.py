"""A server whose part in a room is written by the test: signalling, media connection and data.

It answers the client's offers by itself, with a real peer connection over the loopback interface;
everything else is up to the test.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import trio
import trio.testing

from lktrio import proto
from lktrio.net.driver import PeerDriver
from lktrio.net.network import Network
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.proto.codec import decode, encode
from lktrio.room import Room, RoomOptions, open_room
from lktrio.rtc.capabilities import PACKET_CODECS, MediaCapabilities
from lktrio.rtc.datachannel import DataChannel, DataChannelMessage, DataChannelOpened
from lktrio.rtc.dtls import Certificate
from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent
from lktrio.rtc.transport import TransportState, TransportStateChanged
from lktrio.testing import SimulatedNetwork
from tests.support.servers import ADDRESS, LATENCY, until
from tests.support.signal_server import Visit, joined, open_signal_server

_USUAL = MediaCapabilities()
_EVERYTHING = replace(_USUAL, video_codecs=(*_USUAL.video_codecs, *PACKET_CODECS))

ME = proto.ParticipantInfo(
    sid="PA_me",
    identity="me",
    state=proto.ParticipantInfo.State.ACTIVE,
    permission=proto.ParticipantPermission(
        can_subscribe=True, can_publish=True, can_publish_data=True, can_update_metadata=True
    ),
)


def info(identity: str, sid: str = "", **values: Any) -> proto.ParticipantInfo:
    """What the server says about somebody."""
    state = values.pop("state", proto.ParticipantInfo.State.ACTIVE)
    return proto.ParticipantInfo(
        identity=identity, sid=sid or f"PA_{identity}", state=state, **values
    )


@dataclass
class Plan:
    """What the server does by itself."""

    join: dict[str, Any] = field(default_factory=dict)
    """Fields of the join response that differ from the usual ones."""
    answers: bool = True
    """Whether it answers offers."""
    media: bool = True
    """Whether its side of the media connection runs; otherwise its candidates lead nowhere."""
    data: bool = True
    """Whether it speaks through data channels; otherwise it is deaf once media can flow."""
    addresses: Sequence[str] = ("127.0.0.1",)
    """Where it can be reached."""
    edit: Callable[[str], str] = str
    """Changes the descriptions that it answers with."""


class Requests(AsyncIterator[proto.SignalRequest]):
    """Messages of one kind from the client, until it is gone.

    No generator: nobody would close it when the loop over it is left early.
    """

    def __init__(self, scripted: ScriptedRoom, member: str) -> None:
        self._scripted = scripted
        self._member = member
        self._number = 0

    async def __anext__(self) -> proto.SignalRequest:
        self._number += 1
        try:
            return await self._scripted.visit.wait_for(self._member, self._number)
        except trio.BrokenResourceError:
            raise StopAsyncIteration from None


class ScriptedRoom:
    """The server's side of one stay."""

    def __init__(self, plan: Plan, network: Network = SYSTEM_NETWORK) -> None:
        self.plan = plan
        self.visit: Visit
        self.on_offer: Callable[[proto.SessionDescription], Awaitable[None]] = self.answer
        """What to do with an offer."""
        self.data: list[tuple[str, proto.DataPacket]] = []
        """What the client sent over data channels, with the labels of these."""
        self.track_packets: list[bytes] = []
        """What it sent over the data channel for tracks."""
        self._channels: dict[str, DataChannel] = {}
        self.peer = Peer(
            PeerConfig(capabilities=_EVERYTHING),
            certificate=Certificate.generate(datetime.datetime.now(datetime.UTC)),
            random=os.urandom,
            ntp_offset=time.time() - trio.current_time(),
        )
        self.driver = PeerDriver(self.peer, self._on_event, plan.addresses, network)

    async def serve(self, visit: Visit) -> None:
        self.visit = visit
        await visit.accept()
        try:
            async with trio.open_nursery() as nursery:
                if self.plan.media:
                    nursery.start_soon(self.driver.run)
                await visit.send(joined(**({"participant": ME} | self.plan.join)))
                offer = visit.join_request.publisher_offer
                assert offer is not None
                await self.on_offer(offer)
                nursery.start_soon(self._answer_offers)
                await visit.closed.wait()
                nursery.cancel_scope.cancel()
        finally:
            self.driver.close()

    async def _answer_offers(self) -> None:
        async for request in self.requests("offer"):
            assert request.offer is not None
            await self.on_offer(request.offer)

    def requests(self, member: str) -> Requests:
        """What the client sends of a kind, until it is gone."""
        return Requests(self, member)

    async def answer(self, offer: proto.SessionDescription) -> None:
        """Answer an offer, if that is the plan."""
        if not self.plan.answers:
            return
        now = trio.current_time()
        self.peer.set_offer(offer.sdp, now)
        sdp = self.peer.create_answer(now)
        self.driver.flush()
        answer = proto.SessionDescription(type="answer", sdp=self.plan.edit(sdp), id=offer.id)
        await self.send(answer=answer)

    async def send(self, **members: Any) -> None:
        """Send one message for each member."""
        for name, value in members.items():
            await self.visit.send(proto.SignalResponse(**{name: value}))

    async def update(self, *participants: proto.ParticipantInfo) -> None:
        await self.send(update=proto.ParticipantUpdate(participants=list(participants)))

    async def accept_tracks(self) -> None:
        """Accept every track that is announced, for ever."""
        async for sent in self.requests("add_track"):
            request = sent.add_track
            assert request is not None
            track = proto.TrackInfo(
                sid=f"TR_{request.cid[:12]}",
                name=request.name,
                type=request.type,
                source=request.source,
            )
            published = proto.TrackPublishedResponse(cid=request.cid, track=track)
            await self.send(track_published=published)

    async def send_data(self, packet: proto.DataPacket | bytes, label: str = "_reliable") -> None:
        """Send a packet over a data channel, once that is open."""
        await until(lambda: label in self._channels)
        data = packet if isinstance(packet, bytes) else encode(packet)
        self._channels[label].send(data, trio.current_time())
        self.driver.flush()

    def _on_event(self, event: PeerEvent) -> None:
        if isinstance(event, TransportStateChanged) and event.state is TransportState.CONNECTED:
            if not self.plan.data:
                self.peer.receive = lambda *args: None  # type: ignore[method-assign]
        elif isinstance(event, DataChannelOpened):
            self._channels[event.channel.label] = event.channel
        elif isinstance(event, DataChannelMessage):
            if event.channel.label == "_data_track":
                self.track_packets.append(event.data)
            else:
                self.data.append((event.channel.label, decode(proto.DataPacket, event.data)))


@dataclass
class ScriptedServer:
    """A server for one session."""

    url: str
    room: ScriptedRoom
    network: Network
    """Where clients are; a host of a simulated network in virtual time."""

    def options(self, options: RoomOptions | None = None) -> RoomOptions:
        """Options for a client, which does not come back: there is one session."""
        return replace(options or RoomOptions(), network=self.network, reconnect=None)


@asynccontextmanager
async def open_scripted_server(plan: Plan | None = None) -> AsyncGenerator[ScriptedServer, None]:
    """Run a server for the time of the block, on a simulated network in virtual time."""
    plan = plan or Plan()
    host = "127.0.0.1"
    theirs: Network = SYSTEM_NETWORK
    ours: Network = SYSTEM_NETWORK
    if isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock):
        network = SimulatedNetwork(profile=LATENCY)
        host, theirs = ADDRESS, network.host("server", ADDRESS)
        ours = network.host("client", "10.0.0.2")
        plan = replace(plan, addresses=(ADDRESS,))
    scripted = ScriptedRoom(plan, theirs)
    try:
        async with open_signal_server(scripted.serve, network=theirs, host=host) as server:
            yield ScriptedServer(server.url, scripted, ours)
    finally:
        scripted.driver.close()


@asynccontextmanager
async def open_scripted_room(
    plan: Plan | None = None, options: RoomOptions | None = None
) -> AsyncGenerator[tuple[ScriptedRoom, Room], None]:
    """Run a server and join it."""
    async with (
        open_scripted_server(plan) as server,
        open_room(server.url, "token", server.options(options)) as room,
    ):
        yield server.room, room


def quick(options: RoomOptions | None = None, **seconds: Any) -> RoomOptions:
    """Options with other deadlines."""
    options = options or RoomOptions()
    return replace(options, timeouts=replace(options.timeouts, **seconds))
