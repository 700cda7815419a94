"""A client with media: signalling as in `client`, and peer connections of the sans-IO core.

It answers what a client has to answer, and publishes and subscribes when it is told to. What it
receives is kept in lists.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

import trio

from lktrio import proto
from lktrio.net.driver import PeerDriver
from lktrio.net.network import Network
from lktrio.proto import codec
from lktrio.rtc.capabilities import CodecCapability, MediaCapabilities
from lktrio.rtc.datachannel import DataChannel, DataChannelMessage, DataChannelOpened
from lktrio.rtc.dtls import Certificate
from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent
from lktrio.rtc.rtp.extensions import AudioLevel
from lktrio.rtc.rtp.inbound import ReceivedFrame
from lktrio.rtc.streams import KeyframeRequested, MediaReceived
from lktrio.rtc.transceiver import Transceiver
from lktrio.rtc.transport import TransportState, TransportStateChanged
from tests.support.signal_client import (
    V0,
    Joinable,
    SignalClient,
    join_request,
    open_client,
)

Mode = Literal["v1", "v0"]
SECTIONS = 2  # of each kind, to receive in
OPUS_FRAME = bytes((0xF8, 0xFF, 0xFE))
KEYFRAME = bytes((0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xF0, 0x00)) + bytes(50)
DELTA = bytes((0x31, 0x02, 0x00)) + bytes(50)


class Published:
    """A track that it publishes."""

    def __init__(self, caller: Caller, transceiver: Transceiver, mime: str) -> None:
        self.caller = caller
        self.transceiver = transceiver
        self.mime = mime
        self.sid = ""
        self.keyframes_asked = 0
        self._sent = 0

    def send(self, data: bytes, *, level: int | None = None) -> None:
        """Send one frame."""
        peer = self.caller.publisher
        stream = peer.outbound(self.transceiver, self.mime)
        step = 960 if self.mime.startswith("audio") else 3000
        self._sent += 1
        loudness = None if level is None else AudioLevel(level, True)
        now = trio.current_time()
        peer.send(stream.send_frame(data, self._sent * step, now, level=loudness))
        self.caller.drivers[peer].flush()


class Caller:
    """A participant.

    Attributes:
        frames: Received frames by the sid of their track.
        packets: Received data packets.
        events: What happened on the peer connections.
    """

    def __init__(
        self,
        mode: Mode,
        video_codecs: tuple[CodecCapability, ...] | None = None,
    ) -> None:
        self.mode: Mode = mode
        self._video_codecs = video_codecs
        self.client: SignalClient
        self.join: proto.JoinResponse
        self.publisher = self._peer()
        self.subscriber = self.publisher if mode == "v1" else self._peer()
        self.drivers: dict[Peer, PeerDriver] = {}
        self.frames: dict[str, list[ReceivedFrame]] = {}
        self.packets: list[proto.DataPacket] = []
        self.other_messages: list[tuple[str, bytes]] = []
        self.published: list[Published] = []
        self.mids: dict[str, str] = {}
        self.connected = trio.Event()
        self.answering = True
        self._channels: dict[tuple[Peer, str], DataChannel] = {}
        self._answered = trio.Event()
        self._lock = trio.Lock()
        self._changed = trio.lowlevel.ParkingLot()
        self._sequence = 0

    def _peer(self) -> Peer:
        config = PeerConfig()
        if self._video_codecs is not None:
            config = PeerConfig(capabilities=MediaCapabilities(video_codecs=self._video_codecs))
        return Peer(
            config,
            certificate=Certificate.generate(datetime.now(UTC)),
            random=os.urandom,
            ntp_offset=time.time() - trio.current_time(),
        )

    def prepare(self, network: Network) -> str:
        """The target of the request to join."""
        for peer in {self.publisher, self.subscriber}:
            self.drivers[peer] = PeerDriver(
                peer, partial(self._on_event, peer), ["127.0.0.1"], network
            )
        for label, options in CHANNELS.items():
            self._channel(label, **options)
        if self.mode == "v0":
            return V0
        for kind in ("audio", "video"):
            for _ in range(SECTIONS):
                self.publisher.add_transceiver(kind, "recvonly")
        sdp = self.publisher.create_offer(trio.current_time())
        offer = proto.SessionDescription(type="offer", sdp=sdp, id=1)
        settings = proto.ConnectionSettings(auto_subscribe=True)
        request = join_request(publisher_offer=offer, connection_settings=settings)
        return f"/rtc/v1?join_request={request}"

    def _channel(self, label: str, **options: Any) -> None:
        self.publisher.create_data_channel(label, **options)

    async def run(self) -> None:
        """Answer what a client has to answer."""
        seen = 0
        while True:
            while seen < len(self.client.received):
                message = self.client.received[seen]
                seen += 1
                await self._handle(message)
            self._changed.unpark_all()
            if self.client.closed.is_set():
                return
            await self.client.wait_for_more(seen)

    async def _handle(self, message: proto.SignalResponse) -> None:
        now = trio.current_time()
        if message.answer is not None:
            self.mids.update(message.answer.mid_to_track_id)
            self.publisher.set_answer(message.answer.sdp, now)
            self.drivers[self.publisher].flush()
            self._answered.set()
        elif message.offer is not None and self.answering:
            self.mids = dict(message.offer.mid_to_track_id)
            self.subscriber.set_offer(message.offer.sdp, now)
            sdp = self.subscriber.create_answer(now)
            self.drivers[self.subscriber].flush()
            answer = proto.SessionDescription(type="answer", sdp=sdp, id=message.offer.id)
            await self.client.send(answer=answer)
        elif message.media_sections_requirement is not None:
            wanted = message.media_sections_requirement
            for kind, count in (("audio", wanted.num_audios), ("video", wanted.num_videos)):
                for _ in range(count):
                    self.publisher.add_transceiver(
                        "audio" if kind == "audio" else "video", "recvonly"
                    )
            await self.offer(wait=False)

    async def offer(self, *, wait: bool = True) -> None:
        """Describe what it sends and wants."""
        if self.mode == "v1":
            await self.wait(lambda: self.publisher.remote_description is not None)
        self._answered = trio.Event()
        self.publisher.cancel_offer()
        sdp = self.publisher.create_offer(trio.current_time())
        await self.client.send(offer=proto.SessionDescription(type="offer", sdp=sdp, id=2))
        if wait:
            await self._answered.wait()

    def deafen(self) -> None:
        """Take no part in the peer connections any more, without a word."""
        for driver in self.drivers.values():
            driver.peer = self._peer()

    def _on_event(self, peer: Peer, event: PeerEvent) -> None:
        match event:
            case TransportStateChanged(TransportState.CONNECTED):
                if peer is self.subscriber:
                    self.connected.set()
            case DataChannelOpened(channel):
                self._channels[peer, channel.label] = channel
            case DataChannelMessage(channel, data):
                if channel.label == "_data_track":
                    self.other_messages.append((channel.label, data))
                else:
                    self.packets.append(codec.decode(proto.DataPacket, data))
            case MediaReceived(transceiver, stream):
                frames, stream.frames = stream.frames, []
                sid = self.mids.get(transceiver.mid or "", "")
                self.frames.setdefault(sid, []).extend(frames)
            case KeyframeRequested(transceiver):
                for track in self.published:
                    track.keyframes_asked += track.transceiver is transceiver
            case _:
                pass
        self._changed.unpark_all()

    @property
    def sid(self) -> str:
        """Its identifier."""
        assert self.join.participant is not None
        return self.join.participant.sid

    async def wait(self, condition: Callable[[], Any]) -> None:
        """Wait until something is true."""
        while not condition():
            await self._changed.park()

    async def publish(self, mime: str, cid: str = "cid", **fields: Any) -> Published:
        """Publish a track."""
        video = mime.startswith("video")
        kind = proto.TrackType.VIDEO if video else proto.TrackType.AUDIO
        await self.client.send(add_track=proto.AddTrackRequest(cid=cid, type=kind, **fields))
        answer = await self.client.wait_for("track_published", lambda told: told.cid == cid)
        transceiver = self.publisher.add_transceiver("video" if video else "audio", "sendonly")
        self.publisher.set_local_track(transceiver, "stream", cid)
        track = Published(self, transceiver, mime)
        track.sid = answer.track.sid
        self.published.append(track)
        await self.offer()
        await self.wait(lambda: self.publisher.state is TransportState.CONNECTED)
        return track

    async def unpublish(self, track: Published) -> None:
        """Stop sending a track."""
        self.publisher.clear_local_track(track.transceiver)
        self.drivers[self.publisher].flush()
        await self.offer()

    async def send_data(
        self, packet: proto.DataPacket, label: str = "_reliable", sequence: int | None = None
    ) -> None:
        """Send a data packet; reliable ones are numbered."""
        if label == "_reliable":
            self._sequence = self._sequence + 1 if sequence is None else sequence
            packet.sequence = self._sequence
        await self.send_message(codec.encode(packet), label)

    async def send_message(self, data: bytes, label: str) -> None:
        """Send a message on a channel, once it is open."""
        if self.mode == "v0" and self.publisher.local_description is None:
            await self.offer()
        key = (self.publisher, label)
        await self.wait(lambda: key in self._channels)
        self._channels[key].send(data, trio.current_time())
        self.drivers[self.publisher].flush()


CHANNELS: dict[str, dict[str, Any]] = {
    "_reliable": {},
    "_lossy": {"ordered": False, "max_retransmits": 0},
    "_data_track": {"ordered": False, "max_retransmits": 0},
}


@asynccontextmanager
async def open_caller(
    server: Joinable,
    identity: str,
    mode: Mode = "v1",
    room: str = "room",
    *,
    target: str | None = None,
    video_codecs: tuple[CodecCapability, ...] | None = None,
    **grants: Any,
) -> AsyncGenerator[Caller, None]:
    """Join with media for the time of the block."""
    caller = Caller(mode, video_codecs)
    wanted = caller.prepare(server.network)
    token = server.token(identity, room, **grants)
    async with (
        open_client(server, token, target or wanted) as caller.client,
        trio.open_nursery() as nursery,
    ):
        for driver in caller.drivers.values():
            nursery.start_soon(driver.run)
        caller.join = await caller.client.wait_for("join")
        nursery.start_soon(caller.run)
        try:
            yield caller
        finally:
            nursery.cancel_scope.cancel()
