"""One participant of a room: its session, its peer connections, and what it may do.

Theory of operation: a session outlives its signalling link; `lifecycle` has its states. It has one
task, which runs its peer connections and its negotiation until it ends; links come and go (a
resumed session brings a new one). Everything else is synchronous: a message or a packet changes the
state and causes messages and packets to others, which are queued and never waited for.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, Protocol

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.auth import VideoGrants
from lktrio.devserver.config import ServerConfig
from lktrio.devserver.connection import MediaConnection
from lktrio.devserver.data import DataInbox, DataOutbox
from lktrio.devserver.downtracks import DownTracks
from lktrio.devserver.joining import JoinParameters
from lktrio.devserver.lifecycle import Happening, Lifecycle, State
from lktrio.devserver.limits import too_long
from lktrio.devserver.negotiation import Negotiation
from lktrio.devserver.permissions import SubscriptionPermissions, TrackSubscriber
from lktrio.devserver.preferences import Preferences, TrackSettings
from lktrio.devserver.profiles import describe, next_token
from lktrio.devserver.tracks import PublishedTrack
from lktrio.devserver.uptracks import UpTracks
from lktrio.rtc.datachannel import DataChannelMessage, DataChannelOpened
from lktrio.rtc.peer import PeerEvent
from lktrio.rtc.streams import KeyframeRequested, MediaReceived, StreamBound
from lktrio.rtc.transport import TransportState, TransportStateChanged

__all__ = ["ParticipantLink", "ParticipantRoom", "ServerParticipant"]

_TOKEN_INTERVAL = 300.0

_Reason = proto.DisconnectReason
_Action = proto.LeaveRequest.Action
_log = logging.getLogger("lktrio.devserver")


class ParticipantLink(Protocol):
    """The signalling link of a participant."""

    def send(self, response: proto.SignalResponse) -> None:
        """Queue a message; dropped when the link is closing or closed."""
        ...

    def close(self) -> None:
        """Send what is queued, then end."""
        ...

    def abort(self) -> None:
        """End without a word."""
        ...


class ParticipantRoom(Protocol):
    """What a participant lets its room know, and may ask of it."""

    @property
    def size(self) -> int:
        """How many participants there are."""
        ...

    def on_changed(self, participant: ServerParticipant, *, to_self: bool) -> None:
        """Others are to know the participant's present state."""
        ...

    def on_active(self, participant: ServerParticipant) -> None:
        """Its primary peer connection is up."""
        ...

    def on_left(self, participant: ServerParticipant, *, announce: bool) -> None:
        """Its session has ended."""
        ...

    def on_published(self, participant: ServerParticipant, track: PublishedTrack) -> None:
        """It published a track."""
        ...

    def on_unpublished(self, participant: ServerParticipant, track: PublishedTrack) -> None:
        """A track of it is gone."""
        ...

    def on_data(self, participant: ServerParticipant, label: str, data: bytes) -> None:
        """A message arrived on a data channel."""
        ...

    def reconcile(self, participant: ServerParticipant) -> None:
        """Bring what it receives in line with what it wants and may have."""
        ...

    def reconcile_all(self) -> None:
        """Do that for everybody."""
        ...


