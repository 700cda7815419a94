"""One session in a room: the parts put together, and their life.

Theory of operation: ``serve_room`` joins, then serves signalling and peer connections until the
room has ended. What the server says goes through `RoomState.apply`, what the peer connections
report through the parts that are responsible; always synchronously: the state has changed before
the event is out, and nothing awaits in between.

The room ends once, for one reason: the program leaves, the server sends us away, or the connection
is lost. Ends that come from the network are no errors of the program's body: events and channels
end, calls raise ``RoomClosed``. While joining they are errors of the join.

A room is left in one place, at the end of ``serve_room``, whatever ended it: the state is told,
then `ServerLink.leave` has `Timeouts.leave` to do its work, shielded from cancellation. The tasks
live until then: LiveKit's server takes a peer connection that closes for a failure, and may then
wait for us to come back in place of reading that we leave.

A server that sends us away also closes the peer connections, and that may be seen first. So a peer
connection that was closed ends the room only when the signalling had a moment to tell why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

import trio

from lktrio import proto
from lktrio._scope import open_service_nursery
from lktrio._text import printable
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
from lktrio.room.channels.events import Broadcast
from lktrio.room.context import RoomContext, current_room
from lktrio.room.options import RoomOptions
from lktrio.room.session.data import PacketSender, pack, user_packet
from lktrio.room.session.descriptions import Descriptions
from lktrio.room.session.life import RoomLife
from lktrio.room.session.link import ServerLink, open_link
from lktrio.room.session.negotiation import OfferExchange
from lktrio.room.session.peer_connection import LOSSY, RELIABLE, UDP_BLOCKED, PeerConnection
from lktrio.room.session.publishing import Publisher, TrackDescription
from lktrio.room.session.requests import SignalRequests
from lktrio.room.session.sending import OutgoingTrack
from lktrio.room.session.subscribing import Subscriptions
from lktrio.room.state.enums import DisconnectReason, TrackKind
from lktrio.room.state.events import RoomEvent
from lktrio.room.state.local import LocalTrackPublication
from lktrio.room.state.participant import Participant
from lktrio.room.state.remote import RemoteTrackRecord
from lktrio.room.state.room_state import LocalRecord, RoomState
from lktrio.room.state.rules import EVENT_RULES
from lktrio.rtc.datachannel import (
    DataChannelBufferedAmountLow,
    DataChannelClosed,
    DataChannelMessage,
    DataChannelOpened,
)
from lktrio.rtc.peer import PeerEvent
from lktrio.rtc.streams import KeyframeRequested, MediaReceived, StreamBound
from lktrio.rtc.transport import LocalCandidateFound, TransportState, TransportStateChanged
from lktrio.signal import trickle_request

__all__ = ["MakeLocal", "RoomSession", "serve_room"]

_log = logging.getLogger("lktrio.room")

_TIME_TO_TELL = 1.0  # seconds for the signalling to say why the peer connections were closed

MakeLocal: TypeAlias = "Callable[[LocalRecord, RoomSession], Participant[LocalTrackPublication]]"
"""Makes the local participant that programs hold."""


async def serve_room(
    url: str,
    token: str,
    options: RoomOptions,
    make_local: MakeLocal,
    *,
    task_status: trio.TaskStatus[RoomSession] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Join a room, report the session once media can flow, and serve it until it has ended.

    Cancelled, it leaves within `Timeouts.leave`.

    Raises:
        ConnectError: Joining failed; only before the session was reported.
        RemoteProtocolError: The server's part of the join makes no sense; only before as well.
    """
    async with open_link(url, token, options) as link:
        session = RoomSession(link, options, make_local)
        current_room.set(RoomContext(session.state.info.name, session.state.local.identity))
        async with open_service_nursery() as services:
            try:
                session.start(services)
                await session.wait_joined()
                task_status.started(session)
                await session.life.wait_ended()
            finally:
                await session.leave_link()  # noqa: ASYNC102 - has its own shield


