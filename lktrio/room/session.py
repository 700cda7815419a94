"""One stay in a room: the tasks and the state behind ``Room``.

Theory of operation: ``serve_room`` joins, then serves signalling and peer connections until the
stay ends. What the server says is turned into state and events by one reader task, and what the
peer connections report by their drivers, always synchronously: the state has changed before the
event is out, and nothing awaits in between.

The stay ends once, for one reason: we leave, the server sends us away, or the connection is lost.
Ends that come from the network are no errors of the body: events and channels end, calls raise
``RoomClosed``. While joining they are errors of the join.

A server that sends us away also closes the peer connections, and that may be seen first. So a peer
connection that was closed ends the stay only when the signalling had a moment to tell why.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import trio

from lktrio import proto
from lktrio.errors import (
    ConnectError,
    ConnectTimeout,
    DtlsFailed,
    IceFailed,
    JoinRejected,
    LiveKitError,
    NotPermitted,
    RoomClosed,
    ServerUnreachable,
)
from lktrio.net.gathering import gather_reflexive
from lktrio.room.broadcast import Broadcast
from lktrio.room.connections import LOSSY, RELIABLE, UDP_BLOCKED, Connection, Negotiation
from lktrio.room.context import RoomContext, current_room
from lktrio.room.data import DataInbox, DataSender, DataStats, pack, user_packet
from lktrio.room.events import Disconnected, RoomEvent
from lktrio.room.joining import Link, open_link
from lktrio.room.local_participant import LocalParticipant
from lktrio.room.messages import ServerMessages
from lktrio.room.options import RoomOptions
from lktrio.room.participant import Participant
from lktrio.room.publication import RemoteTrackPublication
from lktrio.room.publishing import Publisher
from lktrio.room.roster import Roster, reason_name
from lktrio.room.subscribing import Subscriptions
from lktrio.rtc.datachannel import (
    DataChannelBufferedAmountLow,
    DataChannelClosed,
    DataChannelMessage,
    DataChannelOpened,
)
from lktrio.rtc.peer import PeerEvent
from lktrio.rtc.rtp.extensions import AudioLevel
from lktrio.rtc.rtp.inbound import InboundStream
from lktrio.rtc.rtp.outbound import OutboundStream
from lktrio.rtc.streams import KeyframeRequested, MediaReceived, StreamBound
from lktrio.rtc.transport import LocalCandidateFound, TransportState, TransportStateChanged
from lktrio.signal import trickle_request

__all__ = ["RoomSession", "serve_room"]

_log = logging.getLogger("lktrio.room")

_TIME_TO_TELL = 1.0  # seconds for the signalling to say why the peer connections were closed


async def serve_room(
    url: str,
    token: str,
    options: RoomOptions,
    *,
    task_status: trio.TaskStatus[RoomSession] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Join a room, report the session once media can flow, and serve it until the stay has ended.

    Cancelled, it says goodbye within ``Timeouts.signal.goodbye``.

    Raises:
        ConnectError: Joining failed; only before the session was reported.
        RemoteProtocolError: The server's part of the join makes no sense; only before as well.
    """
    async with open_link(url, token, options) as link:
        session = RoomSession(link, options)
        current_room.set(RoomContext(session.info.name, session.local.identity))
        await session.serve(lambda: task_status.started(session))


