"""One session in a room: the parts put together, and what they do with the link that there is.

Theory of operation: ``serve_room`` joins, then serves signalling and peer connections until the
room has ended; the `LinkSupervisor` replaces a link that is lost meanwhile. What the server says
goes through `RoomState.apply`, what the peer connections report through the parts that are
responsible; always synchronously: the state has changed before the event is out, and nothing awaits
in between.

The room ends once, for one reason: the program leaves, the server sends us away, or the link is
lost and not to be replaced. Ends that come from the network are no errors of the program's body:
events and channels end, calls raise ``RoomClosed``. While joining they are errors of the join.

A link is left in one place, at the end of what `LinkSupervisor` does with it, whatever ended it:
the state is told, then `ServerLink.leave` has `Timeouts.leave` to do its work, shielded from
cancellation. The tasks live until then: LiveKit's server takes a peer connection that closes for a
failure, and may then wait for us to come back in place of reading that we leave.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.auth import ConnectionDetails
from lktrio.errors import (
    ConnectTimeout,
    IceFailed,
    LiveKitError,
    NotPermitted,
)
from lktrio.net.gathering import gather_reflexive
from lktrio.net.network import Network
from lktrio.net.relaying import IceServer, gather_relays, has_turn
from lktrio.room.channels.events import Broadcast
from lktrio.room.context import RoomContext, current_room
from lktrio.room.options import RoomOptions
from lktrio.room.packets.incoming import IncomingMessages
from lktrio.room.rpc.endpoint import RpcEndpoint
from lktrio.room.session.announcing import TrackDescription
from lktrio.room.session.connectivity import Connectivity
from lktrio.room.session.data import PacketSender, pack, user_packet
from lktrio.room.session.data_blobs import DataBlobs
from lktrio.room.session.data_track_sending import OutgoingDataTrack
from lktrio.room.session.data_tracks import DataTracks
from lktrio.room.session.descriptions import Descriptions
from lktrio.room.session.life import RoomLife
from lktrio.room.session.link import ServerLink
from lktrio.room.session.peer_connection import (
    DATA_TRACK,
    LOSSY,
    RELIABLE,
    PeerConnection,
)
from lktrio.room.session.publishing import Publisher
from lktrio.room.session.requests import SignalRequests
from lktrio.room.session.resuming import say_again_about_others, say_again_about_us, sync_state
from lktrio.room.session.sending import OutgoingTrack
from lktrio.room.session.simulating import fault_request
from lktrio.room.session.states import LinkLoss, loss_by_leave, signal_loss
from lktrio.room.session.subscribing import Subscriptions
from lktrio.room.session.supervisor import LinkSupervisor
from lktrio.room.state.encryption import check_encryption, encrypted
from lktrio.room.state.enums import DisconnectReason, ReconnectKind, SimulateScenario, TrackKind
from lktrio.room.state.events import RoomEvent
from lktrio.room.state.local import LocalTrackPublication
from lktrio.room.state.participant import Participant
from lktrio.room.state.remote import RemoteTrackRecord
from lktrio.room.state.room_state import LocalRecord, RoomState
from lktrio.room.state.rules import EVENT_RULES
from lktrio.room.state.stats import RoomStats
from lktrio.room.streams.incoming import IncomingStreams
from lktrio.rtc.datachannel import (
    DataChannelAcknowledged,
    DataChannelBufferedAmountLow,
    DataChannelClosed,
    DataChannelMessage,
    DataChannelOpened,
    DataChannelsProgress,
)
from lktrio.rtc.peer import PeerEvent
from lktrio.rtc.streams import KeyframeRequested, MediaReceived, StreamBound
from lktrio.rtc.transport import LocalCandidateFound, TransportStateChanged
from lktrio.signal import trickle_request

__all__ = ["MakeLocal", "RoomSession", "serve_room"]

_log = logging.getLogger("lktrio.room")

_TIME_TO_RETURN = 10.0  # seconds for others to come back to a room that was lost with its server
_TIME_TO_NAME = 1.0  # seconds for the server to name everybody after a resume, as in other SDKs

MakeLocal: TypeAlias = "Callable[[LocalRecord, RoomSession], Participant[LocalTrackPublication]]"
"""Makes the local participant that programs hold."""


async def serve_room(  # noqa: ASYNC128 - the session calls it
    details: ConnectionDetails,
    renew: Callable[[], Awaitable[ConnectionDetails]],
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
    life = RoomLife()
    supervisor = LinkSupervisor(details, renew, options, life)
    session: RoomSession | None = None

    def make_session(link: ServerLink) -> RoomSession:
        nonlocal session
        session = RoomSession(link, options, make_local, life, supervisor, task_status.started)
        current_room.set(RoomContext(session.state.info.name, session.state.local.identity))
        return session

    try:
        await supervisor.run(make_session)
    finally:
        if session is not None:
            session.end_session()
            session.left.set()


class RoomSession:
    """One session in a room (a ``LinkUser``).

    Args:
        link: The first link.
        options: Preferences and deadlines.
        make_local: Makes the local participant.
        life: The end of the room.
        supervisor: Replaces links.
        joined: Called with the session when media can flow for the first time.

    Attributes:
        state: What is known of the room.
        events: Where events go.
        life: The end of the room.
        requests: What is asked of the server.
        data_blobs: What we have stored at the server.
        streams: Text and byte streams of others.
        rpc: Remote procedure calls.
        left: Set when the room has ended and was left.
    """

    def __init__(
        self,
        link: ServerLink,
        options: RoomOptions,
        make_local: MakeLocal,
        life: RoomLife,
        supervisor: LinkSupervisor,
        joined: Callable[[RoomSession], None],
    ) -> None:
        self.life = life
        self._options = options
        self.left = trio.Event()
        self.events: Broadcast[RoomEvent] = Broadcast(EVENT_RULES)
        self.requests = SignalRequests(life, self.events)
        self.state = RoomState(link.join, self.requests, lambda record: make_local(record, self))
        self._supervisor = supervisor
        self._joined = joined
        self._leave_reason = DisconnectReason.CLIENT_INITIATED
        self._subscriptions = Subscriptions(
            self.state.roster, self._tell, self._on_first_reader, self._on_unwanted
        )
        self._publisher = Publisher(
            self.state.local_tracks, self.requests, life, options, self._tell
        )
        self._packets = PacketSender(
            link.outgoing, life, options.timeouts.data_channel, self.state.data_stats
        )
        self._data_tracks = DataTracks(self.state, self.requests, life, options, self._tell)
        self.data_blobs = DataBlobs(self.requests)
        self.streams = IncomingStreams(self.state.data_stats)
        self._messages = IncomingMessages(self.state, self.streams)
        self.rpc = RpcEndpoint(self, options.network, self.streams, self.state.data_stats)
        self.state.give_rpc(self.rpc)
        self._descriptions: Descriptions
        self._connectivity: Connectivity

    @property
    def link(self) -> ServerLink:
        """The link with the server, the newest."""
        return self._supervisor.link

    # Life

    def end(self, reason: DisconnectReason, loss: LinkLoss | None = None) -> None:
        """End the room, once. Channels end, and calls raise ``RoomClosed``."""
        failure = None if loss is None else loss.error
        can_reconnect = loss is not None and loss.can_reconnect
        if not self.life.end(reason, failure, can_reconnect=can_reconnect):
            return
        self._publisher.end()
        self._publish(self.state.end(reason, can_reconnect=can_reconnect))
        self.events.end()
        self.streams.end()
        self.rpc.end()
        self._packets.changed()
        self._data_tracks.changed()
        self.requests.use(None)
        for connection in self.link.connections:
            connection.give_up()
        self._supervisor.stop()

    def give_up(self, loss: LinkLoss) -> None:
        """The room ends by a loss, which is the error of the join if that is not over."""
        name = printable(self.state.info.name)
        _log.info("the session in %s ends: %s", name, printable(str(loss.error)))
        self.end(loss.reason, loss)

    def end_session(self) -> None:
        """End the room because the program wants it. Idempotent."""
        self.end(self._leave_reason)

    async def leave(self, reason: DisconnectReason) -> None:
        """Leave the room, and wait until that is done; idempotent.

        Cancelled, the room is left nevertheless, in the background.
        """
        if self.life.reason is None:
            self._leave_reason = reason
            self.end(reason)
        await self.left.wait()

    async def leave_link(self, link: ServerLink) -> None:
        """Leave a link, for good: cannot be cancelled, has a deadline, never fails."""
        self.suspend()
        self._publisher.release()
        self._subscriptions.release()
        self._data_tracks.release()
        await link.leave(self._leave_reason.to_proto(proto.DisconnectReason))

    # The link

    def use_link(self, link: ServerLink, services: trio.Nursery) -> None:
        """A join has succeeded: start what runs as long as its link lives."""
        self._connectivity = Connectivity(link, self._options, self._supervisor.lose)
        for connection in link.connections:
            connection.handle_event = self._on_peer_event
            name = f"lktrio.room {connection.target.name}"
            services.start_soon(connection.driver.run, name=name)
            services.start_soon(self._gather, connection, name=f"{name} gathering")
        services.start_soon(self._connectivity.watch_addresses, name="lktrio.room addresses")
        services.start_soon(self.rpc.run, name="lktrio.room rpc")
        self._follow_configuration(link, link.join.client_configuration)
        self._descriptions = Descriptions(
            link, link.negotiation, self._subscriptions, self._fail_negotiation
        )
        self._publisher.use(link)
        self._packets.use(link.outgoing)
        self._data_tracks.use(link)
        permissions = self.state.local.permissions
        sends = permissions.can_publish or permissions.can_publish_data
        if not link.negotiation.used and (sends or link.primary is link.outgoing):
            link.negotiation.request()

    async def serve_link(self, link: ServerLink, kind: ReconnectKind | None) -> None:
        """Work with a link until cancelled; see ``LinkUser``."""
        if kind is ReconnectKind.RESUME:
            await self._introduce(link)
        elif kind is ReconnectKind.RESTART:
            self._publish(self.state.rejoin(link.join))
            self._subscriptions.end_unwanted()
            for request in say_again_about_others(self.state):
                await self._send(link, request)
        async with trio.open_nursery() as tasks:
            if kind is ReconnectKind.RESUME:  # other sockets, and relays that were lost meanwhile
                for connection in link.connections:
                    tasks.start_soon(self._gather, connection, name="lktrio.room gathering")
            tasks.start_soon(self._read_signal, link, name="lktrio.room signal")
            tasks.start_soon(self._negotiate, link, name="lktrio.room negotiation")
            tasks.start_soon(self._connectivity.watch_closed, name="lktrio.room media")
            tasks.start_soon(self._subscribe_data, link, name="lktrio.room data tracks")
            await self._connectivity.wait_media(kind)
            if self._supervisor.lost:
                await trio.sleep_forever()  # until cancelled, which is about to happen
            self.requests.use(link.signal)
            if kind is None:
                self._supervisor.connected()
                self.state.connected()
                self._joined(self)
            else:
                await self._publisher.publish_again()
                if kind is ReconnectKind.RESTART:
                    await self.data_blobs.store_again()
                await self._data_tracks.publish_again()
                self._supervisor.connected()
                self._publish(self.state.reconnected(kind))
            look = self._subscriptions.retry
            tasks.start_soon(self._connectivity.check, look, name="lktrio.room check")
            if kind is ReconnectKind.RESUME:
                await trio.sleep(_TIME_TO_NAME)
                self.state.roster.forget_unseen()
            elif kind is ReconnectKind.RESTART:
                await trio.sleep(_TIME_TO_RETURN)
                self.state.roster.forget_awaited()
            self._tell()

    async def _introduce(self, link: ServerLink) -> None:
        """After a resume: say what we know, and look for new paths where there are none."""
        self.state.roster.expect_everybody()
        answer = link.signal.reconnect
        self._packets.resume(answer.last_message_seq if answer is not None else 0)
        sync = sync_state(
            link, self.state, self._data_tracks, auto_subscribe=self._options.auto_subscribe
        )
        await self._send(link, proto.SignalRequest(sync_state=sync))
        if answer is not None and self._follow_configuration(link, answer.client_configuration):
            link.moved = True
        if link.moved or not link.outgoing.works:
            link.negotiation.request_ice_restart()
        else:  # the server may have asked for sections meanwhile, and looks anew at an offer
            link.negotiation.request()
        link.moved = False
        for request in (
            *say_again_about_us(self.state),
            *say_again_about_others(self.state),
            *self._data_tracks.say_again(),
        ):
            await self._send(link, request)

    async def _subscribe_data(self, link: ServerLink) -> None:
        await self._data_tracks.subscribe(lambda request: self._send(link, request))

    async def _send(self, link: ServerLink, request: proto.SignalRequest) -> None:
        """Send what is for this link alone; what it cannot take any more is of no use."""
        try:
            await link.signal.send(request)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            _log.debug("a message was not sent, as the signalling is lost")
        await trio.lowlevel.checkpoint()

    def _send_nowait(self, request: proto.SignalRequest) -> None:
        """Send what is for the present link alone, if that is possible at once."""
        try:
            self.link.signal.send_nowait(request)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.WouldBlock):
            _log.debug("a message was not sent, as the signalling is lost or takes nothing")

    def suspend(self) -> None:
        """The link works no more: requests wait, an offer without an answer is made anew."""
        self.requests.use(None)
        self._packets.suspend()
        self.link.negotiation.interrupt()

    def reconnecting(self, kind: ReconnectKind, attempt: int) -> None:
        """A try to replace the link begins."""
        self._publish(self.state.reconnecting(kind, attempt))

    # Events

    def _tell(self) -> None:
        """Publish what the state has news of."""
        self._publish(self.state.take_news())

    def _publish(self, news: list[RoomEvent]) -> None:
        for event in news:
            self._publisher.follow(event)
            self.streams.follow(event)
            self.rpc.follow(event)
            self._messages.follow(event)
            self.events.publish(event)

    def _on_first_reader(self, track: RemoteTrackRecord) -> None:
        """Somebody begins to read a track: the server was asked to start with the lowest layer."""
        if self._options.adaptive_stream and track.view.kind is TrackKind.VIDEO:
            track.settings_said = True
            self.requests.send_nowait(proto.SignalRequest(track_setting=track.settings()))

    def _on_unwanted(self, track: RemoteTrackRecord) -> None:
        self._send_nowait(proto.SignalRequest(subscription=track.subscription(subscribe=False)))

    # Signalling

    async def _read_signal(self, link: ServerLink) -> None:
        signal = link.signal
        async for response in signal.responses:
            for reply in self._handle(response):
                await self._send(link, reply)
        leave = signal.server_leave
        loss = signal_loss(signal.close_reason) if leave is None else loss_by_leave(leave)
        self._supervisor.lose(loss)

    def _handle(self, response: proto.SignalResponse) -> list[proto.SignalRequest]:
        """Take a message of the server; returns what is to be sent in return."""
        if self.life.reason is not None:
            return []  # we are leaving
        if self._data_tracks.handle(response):
            return []
        self._publish(self.state.apply(response))
        if response.update is not None:
            self._subscriptions.retry()
            self._follow_permissions()
        elif response.leave is not None:
            self._supervisor.lose(loss_by_leave(response.leave))
        elif response.mute is not None and self.state.local_tracks.find(response.mute.sid):
            return [proto.SignalRequest(mute=response.mute)]
        return self._descriptions.handle(response)

    def _follow_permissions(self) -> None:
        if not self.state.local.permissions.can_publish_data:
            self._data_tracks.revoked()

    async def _negotiate(self, link: ServerLink) -> None:
        async def send_offer(offer: proto.SessionDescription) -> None:
            await self._send(link, proto.SignalRequest(offer=offer))

        try:
            await link.negotiation.run(send_offer)
        except ConnectTimeout as error:
            self._fail_negotiation(error)
        await trio.lowlevel.checkpoint()

    def _fail_negotiation(self, error: LiveKitError) -> None:
        reason = DisconnectReason.STATE_MISMATCH
        self._supervisor.lose(LinkLoss(ReconnectKind.RESTART, reason, error))

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
            case DataChannelsProgress():
                self._packets.progressed()
            case DataChannelBufferedAmountLow() | DataChannelAcknowledged():
                self._data_tracks.changed()  # no other channel has a low mark
            case DataChannelOpened(channel):
                self._on_channel_opened(connection, channel.label)
            case DataChannelClosed(channel):
                self._connectivity.channel_closed(connection, channel.label)
            case TransportStateChanged():
                self._connectivity.follow(connection, event)
                self._data_tracks.changed()
            case LocalCandidateFound(candidate):
                self._trickle(connection, candidate)
            case _:
                pass  # nothing that a room needs to know

    def _on_channel_opened(self, connection: PeerConnection, label: str) -> None:
        if connection is self.link.outgoing:
            self._packets.opened(label)
        self._data_tracks.changed()

    async def _gather(self, connection: PeerConnection) -> None:
        """Look for public and for relayed addresses.

        The servers that the LiveKit server names are left out if it is on this machine, as long as
        something else may be used.
        """
        network, policy = self._options.network, self._options.ice
        relay_only = policy.relay_only or self.link.relay_forced
        servers = self._options.ice_servers
        if not self.link.local or relay_only:
            servers = self._ice_servers(self.link)
        await gather_relays(connection.driver, servers, network, policy)
        if not relay_only:
            urls = [url for server in servers for url in server.urls]
            await gather_reflexive(connection.driver, urls, network)
        await trio.lowlevel.checkpoint()

    def _ice_servers(self, link: ServerLink) -> list[IceServer]:
        """STUN and TURN servers: ours, and those that the LiveKit server named last."""
        answer = link.signal.reconnect
        named = answer.ice_servers if answer is not None else []
        return [
            *self._options.ice_servers,
            *(
                IceServer(server.urls, server.username, server.credential)
                for server in named or link.join.ice_servers
            ),
        ]

    def _follow_configuration(
        self, link: ServerLink, configuration: proto.ClientConfiguration | None
    ) -> bool:
        """Use TURN alone if the server wants it, and there is any; returns whether that is news.

        LiveKit's server wants it when other ways have failed.
        """
        enabled = proto.ClientConfigSetting.ENABLED
        forced = configuration is not None and configuration.force_relay == enabled
        forced = forced and self._options.ice.turn and has_turn(self._ice_servers(link))
        news, link.relay_forced = forced is not link.relay_forced, forced
        if news and not self._options.ice.relay_only:
            for connection in link.connections:
                connection.peer.set_relay_only(forced, trio.current_time())
                connection.driver.flush()
        return news

    def _trickle(self, connection: PeerConnection, candidate: str) -> None:
        mid = next((t.mid for t in connection.peer.transceivers if t.mid is not None), "0")
        self._send_nowait(trickle_request(candidate, mid=mid, target=connection.target))

    def _on_data(self, label: str, message: bytes) -> None:
        if label in (RELIABLE, LOSSY) and self.life.reason is None:
            now = trio.current_time()
            reliable = label == RELIABLE
            self._publish(self.state.receive_data(message, reliable=reliable, now=now))
        elif label == DATA_TRACK:
            self._data_tracks.receive(message)

    async def simulate(self, scenario: SimulateScenario, value: int | str | None) -> None:
        """Ask the server for a fault; see ``Room.simulate``."""
        self.life.check_open()
        if scenario is SimulateScenario.SIGNAL_RECONNECT:
            self.link.signal.abort()
            await trio.lowlevel.checkpoint()
            return
        connectivity = self._connectivity
        await self.requests.simulate(fault_request(scenario, value))
        if scenario is SimulateScenario.SWITCH_CANDIDATE_PROTOCOL:
            connectivity.move(IceFailed(f"media is to go over {value}"))

    # What the local participant does

    async def publish_track(self, description: TrackDescription) -> OutgoingTrack:
        """Publish a track; see ``LocalParticipant.publish_track``."""
        self.life.check_open()
        check_encryption(wanted=self._options.encryption)
        description.check()
        if not self.state.local.permissions.allows_source(description.actual_source):
            raise NotPermitted(
                f"the token does not allow this participant to publish {description.actual_source}"
            )
        return await self._publisher.publish(description)

    async def publish_data_track(self, request: proto.PublishDataTrackRequest) -> OutgoingDataTrack:
        """Publish a data track; see ``LocalParticipant.publish_data_track``."""
        self.life.check_open()
        check_encryption(wanted=self._options.encryption)
        if not self.state.local.permissions.can_publish_data:
            raise NotPermitted("the token does not allow this participant to publish data")
        return await self._data_tracks.publish(request)

    async def publish_data(
        self, data: bytes, *, topic: str, reliable: bool, destinations: list[str]
    ) -> None:
        """Send user data; see ``LocalParticipant.publish_data``."""
        packet = user_packet(data, topic=topic, reliable=reliable, destinations=destinations)
        await self._send_data(packet, reliable=reliable)

    async def send_packet(self, packet: proto.DataPacket) -> None:
        """Queue a reliable packet; cancelled, nothing was queued."""
        await self._send_data(packet, reliable=True)

    async def _send_data(self, packet: proto.DataPacket, *, reliable: bool) -> None:
        self.life.check_open()
        if not self.state.local.permissions.can_publish_data:
            raise NotPermitted("the token does not allow this participant to publish data")
        packed = pack(encrypted(packet, wanted=self._options.encryption))
        if not self.link.negotiation.used:
            self.link.negotiation.request()
        await self._packets.send(packed, reliable=reliable)

    async def wait_data_sent(self) -> None:
        """Wait until the server has what was sent; see ``LocalParticipant.wait_data_sent``."""
        await self._packets.wait_acknowledged()

    @property
    def data_session(self) -> int:
        """Which join of the room this is; a number that grows."""
        return self._packets.session

    def recipients(self, identities: Sequence[str]) -> Sequence[proto.ParticipantInfo]:
        """What is known of these, or of everybody else; empty if one of them is not known."""
        there = self.state.roster.views
        if any(identity not in there for identity in identities):
            return ()
        return [there[identity].info for identity in identities or there]

    @property
    def server_info(self) -> proto.ServerInfo | None:
        """What the server told about itself."""
        return self.link.join.server_info

    def identity_of(self, sid: str) -> str | None:
        """The identity of somebody else in the room, or None."""
        record = self.state.roster.by_sid(sid)
        return None if record is None else record.info.identity

    @property
    def silent(self) -> bool:
        """Whether the link is lost, or seems to be."""
        return self._supervisor.lost or self.link.outgoing.interrupted

    def check_open(self) -> None:
        """Raise ``RoomClosed`` if the room has ended."""
        self.life.check_open()

    def stats(self) -> RoomStats:
        """What is known of the room now; see ``Room.stats``."""
        now, state = trio.current_time(), self.state
        return RoomStats(
            taken_at=now,
            state=state.connection_state,
            resumes=state.reconnections[ReconnectKind.RESUME],
            restarts=state.reconnections[ReconnectKind.RESTART],
            signal_round_trip=self.link.signal.round_trip_time,
            data=replace(state.data_stats),
            unhandled=dict(state.unhandled),
            connections=tuple(one.stats() for one in self.link.connections),
            outbound=tuple(self._publisher.stats(now)),
            inbound=tuple(self._subscriptions.stats(now)),
        )

    @property
    def network(self) -> Network:
        """The machine that the room is on."""
        return self._options.network