class RoomSession:
    """One session in a room.

    Args:
        link: What connects us with the server.
        options: Preferences and deadlines.
        make_local: Makes the local participant.

    Attributes:
        state: What is known of the room.
        events: Where events go.
        life: The end of the room.
        link: What connects us with the server.
        requests: What is asked of the server.
    """

    def __init__(self, link: ServerLink, options: RoomOptions, make_local: MakeLocal) -> None:
        self.link = link
        self.life = RoomLife()
        self.events: Broadcast[RoomEvent] = Broadcast(EVENT_RULES)
        self.requests = SignalRequests(link.signal, self.life, self.events, self._signal_ended)
        self.state = RoomState(link.join, self.requests, lambda record: make_local(record, self))
        self._options = options
        self._leave_reason = DisconnectReason.CLIENT_INITIATED
        self._negotiation = OfferExchange(
            link.outgoing,
            self.requests.send_offer,
            options.timeouts.negotiation,
            first_offer_is_out=link.incoming is None,
        )
        self._subscriptions = Subscriptions(self.state.roster, self._tell, self._on_first_reader)
        self._publisher = Publisher(
            self.state.local_tracks,
            self.requests,
            link.outgoing,
            self._negotiation,
            self.life,
            options,
            self._tell,
        )
        self._packets = PacketSender(
            link.outgoing, self.life, options.timeouts.data_channel, self.state.data_stats
        )
        self._descriptions = Descriptions(
            link, self._negotiation, self._subscriptions, self._fail_negotiation
        )
        self._media_closed = trio.Event()
        self._left = trio.Event()
        for connection in link.connections:
            connection.handle_event = self._on_peer_event

    # Life

    def start(self, nursery: trio.Nursery) -> None:
        """Start the tasks of the room."""
        for connection in self.link.connections:
            name = f"lktrio.room {connection.target.name}"
            nursery.start_soon(connection.driver.run, name=name)
            nursery.start_soon(self._gather, connection, name=f"{name} gathering")
        nursery.start_soon(self._read_signal, name="lktrio.room signal")
        nursery.start_soon(self._negotiate, name="lktrio.room negotiation")
        nursery.start_soon(self._watch_media, name="lktrio.room media")
        permissions = self.state.local.permissions
        sends = permissions.can_publish or permissions.can_publish_data
        if not self._negotiation.used and (sends or self.link.primary is self.link.outgoing):
            self._negotiation.request()

    async def wait_joined(self) -> None:
        """Wait for the connection without which nothing works.

        Raises:
            ConnectError: The room has ended before.
            RemoteProtocolError: What the server says makes no sense.
        """
        seconds = self._options.timeouts.transport
        with trio.move_on_after(seconds) as scope:
            await self.link.primary.connected.wait()
        if scope.cancelled_caught:
            message = f"no encrypted path to the server within {seconds:g} s: {UDP_BLOCKED}"
            self.fail(DisconnectReason.MEDIA_FAILURE, ConnectTimeout(message))
        if self.life.failure is not None:
            raise self.life.failure
        self.state.connected()

    def fail(
        self, reason: DisconnectReason, error: LiveKitError, *, can_reconnect: bool = True
    ) -> None:
        """End the room because of an error, which is the one of the join if that is not over."""
        if self.life.reason is None:
            name = printable(self.state.info.name)
            _log.info("the session in %s ends: %s", name, printable(str(error)))
            self.end(reason, error, can_reconnect=can_reconnect)

    def end(
        self,
        reason: DisconnectReason,
        failure: LiveKitError | None = None,
        *,
        can_reconnect: bool = False,
    ) -> None:
        """End the room, once. Channels end, and calls raise ``RoomClosed``."""
        if not self.life.end(reason, failure, can_reconnect=can_reconnect):
            return
        self._publisher.end()
        self._publish(self.state.end(reason, can_reconnect=can_reconnect))
        self.events.end()
        self._packets.changed()
        for connection in self.link.connections:
            connection.give_up()

    async def leave(self, reason: DisconnectReason) -> None:
        """Leave the room, and wait until that is done; idempotent.

        Cancelled, the room is left nevertheless, in the background.
        """
        if self.life.reason is None:
            self._leave_reason = reason
            self.end(reason)
        await self._left.wait()

    async def leave_link(self) -> None:
        """Do the work of leaving: cannot be cancelled, has a deadline, never fails."""
        self.end(self._leave_reason)
        await self.link.leave(self._leave_reason.to_proto(proto.DisconnectReason))
        self._left.set()

    # Events

    def _tell(self) -> None:
        """Publish what the state has news of."""
        self._publish(self.state.take_news())

    def _publish(self, news: list[RoomEvent]) -> None:
        for event in news:
            self._publisher.follow(event)
            self.events.publish(event)

    def _on_first_reader(self, track: RemoteTrackRecord) -> None:
        """Somebody begins to read a track: the server was asked to start with the lowest layer."""
        if self._options.adaptive_stream and track.view.kind is TrackKind.VIDEO:
            settings = track.settings(track.enabled, track.video_quality)
            self.requests.send_nowait(proto.SignalRequest(track_setting=settings))

    # Signalling

    async def _read_signal(self) -> None:
        try:
            async for response in self.link.signal.responses:
                for reply in self._handle(response):
                    await self.requests.send(reply)
            self._signal_ended()
        except RoomClosed:
            await trio.lowlevel.checkpoint()

    def _handle(self, response: proto.SignalResponse) -> list[proto.SignalRequest]:
        """Take a message of the server; returns what is to be sent in return."""
        if self.life.reason is not None:
            return []  # we are leaving
        self._publish(self.state.apply(response))
        if response.update is not None:
            self._subscriptions.retry()
        elif response.leave is not None:
            self._signal_ended()  # whatever it wants of us: there is no coming back yet
        elif response.mute is not None and self.state.local_tracks.find(response.mute.sid):
            return [proto.SignalRequest(mute=response.mute)]
        return self._descriptions.handle(response)

    def _signal_ended(self) -> None:
        """The signalling is gone or the server sends us away, and with it the room ends."""
        signal = self.link.signal
        leave = signal.server_leave
        if leave is None:
            message = f"the connection to the server was lost ({signal.close_reason})"
            self.fail(DisconnectReason.SIGNAL_CLOSE, ServerUnreachable(message))
            return
        reason = DisconnectReason.from_proto(leave.reason)
        comes_back = leave.action != proto.LeaveRequest.Action.DISCONNECT or leave.can_reconnect
        asks = ", and asks us to come back" if comes_back else ""
        error = JoinRejected(f"the server sent us away ({reason}){asks}")
        self.fail(reason, error, can_reconnect=comes_back)

    async def _negotiate(self) -> None:
        try:
            await self._negotiation.run()
        except ConnectTimeout as error:
            self.fail(DisconnectReason.STATE_MISMATCH, error)
        except RoomClosed:
            pass  # whoever ended the room has said so
        await trio.lowlevel.checkpoint()

    def _fail_negotiation(self, error: LiveKitError) -> None:
        self.fail(DisconnectReason.STATE_MISMATCH, error)

    # Peer connections

    def _on_peer_event(self, connection: PeerConnection, event: PeerEvent) -> None:
        match event:
            case MediaReceived(transceiver, stream):
                self._subscriptions.deliver(transceiver, stream)
            case DataChannelMessage(channel, data):
                self._on_data(channel.label, data)
            case StreamBound(transceiver, stream):
                self._subscriptions.attach(transceiver, stream)
            case KeyframeRequested(transceiver):
                self._publisher.keyframe_requested(transceiver)
            case DataChannelBufferedAmountLow():
                self._packets.low_water()
            case DataChannelOpened():
                self._packets.changed()
            case DataChannelClosed(channel):
                self._on_channel_closed(connection, channel.label)
            case TransportStateChanged():
                self._on_transport(connection, event)
            case LocalCandidateFound(candidate):
                self._trickle(connection, candidate)
            case _:
                pass  # nothing that a room needs to know

    def _on_transport(self, connection: PeerConnection, event: TransportStateChanged) -> None:
        _log.debug("%s connection is %s", connection.target.name, event.state.value)
        if event.state is TransportState.FAILED:
            self.fail(DisconnectReason.MEDIA_FAILURE, _transport_error(event))
        elif event.state is TransportState.CLOSED:
            self._media_closed.set()

    def _on_channel_closed(self, connection: PeerConnection, label: str) -> None:
        if connection is self.link.outgoing and label in (RELIABLE, LOSSY):
            self._media_closed.set()

    async def _watch_media(self) -> None:
        await self._media_closed.wait()
        await trio.sleep(_TIME_TO_TELL)
        error = IceFailed("the server closed the connection for media")
        self.fail(DisconnectReason.MEDIA_FAILURE, error)

    async def _gather(self, connection: PeerConnection) -> None:
        """Look for public addresses, unless the server is on this machine."""
        if not self.link.local:
            urls = [url for server in self.link.join.ice_servers for url in server.urls]
            await gather_reflexive(connection.driver, urls, self._options.network)
        await trio.lowlevel.checkpoint()

    def _trickle(self, connection: PeerConnection, candidate: str) -> None:
        mid = next((t.mid for t in connection.peer.transceivers if t.mid is not None), "0")
        request = trickle_request(candidate, mid=mid, target=connection.target)
        if not self.requests.send_nowait(request):
            _log.debug("a candidate was not sent")

    def _on_data(self, label: str, message: bytes) -> None:
        if label in (RELIABLE, LOSSY) and self.life.reason is None:
            now = trio.current_time()
            reliable = label == RELIABLE
            self._publish(self.state.receive_data(message, reliable=reliable, now=now))

    # What the local participant does

    async def publish_track(self, description: TrackDescription) -> OutgoingTrack:
        """Publish a track; see ``LocalParticipant.publish_track``."""
        self.life.check_open()
        description.check()
        if not self.state.local.permissions.allows_source(description.actual_source):
            raise NotPermitted(
                f"the token does not allow this participant to publish {description.actual_source}"
            )
        return await self._publisher.publish(description)

    async def publish_data(
        self, data: bytes, *, topic: str, reliable: bool, destinations: list[str]
    ) -> None:
        """Send user data; see ``LocalParticipant.publish_data``."""
        self.life.check_open()
        if not self.state.local.permissions.can_publish_data:
            raise NotPermitted("the token does not allow this participant to publish data")
        packet = user_packet(data, topic=topic, reliable=reliable, destinations=destinations)
        packed = pack(packet)
        if not self._negotiation.used:
            self._negotiation.request()
        await self._packets.send(packed, reliable=reliable)


def _transport_error(failure: TransportStateChanged) -> ConnectError:
    if failure.cause == "dtls":
        return DtlsFailed(f"the media path could not be secured: {failure.reason}")
    return IceFailed(f"{failure.reason}: {UDP_BLOCKED}")