class RoomSession:
    """One stay in a room.

    Args:
        link: What connects us with the server.
        options: Wishes and deadlines.

    Attributes:
        info: LiveKit's message about the room, as it last was.
        local: Ourselves.
        roster: The others.
        events: Where events go.
        end_reason: Why the stay has ended, or None.
        link: What connects us with the server.
        negotiation: Offers on the outgoing connection.
        publisher: Our tracks.
        subscriptions: The tracks that we receive.
        data_stats: Counters of data packets.
    """

    def __init__(self, link: Link, options: RoomOptions) -> None:
        self.options = options
        self.link = link
        self.info = link.join.room or proto.Room()
        self.events: Broadcast[RoomEvent] = Broadcast()
        self.end_reason: str | None = None
        self.local = LocalParticipant(self, link.join.participant or proto.ParticipantInfo())
        self.roster = Roster(self, self.events.publish, self._lost_publication)
        self.subscriptions = Subscriptions(self.roster, self.events.publish, self._request_keyframe)
        self.negotiation = Negotiation(
            link.outgoing,
            self._send_offer,
            options.timeouts.negotiation,
            first_offer_is_out=link.incoming is None,
        )
        self.publisher = Publisher(self, link.outgoing, self.negotiation)
        self.data_stats = DataStats()
        self._sender = DataSender(
            link.outgoing, self.check_open, options.timeouts.data_channel, self.data_stats
        )
        self._inbox = DataInbox(self.roster, self.events.publish, self.data_stats)
        self._messages = ServerMessages(self)
        self._failure: LiveKitError | None = None
        self._media_closed = trio.Event()
        self._handed_over = trio.Event()
        self._ended = trio.Event()
        self._closed_errors: weakref.WeakSet[RoomClosed] = weakref.WeakSet()
        for connection in link.connections:
            connection.handle_event = self._on_peer_event
        for info in link.join.other_participants:
            self.roster.update(info)

    # Life

    async def serve(self, joined: Callable[[], None]) -> None:
        """Do the work of `serve_room` once there is a link; ``joined`` is called when joined."""
        async with trio.open_nursery() as nursery:
            try:
                self._start_tasks(nursery)
                if await self._wait_primary():
                    joined()
                    await self._handed_over.wait()
                    self.subscriptions.release()
                    self._inbox.release()
                    await self._ended.wait()
            finally:
                self.end("client_initiated")
                nursery.cancel_scope.cancel()
        if self._failure is not None and not self._handed_over.is_set():
            raise self._failure

    def hand_over(self) -> None:
        """The program has the room.

        What was held back becomes known with the program's next checkpoint, so that it can
        subscribe to events before.
        """
        self._handed_over.set()

    def _start_tasks(self, nursery: trio.Nursery) -> None:
        for connection in self.link.connections:
            name = f"lktrio.room {connection.target.name}"
            nursery.start_soon(connection.driver.run, name=name)
            nursery.start_soon(self._gather, connection, name=f"{name} gathering")
        nursery.start_soon(self._read_signal, name="lktrio.room signal")
        nursery.start_soon(self._negotiate, name="lktrio.room negotiation")
        nursery.start_soon(self._watch_media, name="lktrio.room media")
        permissions = self.local.permissions
        sends = permissions.can_publish or permissions.can_publish_data
        if not self.negotiation.used and (sends or self.link.primary is self.link.outgoing):
            self.negotiation.request()

    async def _wait_primary(self) -> bool:
        """Wait for the connection without which nothing works; returns whether it is up."""
        seconds = self.options.timeouts.transport
        with trio.move_on_after(seconds) as scope:
            await self.wait_connected(self.link.primary)
        if scope.cancelled_caught:
            message = f"no encrypted path to the server within {seconds:g} s: {UDP_BLOCKED}"
            self.fail("media_failure", ConnectTimeout(message))
        return self.end_reason is None

    async def wait_connected(self, connection: Connection) -> None:
        """Wait until a connection is up for the first time, or the stay has ended."""
        await connection.connected.wait()

    def fail(self, reason: str, error: LiveKitError) -> None:
        """End the stay because of an error, which is the one of the join if that is not over."""
        if self.end_reason is None:
            self._failure = error
            _log.info("the stay in %s ends: %s", self.info.name, error)
            self.end(reason)

    def end(self, reason: str) -> None:
        """End the stay, once. Channels end, and calls raise ``RoomClosed``."""
        if self.end_reason is not None:
            return
        self.end_reason = reason
        self.roster.end_media()
        self.publisher.end()
        self.events.publish(Disconnected(reason))
        self.events.end()
        self._sender.changed()
        for connection in self.link.connections:
            connection.connected.set()  # nobody needs to wait for it any more
        self._ended.set()

    async def wait_ended(self) -> str:
        """Wait until the stay has ended and return why."""
        await self._ended.wait()
        assert self.end_reason is not None  # set before the event
        return self.end_reason

    def check_open(self) -> None:
        """Raise ``RoomClosed`` if the stay has ended."""
        if self.end_reason is not None:
            error = RoomClosed(f"the room is closed ({self.end_reason})", reason=self.end_reason)
            self._closed_errors.add(error)
            raise error

    def raised(self, error: BaseException) -> bool:
        """Whether this is a ``RoomClosed`` of this stay."""
        return isinstance(error, RoomClosed) and error in self._closed_errors

    # Signalling

    async def _read_signal(self) -> None:
        messages = self._messages
        try:
            async for response in self.link.signal.responses:
                messages.handle(response)
                replies, messages.replies = messages.replies, []
                for reply in replies:
                    await self.send_request(reply)
            self.signal_ended()
        except RoomClosed:
            await trio.lowlevel.checkpoint()

    def signal_ended(self) -> None:
        """The signalling is gone or says goodbye, and with it the stay ends."""
        signal = self.link.signal
        leave = signal.server_leave
        if leave is not None:
            reason = reason_name(leave.reason)
            self.fail(reason, JoinRejected(f"the server sent us away ({reason})"))
        else:
            message = f"the connection to the server was lost ({signal.close_reason})"
            self.fail("signal_close", ServerUnreachable(message))

    @contextmanager
    def _signal_errors(self) -> Generator[None]:
        """Turn the end of the signalling into the end of the stay, and that into ``RoomClosed``."""
        self.check_open()
        try:
            yield
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.signal_ended()
            self.check_open()

    async def send_request(self, request: proto.SignalRequest) -> None:
        """Hand a request to the signalling.

        Raises:
            RoomClosed: The stay has ended.
        """
        with self._signal_errors():
            await self.link.signal.send(request)

    async def add_track(self, request: proto.AddTrackRequest) -> proto.TrackInfo:
        """Announce a track; see ``SignalConnection.add_track``.

        Raises:
            PublishError: The server refused it or did not answer.
            RoomClosed: The stay has ended.
        """
        with self._signal_errors():
            return await self.link.signal.add_track(request)
        raise AssertionError("the block above returns or raises")

    async def update_metadata(
        self, *, name: str = "", metadata: str = "", attributes: Mapping[str, str] | None = None
    ) -> None:
        """Change what others see of us; see ``LocalParticipant.set_name``."""
        with self._signal_errors():
            await self.link.signal.update_metadata(
                name=name, metadata=metadata, attributes=attributes
            )

    async def _send_offer(self, offer: proto.SessionDescription) -> None:
        await self.send_request(proto.SignalRequest(offer=offer))

    async def _negotiate(self) -> None:
        try:
            await self.negotiation.run()
        except ConnectTimeout as error:
            self.fail("state_mismatch", error)
        except RoomClosed:
            pass  # whoever ended the stay has said so
        await trio.lowlevel.checkpoint()

    @property
    def active_speakers(self) -> tuple[Participant[Any], ...]:
        """Everybody who speaks, the loudest first."""
        everybody: list[Participant[Any]] = [self.local, *self.roster.view.values()]
        speaking = [participant for participant in everybody if participant.is_speaking]
        return tuple(sorted(speaking, key=lambda one: one.audio_level, reverse=True))

    # Peer connections

    def _on_peer_event(self, connection: Connection, event: PeerEvent) -> None:
        match event:
            case MediaReceived(transceiver, stream):
                self.subscriptions.deliver(transceiver, stream)
            case DataChannelMessage(channel, data):
                self._on_data(channel.label, data)
            case StreamBound(transceiver, stream):
                self.subscriptions.attach(transceiver, stream)
            case KeyframeRequested(transceiver):
                self.publisher.keyframe_requested(transceiver)
            case DataChannelBufferedAmountLow():
                self._sender.low_water()
            case DataChannelOpened():
                self._sender.changed()
            case DataChannelClosed(channel):
                self._on_channel_closed(connection, channel.label)
            case TransportStateChanged():
                self._on_transport(connection, event)
            case LocalCandidateFound(candidate):
                self._trickle(connection, candidate)
            case _:
                pass  # nothing that a room needs to know

    def _on_transport(self, connection: Connection, event: TransportStateChanged) -> None:
        _log.debug("%s connection is %s", connection.target.name, event.state.value)
        if event.state is TransportState.FAILED:
            self.fail("media_failure", _transport_error(event))
        elif event.state is TransportState.CLOSED:
            self._media_closed.set()

    def _on_channel_closed(self, connection: Connection, label: str) -> None:
        if connection is self.link.outgoing and label in (RELIABLE, LOSSY):
            self._media_closed.set()

    async def _watch_media(self) -> None:
        await self._media_closed.wait()
        await trio.sleep(_TIME_TO_TELL)
        self.fail("media_failure", IceFailed("the server closed the connection for media"))

    async def _gather(self, connection: Connection) -> None:
        """Look for public addresses, unless the server is on this machine."""
        if not self.link.local:
            urls = [url for server in self.link.join.ice_servers for url in server.urls]
            await gather_reflexive(connection.driver, urls, self.options.network)
        await trio.lowlevel.checkpoint()

    def _trickle(self, connection: Connection, candidate: str) -> None:
        mid = next((t.mid for t in connection.peer.transceivers if t.mid is not None), "0")
        request = trickle_request(candidate, mid=mid, target=connection.target)
        try:
            self.link.signal.send_nowait(request)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.WouldBlock) as error:
            _log.debug("a candidate was not sent: %r", error)

    def _request_keyframe(self, connection: Connection, stream: InboundStream) -> None:
        connection.peer.request_keyframe(stream, trio.current_time())
        connection.driver.flush()

    def _lost_publication(self, publication: RemoteTrackPublication) -> None:
        self.subscriptions.lost(publication)

    def send_frame(
        self, stream: OutboundStream, data: bytes, timestamp: int, level: AudioLevel | None
    ) -> None:
        """Send one encoded frame; never waits."""
        outgoing = self.link.outgoing
        now = trio.current_time()
        outgoing.peer.send(stream.send_frame(data, timestamp, now, level=level))
        outgoing.driver.flush()

    def send_preamble(self, stream: OutboundStream) -> None:
        """Let the server know of a stream before its first frame; never waits."""
        outgoing = self.link.outgoing
        outgoing.peer.send(stream.send_preamble(trio.current_time()))
        outgoing.driver.flush()

    # Data

    async def publish_data(
        self, data: bytes, *, topic: str, reliable: bool, destinations: list[str]
    ) -> None:
        """Send user data; see ``LocalParticipant.publish_data``."""
        self.check_open()
        if not self.local.permissions.can_publish_data:
            raise NotPermitted("the token does not allow this participant to publish data")
        packet = user_packet(data, topic=topic, reliable=reliable, destinations=destinations)
        packed = pack(packet)
        if not self.negotiation.used:
            self.negotiation.request()
        await self._sender.send(packed, reliable=reliable)

    def _on_data(self, label: str, message: bytes) -> None:
        if label in (RELIABLE, LOSSY):
            self._inbox.receive(message, reliable=label == RELIABLE, now=trio.current_time())


def _transport_error(failure: TransportStateChanged) -> ConnectError:
    if failure.cause == "dtls":
        return DtlsFailed(f"the media path could not be secured: {failure.reason}")
    return IceFailed(f"{failure.reason}: {UDP_BLOCKED}")