class ServerParticipant:
    """One session of a participant.

    Args:
        parameters: What it asked for.
        config: How the server is set up.
        room: Where it joins.
        sif_trailer: What tells that the server made a packet, where tracks are encrypted.

    Attributes:
        info: As others see it; shared, so encode before changing it.
        parameters: What it asked for.
        grants: What its token allowed, updated by the API.
        link: Its signalling link, while it has one.
        heard_at: When its client said something last.
        inbox: The data that it sends.
        uptracks: What it publishes.
        downtracks: What it receives.
    """

    def __init__(
        self,
        parameters: JoinParameters,
        config: ServerConfig,
        room: ParticipantRoom,
        sif_trailer: bytes,
    ) -> None:
        now = trio.current_time()
        self.info = describe(parameters, config.network)
        self.parameters = parameters
        self.grants: VideoGrants = parameters.claims.video
        self.link: ParticipantLink | None = None
        self.heard_at = now
        self.breaks_resume: Literal["answered", "unanswered"] | None = None
        """How its next resume goes wrong, as its client has asked for."""
        self.inbox = DataInbox()
        self._config = config
        self._room = room
        self._life = Lifecycle(now)
        self._permissions = SubscriptionPermissions()
        self._scope = trio.CancelScope()
        self._token_due = now + _TOKEN_INTERVAL
        self._connections: list[MediaConnection] = []
        if self.single:
            publishing = subscribing = self._connect("single")
        else:
            publishing, subscribing = self._connect("publisher"), self._connect("subscriber")
        self._primary = subscribing if self.subscriber_primary else publishing
        self._outbox = DataOutbox(self._primary)
        self.uptracks = UpTracks(self, publishing)
        self.downtracks = DownTracks(
            self, subscribing, _preferences(parameters), sif_trailer, offers=not self.single
        )
        self._negotiation = Negotiation(
            self.uptracks,
            self.downtracks.sections,
            self.send,
            self._on_unanswered,
            single=self.single,
        )

    def _connect(self, name: str) -> MediaConnection:
        connection = MediaConnection(
            f"{printable(self.parameters.identity)} ({name})",
            self._config.network,
            self._config.media_addresses,
            self._on_peer_event,
            self.fail,
            ice_lite=self._config.ice_lite,
            ice_tcp=self._config.ice_tcp,
        )
        self._connections.append(connection)
        return connection

    # Snapshots

    @property
    def sid(self) -> str:
        """``PA_…``."""
        return self.info.sid

    @property
    def identity(self) -> str:
        """Unique within the room."""
        return self.info.identity

    @property
    def single(self) -> bool:
        """Whether it has one peer connection for both directions."""
        return self.parameters.single_peer_connection

    @property
    def hidden(self) -> bool:
        """Whether others do not see it."""
        return bool(self.grants.hidden)

    @property
    def is_recorder(self) -> bool:
        """Whether it records the room, and receives everything."""
        return bool(self.grants.recorder)

    @property
    def is_agent(self) -> bool:
        """Whether it is an agent."""
        return bool(self.grants.agent) or self.info.kind == proto.ParticipantInfo.Kind.AGENT

    @property
    def ended(self) -> bool:
        """Whether its session is over."""
        return self._life.ended

    @property
    def active(self) -> bool:
        """Whether its primary peer connection has been up, and its session goes on."""
        return self._life.was_active and not self.ended

    @property
    def was_active(self) -> bool:
        """Whether its primary peer connection has been up."""
        return self._life.was_active

    @property
    def may_subscribe(self) -> bool:
        """Whether it may receive tracks."""
        return self.grants.may_subscribe

    @property
    def subscriber_primary(self) -> bool:
        """Whether data goes over the subscriber connection."""
        return not self.single and self.parameters.claims.video.may_subscribe

    @property
    def wants_data_tracks(self) -> bool:
        """Whether it receives the data tracks of which it says nothing."""
        return self.parameters.auto_subscribe_data_track

    @property
    def room_size(self) -> int:
        """How many participants are in the room."""
        return self._room.size

    @property
    def received_tracks(self) -> list[PublishedTrack]:
        """The tracks that it receives."""
        return self.downtracks.tracks

    def may_publish_source(self, source: proto.TrackSource) -> bool:
        """Whether it may publish tracks of a source."""
        return self.grants.may_publish_source((source.name or "").lower())

    def permits(self, subscriber: TrackSubscriber, sid: str) -> bool:
        """Whether it lets somebody receive one of its tracks."""
        return self._permissions.permit(subscriber, sid)

    def take_level(self) -> float | None:
        """How loud it has been since the last call, None if it was silent."""
        return self.uptracks.take_level()

    # Signalling

    def send(self, response: proto.SignalResponse) -> None:
        """Queue a message to the client; dropped while it has no link."""
        if self.link is not None:
            self.link.send(response)

    def respond(self, response: proto.RequestResponse) -> None:
        """Tell the client how a request of it went."""
        self.send(proto.SignalResponse(request_response=response))

    def send_token(self) -> None:
        """Give the client a fresh token for its next connection."""
        claims = self.parameters.claims
        token = next_token(claims, self.info, self.grants, *self._config.first_key)
        self._token_due = trio.current_time() + _TOKEN_INTERVAL
        self.send(proto.SignalResponse(refresh_token=token))

    def touch(self, *, to_self: bool = True) -> None:
        """Tell everybody that something about the participant has changed."""
        self.info.version += 1
        self._room.on_changed(self, to_self=to_self)

    # Life

    def begin(self, link: ParticipantLink, welcome: proto.JoinResponse) -> None:
        """Join: send what a client expects first, and process what came with the request.

        Args:
            link: The signalling link.
            welcome: The join response.

        Raises:
            RemoteProtocolError: What came with the request is malformed.
        """
        self.link = link
        self.send(proto.SignalResponse(join=welcome))
        self._happen(Happening.WELCOMED)
        self.info.state = proto.ParticipantInfo.State.JOINED
        self.send_token()
        for request in self.parameters.add_tracks:
            self.uptracks.add(request)
        if not self.single:
            self.downtracks.connection.create_channels()
        self.reconcile()
        if self.parameters.offer is not None:
            self.on_offer(self.parameters.offer)
        if self.subscriber_primary:
            self.negotiate_soon()
        self.parameters = replace(self.parameters, add_tracks=(), offer=None)  # done with

    def resume(self, link: ParticipantLink, news: Iterable[proto.SignalResponse]) -> None:
        """Continue the session on a new link.

        Args:
            link: The signalling link.
            news: What the client is told first.
        """
        if self.link is not None:
            self.link.close()
        self.link = link
        self._happen(Happening.RESUMPTION)
        for connection in self._connections:
            connection.restore()
        for response in news:
            self.send(response)
        self.send_token()
        if self.subscriber_primary:
            self.downtracks.sections.restart_ice()

    async def run(self) -> None:
        """Serve the peer connections until the session is closed."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    for connection in self._connections:
                        nursery.start_soon(connection.run)
                    nursery.start_soon(self._negotiation.run)
                    nursery.start_soon(self.downtracks.send_silence)
        except Exception:  # noqa: BLE001 - logged; the others go on
            _log.exception("the session of %s broke down", printable(self.identity))
            self.fail()
        finally:
            for connection in self._connections:
                connection.driver.close()
        await trio.lowlevel.checkpoint()

    def on_link_lost(self, link: ParticipantLink) -> None:
        """A signalling link has ended; without a peer connection so has the session."""
        if self.link is not link:
            return
        self.link = None
        if not any(connection.connected_once for connection in self._connections):
            self.close(_Reason.SIGNAL_CLOSE)
        elif any(c.state is TransportState.CLOSED for c in self._connections):
            self.close(_Reason.CLIENT_INITIATED)

    def cut_link(self) -> None:
        """Break the signalling off without a word; the session goes on."""
        if self.link is not None:
            self.link.abort()

    def drop_media(self) -> None:
        """Let nothing pass on the peer connections until the session is resumed."""
        for connection in self._connections:
            connection.drop()

    def leave(self, reason: proto.DisconnectReason, action: proto.LeaveRequest.Action) -> None:
        """End the session, telling the client why and what to do next."""
        self.send(proto.SignalResponse(leave=proto.LeaveRequest(reason=reason, action=action)))
        self.close(reason)

    def fail(self) -> None:
        """End the session because of an error of this server."""
        self.leave(_Reason.STATE_MISMATCH, _Action.RECONNECT)

    def close(self, reason: proto.DisconnectReason, *, announce: bool = True) -> None:
        """End the session. Idempotent."""
        if self._life.advance(Happening.END, trio.current_time()) is None:
            return
        self.info.disconnect_reason = reason
        self.downtracks.close()
        self.uptracks.close()
        self._outbox.clear()
        self._drop_link()
        self._scope.cancel()
        self.info.state = proto.ParticipantInfo.State.DISCONNECTED
        self.info.version += 1
        self._room.on_left(self, announce=announce)

    def _drop_link(self) -> None:
        if self.link is not None:
            self.link.close()
            self.link = None

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self._life.is_expired(now):
            self._expire()
        if self.ended:
            return
        if now >= self._token_due:
            self.send_token()
        self.uptracks.tick(now)
        self.downtracks.tick(now)

    def _expire(self) -> None:
        """The state of the session has lasted as long as it may."""
        match self._life.state:
            case State.SILENT:
                self._happen(Happening.EXPIRY)
            case State.JOINING | State.JOINED:
                self.leave(_Reason.JOIN_FAILURE, _Action.DISCONNECT)
            case _:
                self.close(_Reason.CONNECTION_TIMEOUT)

    def _happen(self, happening: Happening) -> None:
        """Let something happen to the session, and do what the state that begins asks for."""
        first = not self._life.was_active
        match self._life.advance(happening, trio.current_time()):
            case State.ACTIVE if first:
                self.info.state = proto.ParticipantInfo.State.ACTIVE
                self.touch()
                self._room.on_active(self)
            case State.LOST:
                leave = proto.LeaveRequest(reason=_Reason.CONNECTION_TIMEOUT, action=_Action.RESUME)
                self.send(proto.SignalResponse(leave=leave))
                self._drop_link()
            case _:
                pass

    # Negotiation

    def negotiate_soon(self) -> None:
        """Exchange descriptions with the client as soon as possible."""
        self._negotiation.begin_soon()

    def on_offer(self, offer: proto.SessionDescription) -> None:
        """Answer an offer of the client.

        Raises:
            RemoteProtocolError: It is malformed or contradicts earlier ones.
        """
        self._negotiation.on_offer(offer)

    def _on_unanswered(self) -> None:
        """The client did not answer; where it offers itself, that is its own affair."""
        if not self.single and self.link is not None:
            _log.info("%s does not answer an offer", printable(self.identity))
            self.leave(_Reason.STATE_MISMATCH, _Action.RECONNECT)

    # What it publishes and receives

    def on_published(self, track: PublishedTrack) -> None:
        """A track of this participant is published."""
        self.info.tracks = [*self.info.tracks, track.info]
        self.info.is_publisher = True
        self.touch()
        self._room.on_published(self, track)

    def on_unpublished(self, track: PublishedTrack) -> None:
        """A track of this participant is gone."""
        self.info.tracks = [info for info in self.info.tracks if info.sid != track.sid]
        if not self.ended:
            self.touch()
        self._room.on_unpublished(self, track)

    def set_data_tracks(self, infos: list[proto.DataTrackInfo]) -> None:
        """Let others know which data tracks it has."""
        self.info.data_tracks = infos
        if not self.ended:
            self.touch()

    def set_muted(self, info: proto.TrackInfo, muted: bool) -> None:
        """Mute or unmute one of its tracks for everybody."""
        if info.muted == muted:
            return
        info.muted = muted
        self.touch()
        track = self.uptracks.find(info.sid)
        now = trio.current_time()
        for receiver in list(track.receivers) if track is not None else ():
            receiver.on_mute_changed(now)

    def set_permitted(self, rules: proto.SubscriptionPermission) -> None:
        """Take the rules by which others may receive its tracks."""
        self._permissions.replace(rules)
        self._room.reconcile_all()

    def reconcile(self) -> None:
        """What it receives has to be looked at anew."""
        self._room.reconcile(self)

    def deliver(self, data: bytes, *, lossy: bool) -> None:
        """Send it a data packet; who lags too far behind is given up."""
        if not self._outbox.deliver(data, lossy=lossy):
            _log.warning("%s does not read its data", printable(self.identity))
            self.fail()

    def send_track_packet(self, data: bytes) -> None:
        """Send it a packet of a data track."""
        self._outbox.send_track_packet(data)

    # What may be changed

    def update(
        self, name: str, metadata: str, attributes: dict[str, str]
    ) -> tuple[proto.RequestResponse.Reason, str] | None:
        """Change name, metadata and attributes; empty values leave things as they are.

        Returns:
            Why nothing was changed, or None if all is well.
        """
        merged = {**self.info.attributes, **attributes}
        merged = {key: value for key, value in merged.items() if value}
        refusal = too_long(name, metadata, merged)
        if refusal is not None:
            return refusal
        self.info.name = name or self.info.name
        self.info.metadata = metadata or self.info.metadata
        self.info.attributes = merged
        self.touch()
        self.send_token()
        return None

    def set_permission(self, permission: proto.ParticipantPermission) -> None:
        """Change what it may do, and undo what it may not do any more."""
        self.grants = self.grants.with_permission(permission)
        self.info.permission = self.grants.to_permission()
        self.info.is_publisher = self.info.is_publisher and self.grants.may_publish
        self.uptracks.drop_forbidden()
        self.touch()
        self.send_token()
        self.reconcile()

    # Peer connections

    def _on_peer_event(self, connection: MediaConnection, event: PeerEvent) -> None:
        match event:
            case MediaReceived(transceiver, stream):
                self.uptracks.on_media(transceiver, stream)
            case DataChannelMessage(channel, data):
                self._room.on_data(self, channel.label, data)
            case StreamBound(transceiver, stream, rid):
                self.uptracks.on_stream(transceiver, stream, rid)
            case KeyframeRequested(transceiver):
                self.downtracks.on_keyframe_requested(transceiver)
            case DataChannelOpened(channel):
                connection.keep_channel(channel)
                if connection is self._primary:
                    self._outbox.on_opened()
            case TransportStateChanged(state):
                self._on_transport(connection, state)
            case _:
                pass

    def _on_transport(self, connection: MediaConnection, state: TransportState) -> None:
        if state is TransportState.CONNECTED:
            connection.connected_once = True
            if self._primary.connected_once:
                self._happen(Happening.CONNECTED)
            if connection is self.downtracks.connection:
                self.downtracks.sections.bind()
        elif state is TransportState.DISCONNECTED:
            self._happen(Happening.SILENCE)
        elif state is TransportState.FAILED:
            self._happen(Happening.FAILURE)
        elif state is TransportState.CLOSED:
            if self.link is None:
                self.close(_Reason.CLIENT_INITIATED)
            else:  # a leave or the end of the link is to follow
                self._happen(Happening.HANGUP)


def _preferences(parameters: JoinParameters) -> Preferences:
    low, high = proto.VideoQuality.LOW, proto.VideoQuality.HIGH
    unset = TrackSettings(quality=low if parameters.adaptive_stream else high)
    return Preferences(auto_subscribe=parameters.auto_subscribe, unset=unset)
