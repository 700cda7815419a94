"""One stay in a room: the tasks and the state behind ``Room``.

Theory of operation: ``run`` joins through the signalling, starts the peer connections and then
serves both until the stay ends. What the server says is turned into state and events by one
reader, synchronously, message by message: the state has changed before the event is out, and
nothing awaits in between. The peers' events come from the drivers' tasks the same way.

The stay ends once, for one reason: we leave, the server sends us away, or the connection is lost.
Ends that come from the network are no errors of the body: events and channels end, calls raise
``RoomClosed``. While joining they are errors of the join.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

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
    RemoteProtocolError,
    RoomClosed,
    ServerUnreachable,
)
from lktrio.net.gathering import gather_reflexive
from lktrio.net.interfaces import local_addresses
from lktrio.proto.codec import decode
from lktrio.room.broadcast import Broadcast
from lktrio.room.connections import LOSSY, RELIABLE, Connection, Negotiation
from lktrio.room.data import DataSender, DataStats, Deduplicator, user_packet
from lktrio.room.events import (
    ActiveSpeakersChanged,
    ConnectionQualityChanged,
    DataReceived,
    Disconnected,
    RecordingChanged,
    RoomEvent,
    RoomMetadataChanged,
    RoomUpdated,
    TokenRefreshed,
    TrackStreamStateChanged,
    TrackSubscriptionFailed,
    TrackSubscriptionPermissionChanged,
)
from lktrio.room.options import RoomOptions
from lktrio.room.participant import Participant
from lktrio.room.publication import RemoteTrackPublication
from lktrio.room.publishing import Publisher
from lktrio.room.roster import Roster, reason_name
from lktrio.room.subscribing import Subscriptions
from lktrio.rtc.capabilities import MediaKind
from lktrio.rtc.datachannel import (
    DataChannel,
    DataChannelBufferedAmountLow,
    DataChannelMessage,
    DataChannelOpened,
)
from lktrio.rtc.inbound import InboundStream
from lktrio.rtc.outbound import OutboundStream
from lktrio.rtc.peer import PeerEvent
from lktrio.rtc.streams import KeyframeRequested, MediaReceived, StreamBound
from lktrio.rtc.transport import (
    LocalCandidateFound,
    TransportState,
    TransportStateChanged,
)
from lktrio.signal import (
    SignalConnection,
    SignalOptions,
    open_signal,
    parse_trickle,
    trickle_request,
)
from lktrio.signal.urls import SignalUrl

if TYPE_CHECKING:
    from lktrio.room.room import LocalParticipant
    from lktrio.room.track import LocalTrack

__all__ = ["RoomSession"]

_log = logging.getLogger("lktrio.room")

_MAX_NEW_SECTIONS = 32  # of one kind that the server may ask for at once
_QUALITY = ("poor", "good", "excellent", "lost")  # ConnectionQuality
_SUBSCRIPTION_ERRORS = {1: "codec_unsupported", 2: "track_not_found"}  # SubscriptionError


class RoomSession:
    """One stay in a room.

    Args:
        url: The server's.
        token: Access token with the grant to join.
        options: Wishes and deadlines.
        make_local: Makes the local participant once the server has told who we are.
    """

    def __init__(
        self,
        url: str,
        token: str,
        options: RoomOptions,
        make_local: Callable[[RoomSession, proto.ParticipantInfo], LocalParticipant],
    ) -> None:
        self.options = options
        self.info = proto.Room()
        self.events: Broadcast[RoomEvent] = Broadcast()
        self.data_stats = DataStats()
        self.end_reason: str | None = None
        self.local: LocalParticipant
        self.server: proto.ServerInfo | None = None
        self.version = ""
        self.roster = Roster(self, self.events.publish, self._lost_publication)
        self.subscriptions = Subscriptions(self.roster, self.events.publish, self._request_keyframe)
        self.publisher: Publisher
        self._url = url
        self._token = token
        self._make_local = make_local
        self._signal: SignalConnection
        self._outgoing: Connection
        self._incoming: Connection | None = None
        self._addresses = self._local_addresses()
        self._negotiation: Negotiation
        self._data = DataSender(self._flush_data, self.data_stats)
        self._seen = Deduplicator()
        self._speakers: dict[str, Participant[Any]] = {}
        self._channel_opened = trio.lowlevel.ParkingLot()
        self._ended = trio.Event()

    def _local_addresses(self) -> list[str]:
        loopback = self.options.loopback
        if loopback is None:
            loopback = _is_loopback(SignalUrl.parse(self._url).host)
        return local_addresses(loopback=loopback)

    # Life

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Join, report ``started`` once media can flow, and serve until the stay has ended.

        Raises:
            ConnectError: Joining failed; only before ``started``.
        """
        options = SignalOptions(
            auto_subscribe=self.options.auto_subscribe,
            adaptive_stream=self.options.adaptive_stream,
            attributes=self.options.attributes,
            single_peer_connection=self.options.single_peer_connection,
        )
        connections: list[Connection] = []

        def make_offer() -> proto.SessionDescription:
            self._outgoing = self._connection(proto.SignalTarget.PUBLISHER)
            connections.append(self._outgoing)
            self._outgoing.open_data_channels()
            self._outgoing.add_receiving_sections()
            return self._outgoing.offer()

        try:
            async with open_signal(
                self._url,
                self._token,
                options,
                make_offer=make_offer,
                timeouts=self.options.timeouts.signal,
            ) as signal:
                if signal.version == "v0":
                    for connection in connections:
                        connection.close()
                    connections[:] = self._dual_connections()
                self._joined(signal)
                await self._serve(connections, task_status)
        finally:
            for connection in connections:
                connection.close()
            self.end("client_initiated")

    def _connection(self, target: proto.SignalTarget) -> Connection:
        return Connection(target, self._addresses, self._on_peer_event)

    def _dual_connections(self) -> list[Connection]:
        self._outgoing = self._connection(proto.SignalTarget.PUBLISHER)
        self._outgoing.open_data_channels()
        self._incoming = self._connection(proto.SignalTarget.SUBSCRIBER)
        return [self._outgoing, self._incoming]

    def _joined(self, signal: SignalConnection) -> None:
        join = signal.join
        if join is None or join.room is None or join.participant is None:
            raise JoinRejected("the server's join response names no room or no participant")
        self._signal = signal
        self.version = signal.version
        self.server = join.server_info
        self.info = join.room
        self.local = self._make_local(self, join.participant)
        self._negotiation = Negotiation(
            self._outgoing, self._send_offer, self.options.timeouts.negotiation
        )
        self.publisher = Publisher(self, self._outgoing, self._negotiation)
        for info in join.other_participants:
            self.roster.update(info)

    async def _serve(
        self, connections: list[Connection], task_status: trio.TaskStatus[None]
    ) -> None:
        single = self._signal.version == "v1"
        failure: LiveKitError | None
        async with trio.open_nursery() as nursery:
            for connection in connections:
                await nursery.start(connection.driver.run)
            nursery.start_soon(self._read_signal, name="lktrio.room signal")
            nursery.start_soon(self._negotiate, single, name="lktrio.room negotiation")
            for connection in connections:
                nursery.start_soon(self._gather, connection, name="lktrio.room gathering")
            if not single and self._wants_publisher():
                self._negotiation.request()
            failure = await self._wait_connected()
            if failure is None:
                task_status.started()
                await self._ended.wait()
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    def _wants_publisher(self) -> bool:
        permissions = self.local.permissions
        return permissions.can_publish or permissions.can_publish_data or self._incoming is None

    async def _negotiate(self, first_offer_is_out: bool) -> None:
        try:
            await self._negotiation.run(first_offer_is_out=first_offer_is_out)
        except RemoteProtocolError as error:
            self._fail("negotiation", error)
        except trio.BrokenResourceError:
            await trio.lowlevel.checkpoint()  # the reader tells why the signalling has ended

    @property
    def _primary(self) -> Connection:
        join = self._signal.join
        if self._incoming is not None and join is not None and join.subscriber_primary:
            return self._incoming
        return self._outgoing

    async def _wait_connected(self) -> ConnectError | RoomClosed | None:
        primary, seconds = self._primary, self.options.timeouts.transport
        with trio.move_on_after(seconds) as scope:
            await primary.connected.wait()
        if self.end_reason is not None and primary.failure is None:
            return self._ended_early()
        if scope.cancelled_caught:
            return ConnectTimeout(
                f"no encrypted path to the server within {seconds:g} s: is UDP blocked between "
                "this machine and the server's media ports?"
            )
        return None if primary.failure is None else _transport_error(primary.failure)

    def _ended_early(self) -> ConnectError:
        if self._signal.server_leave is not None:
            return JoinRejected(f"the server sent us away while joining ({self.end_reason})")
        return ServerUnreachable(f"the connection was lost while joining ({self.end_reason})")

    def end(self, reason: str) -> None:
        """End the stay, once. Channels end, and calls raise ``RoomClosed``."""
        if self.end_reason is not None:
            return
        self.end_reason = reason
        self.roster.clear()
        self.events.publish(Disconnected(reason))
        self.events.end()
        if hasattr(self, "publisher"):
            self.publisher.end()
            self._data.low_water()
        self._channel_opened.unpark_all()
        for connection in (getattr(self, "_outgoing", None), self._incoming):
            if connection is not None:
                connection.connected.set()
        self._ended.set()

    async def wait_ended(self) -> str:
        """Wait until the stay has ended and return why."""
        await self._ended.wait()
        assert self.end_reason is not None  # set before the event
        return self.end_reason

    def check_open(self) -> None:
        """Raise ``RoomClosed`` if the stay has ended."""
        if self.end_reason is not None:
            raise RoomClosed(f"the room is closed ({self.end_reason})", reason=self.end_reason)

    def _fail(self, what: str, error: Exception) -> None:
        _log.warning("the room ends because of its %s: %s", what, error)
        self.end("state_mismatch" if what == "negotiation" else "media_failure")

    # Signalling

    async def send_request(self, request: proto.SignalRequest) -> None:
        """Hand a request to the signalling.

        Raises:
            RoomClosed: The stay has ended.
        """
        self.check_open()
        try:
            await self._signal.send(request)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.signal_ended()
            self.check_open()

    async def update_metadata(
        self, *, name: str = "", metadata: str = "", attributes: Mapping[str, str] | None = None
    ) -> None:
        """Change what others see of us; see ``LocalParticipant.set_name``."""
        self.check_open()
        try:
            await self._signal.update_metadata(name=name, metadata=metadata, attributes=attributes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.signal_ended()
            self.check_open()

    def send_request_nowait(self, request: proto.SignalRequest) -> None:
        """Hand a request to the signalling if it takes it; used where waiting is impossible."""
        try:
            self._signal.send_nowait(request)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.WouldBlock) as error:
            _log.debug("a request was not sent: %r", error)

    @property
    def signal(self) -> SignalConnection:
        """The signalling, for requests with an answer."""
        return self._signal

    def _send_offer(self, offer: proto.SessionDescription) -> None:
        self.send_request_nowait(proto.SignalRequest(offer=offer))

    async def _read_signal(self) -> None:
        async for response in self._signal.responses:
            self._on_response(response)
            if self.end_reason is not None:
                break
        self.signal_ended()

    def signal_ended(self) -> None:
        """The signalling link is gone, and with it the stay."""
        leave = self._signal.server_leave
        self.end(reason_name(leave.reason) if leave is not None else "signal_close")

    def _on_response(self, response: proto.SignalResponse) -> None:
        for name, handle in self._RESPONSES.items():
            message = getattr(response, name)
            if message is not None:
                try:
                    handle(self, message)
                except RemoteProtocolError as error:
                    _log.warning("the server's %s cannot be used: %s", name, error)
                return

    def _on_answer(self, answer: proto.SessionDescription) -> None:
        try:
            taken = self._negotiation.answered(answer)
        except RemoteProtocolError as error:
            self._fail("negotiation", error)
            return
        if taken:
            self.subscriptions.rebind(self._outgoing, answer.mid_to_track_id)

    def _on_offer(self, offer: proto.SessionDescription) -> None:
        if self._incoming is None:
            raise RemoteProtocolError("an offer came, but we offer on the only connection")
        answer = self._incoming.answer(offer)
        self.send_request_nowait(proto.SignalRequest(answer=answer))
        self.subscriptions.rebind(self._incoming, offer.mid_to_track_id)

    def _on_trickle(self, request: proto.TrickleRequest) -> None:
        trickled = parse_trickle(request)
        subscriber = trickled.target == proto.SignalTarget.SUBSCRIBER
        connection = self._incoming if subscriber else self._outgoing
        if connection is not None and trickled.candidate:
            connection.add_remote_candidate(trickled.candidate)

    def _on_update(self, update: proto.ParticipantUpdate) -> None:
        for info in update.participants:
            if info.sid == self.local.sid or info.identity == self.local.identity:
                self._on_own_update(info)
            else:
                self.roster.update(info)
        self.subscriptions.retry()

    def _on_own_update(self, info: proto.ParticipantInfo) -> None:
        if info.sid != self.local.sid or self.local.is_stale(info):
            return
        if info.state == proto.ParticipantInfo.State.DISCONNECTED:
            return  # the server's leave says the same, with what to do about it
        for event in self.local.update(info):
            self.events.publish(event)
        self.publisher.update(info.tracks)

    def _on_track_unpublished(self, message: proto.TrackUnpublishedResponse) -> None:
        self.publisher.unpublished_by_server(message.track_sid)

    def _on_mute(self, message: proto.MuteTrackRequest) -> None:
        self.publisher.muted_by_server(message.sid, message.muted)

    def _on_track_subscribed(self, message: proto.TrackSubscribed) -> None:
        self.publisher.subscribed(message.track_sid)

    def _on_sections(self, requirement: proto.MediaSectionsRequirement) -> None:
        wanted: dict[MediaKind, int] = {
            "audio": requirement.num_audios,
            "video": requirement.num_videos,
        }
        for kind, count in wanted.items():
            self._outgoing.add_receiving_sections((kind,) * min(count, _MAX_NEW_SECTIONS))
        self._negotiation.request()

    def _on_room_update(self, update: proto.RoomUpdate) -> None:
        if update.room is None:
            return
        before, self.info = self.info, update.room
        self.events.publish(RoomUpdated())
        if before.metadata != self.info.metadata:
            self.events.publish(RoomMetadataChanged(self.info.metadata, before.metadata))
        if before.active_recording != self.info.active_recording:
            self.events.publish(RecordingChanged(self.info.active_recording))

    def _participant(self, sid: str) -> Participant[Any] | None:
        return self.local if sid == self.local.sid else self.roster.by_sid(sid)

    def _on_speakers(self, message: proto.SpeakersChanged) -> None:
        for speaker in message.speakers:
            participant = self._participant(speaker.sid)
            if participant is None:
                continue
            participant.speaking = speaker.active
            participant.audio_level = speaker.level
            if speaker.active:
                self._speakers[speaker.sid] = participant
            else:
                self._speakers.pop(speaker.sid, None)
        loudest = sorted(self._speakers.values(), key=lambda p: p.audio_level, reverse=True)
        self.events.publish(ActiveSpeakersChanged(tuple(loudest)))

    def _on_quality(self, message: proto.ConnectionQualityUpdate) -> None:
        for update in message.updates:
            participant = self._participant(update.participant_sid)
            number = int(update.quality)
            if participant is not None and number < len(_QUALITY):
                participant.connection_quality = _QUALITY[number]
                event = ConnectionQualityChanged(participant, _QUALITY[number], update.score)
                self.events.publish(event)

    def _on_stream_states(self, message: proto.StreamStateUpdate) -> None:
        for state in message.stream_states:
            publication = self.roster.find_publication(state.track_sid)
            if publication is not None:
                paused = state.state == proto.StreamState.PAUSED
                self.events.publish(
                    TrackStreamStateChanged(publication, publication.participant, paused)
                )

    def _on_subscription_permission(self, update: proto.SubscriptionPermissionUpdate) -> None:
        publication = self.roster.find_publication(update.track_sid)
        if publication is not None and publication.subscription_allowed != update.allowed:
            publication.subscription_allowed = update.allowed
            self.events.publish(
                TrackSubscriptionPermissionChanged(
                    publication, publication.participant, update.allowed
                )
            )

    def _on_subscription_response(self, response: proto.SubscriptionResponse) -> None:
        reason = _SUBSCRIPTION_ERRORS.get(int(response.err), "unknown")
        self.events.publish(TrackSubscriptionFailed(response.track_sid, reason))

    def _on_refresh_token(self, token: str) -> None:
        self._token = token
        self.events.publish(TokenRefreshed(token))

    def _on_leave(self, leave: proto.LeaveRequest) -> None:
        self.end(reason_name(leave.reason))  # the server may not close the link

    _RESPONSES: ClassVar[Mapping[str, Callable[..., None]]] = {
        "answer": _on_answer,
        "offer": _on_offer,
        "trickle": _on_trickle,
        "update": _on_update,
        "leave": _on_leave,
        "mute": _on_mute,
        "speakers_changed": _on_speakers,
        "room_update": _on_room_update,
        "connection_quality": _on_quality,
        "stream_state_update": _on_stream_states,
        "subscription_permission_update": _on_subscription_permission,
        "refresh_token": _on_refresh_token,
        "track_unpublished": _on_track_unpublished,
        "subscription_response": _on_subscription_response,
        "track_subscribed": _on_track_subscribed,
        "media_sections_requirement": _on_sections,
    }

    # Peer connections

    def _on_peer_event(self, connection: Connection, event: PeerEvent) -> None:
        if isinstance(event, MediaReceived):
            self.subscriptions.deliver(event.transceiver, event.stream)
        elif isinstance(event, DataChannelMessage):
            self._on_data(event.data, reliable=event.channel.label == RELIABLE)
        elif isinstance(event, StreamBound):
            self.subscriptions.attach(event.transceiver, event.stream)
        elif isinstance(event, KeyframeRequested):
            self.publisher.keyframe_requested(event.transceiver)
        elif isinstance(event, DataChannelOpened):
            connection.channels[event.channel.label] = event.channel
            self._channel_opened.unpark_all()
        elif isinstance(event, DataChannelBufferedAmountLow):
            self._data.low_water()
        elif isinstance(event, TransportStateChanged):
            self._on_transport(connection, event)
        elif isinstance(event, LocalCandidateFound):
            self._trickle(connection, event.candidate)

    async def _gather(self, connection: Connection) -> None:
        """Look for public addresses, unless the server is on this machine."""
        join = self._signal.join
        if join is not None and not _is_loopback(SignalUrl.parse(self._url).host):
            urls = [url for server in join.ice_servers for url in server.urls]
            await gather_reflexive(connection.driver, urls)
        await trio.lowlevel.checkpoint()

    def _trickle(self, connection: Connection, candidate: str) -> None:
        mid = next((t.mid for t in connection.peer.transceivers if t.mid is not None), "0")
        self.send_request_nowait(trickle_request(candidate, mid=mid, target=connection.target))

    def _on_transport(self, connection: Connection, event: TransportStateChanged) -> None:
        _log.debug("%s connection is %s", connection.target.name, event.state.value)
        over = event.state in (TransportState.FAILED, TransportState.CLOSED)
        if over and self.end_reason is None and hasattr(self, "_signal"):
            self.end("media_failure")

    def _request_keyframe(self, connection: Connection, stream: InboundStream) -> None:
        connection.peer.request_keyframe(stream, trio.current_time())
        connection.driver.flush()

    def _lost_publication(self, publication: RemoteTrackPublication) -> None:
        self.subscriptions.lost(publication)

    def send_frame(self, stream: OutboundStream, data: bytes, timestamp: int) -> None:
        """Send one encoded frame; never waits."""
        now = trio.current_time()
        self._outgoing.peer.send(stream.send_frame(data, timestamp, now))
        self._outgoing.driver.flush()

    async def set_muted(self, track: LocalTrack, muted: bool) -> None:
        """Mute or unmute a track of ours and tell the server."""
        self.check_open()
        await trio.lowlevel.checkpoint()
        self.publisher.set_muted(track, muted)

    def unpublish(self, track: LocalTrack) -> None:
        """Withdraw a track of ours."""
        self.publisher.unpublish(track)

    # Data

    def _flush_data(self) -> None:
        self._outgoing.driver.flush()

    async def publish_data(
        self, data: bytes, *, topic: str, reliable: bool, destinations: list[str]
    ) -> None:
        """Send user data; see ``LocalParticipant.publish_data``."""
        self.check_open()
        if not self.local.permissions.can_publish_data:
            raise NotPermitted("the token does not allow this participant to publish data")
        packet = user_packet(data, topic=topic, reliable=reliable, destinations=destinations)
        channel = await self._open_channel(RELIABLE if reliable else LOSSY)
        if reliable:
            await self._data.send_reliable(channel, packet)
            self.check_open()
        else:
            self._data.send_lossy(channel, packet)

    async def _open_channel(self, label: str) -> DataChannel:
        seconds = self.options.timeouts.data_channel
        channel = self._outgoing.channels[label]
        with trio.move_on_after(seconds) as scope:
            while channel.state == "connecting" and self.end_reason is None:
                await self._channel_opened.park()
        self.check_open()
        if scope.cancelled_caught:
            raise ConnectTimeout(f"the data channel {label} did not open within {seconds:g} s")
        await trio.lowlevel.checkpoint()
        self.check_open()
        return channel

    def _on_data(self, message: bytes, *, reliable: bool) -> None:
        try:
            packet = decode(proto.DataPacket, message)
        except RemoteProtocolError:
            self.data_stats.undecodable += 1
            return
        self.data_stats.received += 1
        if reliable and not self._seen.is_new(packet, trio.current_time()):
            self.data_stats.duplicates += 1
            return
        if packet.user is not None:
            sender = self.roster.view.get(packet.participant_identity)
            self.events.publish(
                DataReceived(packet.user.payload, sender, packet.user.topic or "", reliable)
            )


def _transport_error(failure: TransportStateChanged) -> ConnectError:
    if failure.cause == "dtls":
        return DtlsFailed(f"the media path could not be secured: {failure.reason}")
    return IceFailed(
        f"{failure.reason or 'the server closed the media path'}: is UDP blocked between this "
        "machine and the server's media ports?"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
