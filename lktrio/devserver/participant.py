"""One participant of a room: its state, its link, its peer connections, and what others may do.

Theory of operation: a participant outlives its signalling link. It has one task, which runs its
peer connections and its negotiation until it is closed; links come and go (a resumed session brings
a new one). Everything else is synchronous: a message or a packet changes the state and causes
messages and packets to others, which are queued and never waited for.

Two modes: with a single peer connection the client offers and both directions share it; with two,
the client offers on the publisher's and the server on the subscriber's.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import trio

from lktrio import proto
from lktrio.auth import AccessToken, VideoGrants
from lktrio.devserver.connection import MediaConnection
from lktrio.devserver.data import DataPort
from lktrio.devserver.downtrack import DownTrack
from lktrio.devserver.ids import new_participant_sid
from lktrio.devserver.joining import JoinParameters
from lktrio.devserver.link import SignalLink
from lktrio.devserver.publisher import Publisher
from lktrio.devserver.subscriber import Subscriber
from lktrio.devserver.tracks import PublishedTrack
from lktrio.rtc.datachannel import DataChannelMessage, DataChannelOpened
from lktrio.rtc.peer import PeerEvent
from lktrio.rtc.streams import KeyframeRequested, MediaReceived, StreamBound
from lktrio.rtc.transport import TransportState, TransportStateChanged

if TYPE_CHECKING:
    from lktrio.devserver.room import Room

__all__ = [
    "MAX_ATTRIBUTES",
    "MAX_METADATA",
    "MAX_NAME",
    "Participant",
    "refused_info",
    "too_long",
]

MAX_NAME = 256
"""Bytes of a display name."""
MAX_METADATA = 512 * 1024
"""Bytes of a participant's metadata."""
MAX_ATTRIBUTES = 64 * 1024
"""Bytes of all names and values of a participant's attributes."""

_NEGOTIATION_DELAY = 0.01  # seconds in which further changes join an exchange
_NEGOTIATION_SECONDS = 15.0  # for the answer
_JOIN_SECONDS = 60.0  # until the first peer connection is up
_RESUME_SECONDS = 5.0  # after the transport failed
_SILENCE_SECONDS = 5.0  # from "disconnected" to "failed"
_TOKEN_INTERVAL = 300.0
_LEAST_TOKEN_LIFE = 600.0

_State = proto.ParticipantInfo.State
_Reason = proto.DisconnectReason
_Action = proto.LeaveRequest.Action
_log = logging.getLogger("lktrio.devserver")


class Participant:
    """One session of a participant.

    Args:
        room: Where it joins.
        parameters: What it asked for.

    Attributes:
        info: As others see it; shared, so encode before changing it.
        grants: What its token allowed, updated by the API.
        closed: Set when the session has ended.
        was_active: Whether its primary peer connection has been up.
    """

    def __init__(self, room: Room, parameters: JoinParameters) -> None:
        self.room = room
        self.parameters = parameters
        self.grants: VideoGrants = parameters.claims.video
        self.info = _describe(parameters)
        self.link: SignalLink | None = None
        self.closed = trio.Event()
        self.was_active = False
        self._permitted: dict[str, frozenset[str] | None] | None = None
        self._scope = trio.CancelScope()
        self._negotiation = trio.Event()
        self._joined_at = trio.current_time()
        self._token_due = trio.current_time() + _TOKEN_INTERVAL
        self._silent_since: float | None = None
        self._failed_at: float | None = None
        self._connections: list[MediaConnection] = []
        single = parameters.single_peer_connection
        if single:
            publishing = subscribing = self._connect("single")
        else:
            publishing = self._connect("publisher")
            subscribing = self._connect("subscriber")
        self.publisher = Publisher(self, publishing)
        self.subscriber = Subscriber(self, subscribing, offers=not single)
        self.data = DataPort(self)

    def _connect(self, name: str) -> MediaConnection:
        connection = MediaConnection(
            f"{self.parameters.identity} ({name})",
            self.room.server.network,
            self.room.server.media_addresses,
            self._on_peer_event,
            self.fail,
            ice_lite=self.room.server.ice_lite,
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
    def active(self) -> bool:
        """Whether its primary peer connection has been up."""
        return self.info.state == _State.ACTIVE

    @property
    def may_subscribe(self) -> bool:
        """Whether it may receive tracks."""
        return self.grants.may_subscribe

    @property
    def subscriber_primary(self) -> bool:
        """Whether data goes over the subscriber connection."""
        return not self.single and self.may_subscribe_at_join

    @property
    def may_subscribe_at_join(self) -> bool:
        """Whether the token allowed it to receive tracks."""
        return self.parameters.claims.video.may_subscribe

    @property
    def primary(self) -> MediaConnection:
        """The connection that makes the participant active and carries data to it."""
        if self.subscriber_primary:
            return self.subscriber.connection
        return self.publisher.connection

    def may_publish_source(self, source: proto.TrackSource) -> bool:
        """Whether it may publish tracks of a source."""
        return self.grants.may_publish_source((source.name or "").lower())

    def permits(self, subscriber: Participant, sid: str) -> bool:
        """Whether it allows another participant to receive one of its tracks."""
        rules = self._permitted
        if rules is None or subscriber.grants.recorder:
            return True
        permitted = rules.get(subscriber.identity, rules.get(subscriber.sid, frozenset()))
        return permitted is None or sid in permitted

    def set_permitted(self, rules: proto.SubscriptionPermission) -> None:
        """Take the rules by which others may receive its tracks."""
        self._permitted = None
        if not rules.all_participants:
            self._permitted = {
                rule.participant_identity or rule.participant_sid: None
                if rule.all_tracks
                else frozenset(rule.track_sids)
                for rule in rules.track_permissions
            }
        for other in list(self.room.participants.values()):
            other.subscriber.reconcile()
            self.room.data_tracks.reconcile(other)

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
        life = max(_LEAST_TOKEN_LIFE, claims.expires_at - time.time())
        kind = claims.kind or "standard"
        token = AccessToken(
            identity=claims.identity,
            name=self.info.name,
            ttl=timedelta(seconds=life),
            metadata=self.info.metadata,
            attributes=self.info.attributes,
            video=self.grants,
            kind=kind if kind in _KINDS else "standard",
        )
        key, secret = self.room.server.first_key
        self._token_due = trio.current_time() + _TOKEN_INTERVAL
        self.send(proto.SignalResponse(refresh_token=token.to_jwt(key, secret)))

    def touch(self, *, to_self: bool = True) -> None:
        """Tell everybody that something about the participant has changed."""
        self.info.version += 1
        self.room.broadcast_update(self, to_self=to_self)

    # Life

    def begin(self, link: SignalLink) -> None:
        """Join: send what a client expects first, and process what came with the request."""
        self.link = link
        self.send(proto.SignalResponse(join=self.room.join_response(self)))
        self.info.state = _State.JOINED
        self.send_token()
        for request in self.parameters.add_tracks:
            self.publisher.add(request)
        if not self.single:
            self.data.open_channels(self.subscriber.connection)
        self.subscriber.reconcile()
        if self.parameters.offer is not None:
            self.on_offer(self.parameters.offer)
        if not self.single and self.may_subscribe_at_join:
            self.negotiate_soon()

    def resume(self, link: SignalLink) -> None:
        """Continue the session on a new link."""
        if self.link is not None:
            self.link.lost = _do_nothing
            self.link.close()
        self.link = link
        self._failed_at = self._silent_since = None
        self.send(proto.SignalResponse(reconnect=self.room.reconnect_response(self)))
        self.room.send_everybody(self)
        self.room.send_room(self)
        self.send_token()
        if not self.single and self.may_subscribe_at_join:
            self.subscriber.restart_ice()

    async def run(self) -> None:
        """Serve the peer connections until the session is closed."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    for connection in self._connections:
                        nursery.start_soon(connection.run)
                    nursery.start_soon(self._negotiate)
                    nursery.start_soon(self.subscriber.send_silence)
        except Exception:  # noqa: BLE001 - logged; the others go on
            _log.exception("the session of %s broke down", self.identity)
            self.fail()
        finally:
            for connection in self._connections:
                connection.driver.close()
        await trio.lowlevel.checkpoint()

    def negotiate_soon(self) -> None:
        """Exchange descriptions with the client as soon as possible."""
        self._negotiation.set()

    async def _negotiate(self) -> None:
        while True:
            await self._negotiation.wait()
            await trio.sleep(_NEGOTIATION_DELAY)
            self._negotiation = trio.Event()
            if not self.subscriber.negotiate():
                continue
            with trio.move_on_after(_NEGOTIATION_SECONDS):
                await self.subscriber.answered.wait()
                continue
            if not self.single and self.link is not None:
                _log.info("%s does not answer an offer", self.identity)
                self.leave(_Reason.STATE_MISMATCH, _Action.RECONNECT)
                return

    def on_link_lost(self) -> None:
        """The signalling link has ended; without a peer connection so has the session."""
        self.link = None
        if not any(connection.connected_once for connection in self._connections):
            self.close(_Reason.SIGNAL_CLOSE)
        elif any(c.state is TransportState.CLOSED for c in self._connections):
            self.close(_Reason.CLIENT_INITIATED)

    def leave(self, reason: proto.DisconnectReason, action: proto.LeaveRequest.Action) -> None:
        """End the session, telling the client why and what to do next."""
        self.send(proto.SignalResponse(leave=proto.LeaveRequest(reason=reason, action=action)))
        self.close(reason)

    def fail(self) -> None:
        """End the session because of an error of this server."""
        self.leave(_Reason.STATE_MISMATCH, _Action.RECONNECT)

    def close(self, reason: proto.DisconnectReason, *, announce: bool = True) -> None:
        """End the session. Idempotent."""
        if self.closed.is_set():
            return
        self.closed.set()
        self.info.disconnect_reason = reason
        self.subscriber.close()
        self.publisher.close()
        self.data.close()
        if self.link is not None:
            self.link.close()
            self.link = None
        self._scope.cancel()
        self.info.state = _State.DISCONNECTED
        self.info.version += 1
        self.room.on_left(self, announce=announce)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if not self.active and now - self._joined_at >= _JOIN_SECONDS:
            self.leave(_Reason.JOIN_FAILURE, _Action.DISCONNECT)
            return
        if self._silent_since is not None and now - self._silent_since >= _SILENCE_SECONDS:
            self._silent_since = None
            self._transport_failed()
        if self._failed_at is not None and now - self._failed_at >= _RESUME_SECONDS:
            self.close(_Reason.CONNECTION_TIMEOUT)
            return
        if now >= self._token_due:
            self.send_token()
        self.publisher.tick(now)
        self.subscriber.tick(now)

    # Negotiation

    def on_offer(self, offer: proto.SessionDescription) -> None:
        """Answer an offer of the client.

        Raises:
            RemoteProtocolError: It is malformed or contradicts earlier ones.
        """
        connection = self.publisher.connection
        now = trio.current_time()
        connection.peer.set_offer(offer.sdp, now)
        self.publisher.choose_codecs()
        if self.single:
            self.subscriber.assign()
        sdp = connection.peer.create_answer(now)
        self.publisher.match_sections()
        answer = proto.SessionDescription(type="answer", sdp=sdp, id=offer.id)
        if self.single:
            answer.mid_to_track_id = self.subscriber.mid_to_track_id()
        self.send(proto.SignalResponse(answer=answer))
        connection.flush()
        if self.single:
            self.subscriber.on_answered()

    # What happened elsewhere

    def on_published(self, track: PublishedTrack) -> None:
        """A track of this participant is published."""
        self.info.tracks = [*self.info.tracks, track.info]
        self.info.is_publisher = True
        self.touch()
        self.room.on_published(track)

    def on_unpublished(self, track: PublishedTrack) -> None:
        """A track of this participant is gone."""
        self.info.tracks = [info for info in self.info.tracks if info.sid != track.sid]
        if not self.closed.is_set():
            self.touch()
        self.room.on_unpublished(track)

    def on_subscribed(self, downtrack: DownTrack) -> None:
        """The client agreed to receive a track."""
        track = downtrack.track
        track.update_quality(trio.current_time())
        if not self.hidden and not track.announced_subscribed:
            track.announced_subscribed = True
            told = proto.TrackSubscribed(track_sid=track.sid)
            track.participant.send(proto.SignalResponse(track_subscribed=told))

    def on_first_packet(self, downtrack: DownTrack) -> None:
        """A track begins to flow to the client."""
        if downtrack.track.is_video:
            state = proto.StreamStateInfo(
                participant_sid=downtrack.track.participant.sid,
                track_sid=downtrack.track.sid,
                state=proto.StreamState.ACTIVE,
            )
            update = proto.StreamStateUpdate(stream_states=[state])
            self.send(proto.SignalResponse(stream_state_update=update))

    def send_media(self, datagrams: list[bytes]) -> None:
        """Send forwarded packets."""
        self.subscriber.connection.peer.send(datagrams)
        self.subscriber.connection.flush()

    def set_muted(self, info: proto.TrackInfo, muted: bool) -> None:
        """Mute or unmute one of its tracks for everybody."""
        if info.muted == muted:
            return
        info.muted = muted
        self.touch()
        track = self.room.find_track(info.sid)
        if track is not None:
            for downtrack in list(track.downtracks):
                downtrack.subscriber.subscriber.set_muted(track)

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
        self.publisher.drop_forbidden()
        self.touch()
        self.send_token()
        self.subscriber.reconcile()
        self.room.data_tracks.reconcile(self)

    def _on_peer_event(self, connection: MediaConnection, event: PeerEvent) -> None:
        match event:
            case MediaReceived(transceiver, stream):
                self.publisher.on_media(transceiver, stream)
            case DataChannelMessage(channel, data):
                self.data.on_message(channel, data)
            case StreamBound(transceiver, stream, rid):
                self.publisher.on_stream(transceiver, stream, rid)
            case KeyframeRequested(transceiver):
                self.subscriber.on_keyframe_requested(transceiver)
            case DataChannelOpened(channel):
                connection.channels[channel.label] = channel
                self.data.on_opened(connection)
            case TransportStateChanged(state):
                self._on_transport(connection, state)
            case _:
                pass

    def _on_transport(self, connection: MediaConnection, state: TransportState) -> None:
        if state is TransportState.CONNECTED:
            connection.connected_once = True
            self._silent_since = self._failed_at = None
            if connection is self.primary and not self.active:
                self.was_active = True
                self.info.state = _State.ACTIVE
                self.touch()
                self.room.on_active(self)
            if connection is self.subscriber.connection:
                self.subscriber.bind()
        elif state is TransportState.DISCONNECTED:
            self._silent_since = trio.current_time()
        elif state is TransportState.FAILED:
            self._transport_failed()
        elif state is TransportState.CLOSED:
            if self.link is None:
                self.close(_Reason.CLIENT_INITIATED)
            elif self._failed_at is None:  # a leave or the end of the link is to follow
                self._failed_at = trio.current_time()

    def _transport_failed(self) -> None:
        """The client is to come back within some seconds."""
        if self._failed_at is None and not self.closed.is_set():
            self._failed_at = trio.current_time()
            leave = proto.LeaveRequest(reason=_Reason.CONNECTION_TIMEOUT, action=_Action.RESUME)
            self.send(proto.SignalResponse(leave=leave))
            if self.link is not None:
                self.link.close()
                self.link = None


_KINDS = ("standard", "ingress", "egress", "sip", "agent", "connector", "bridge")


def refused_info(parameters: JoinParameters) -> proto.ParticipantInfo:
    """How a participant is described that could not come in."""
    info = _describe(parameters)
    info.state, info.disconnect_reason = _State.DISCONNECTED, _Reason.JOIN_FAILURE
    return info


def too_long(
    name: str, metadata: str, attributes: dict[str, str]
) -> tuple[proto.RequestResponse.Reason, str] | None:
    """Why these values are too long for a participant, or None."""
    reason = proto.RequestResponse.Reason.LIMIT_EXCEEDED
    if len(name.encode()) > MAX_NAME:
        return reason, "exceeds name length limit"
    if len(metadata.encode()) > MAX_METADATA:
        return reason, "exceeds metadata size limit"
    size = sum(len(key.encode()) + len(value.encode()) for key, value in attributes.items())
    if size > MAX_ATTRIBUTES:
        return reason, "exceeds attributes size limit"
    return None


def _do_nothing() -> None:
    """What the end of a link means that was replaced."""


def _describe(parameters: JoinParameters) -> proto.ParticipantInfo:
    claims = parameters.claims
    now = time.time()
    return proto.ParticipantInfo(
        sid=new_participant_sid(),
        identity=parameters.identity,
        state=_State.JOINING,
        metadata=parameters.metadata or claims.metadata,
        joined_at=int(now),
        joined_at_ms=int(now * 1000),
        name=claims.name,
        permission=claims.video.to_permission(),
        kind=claims.participant_kind,
        kind_details=list(claims.participant_kind_details),
        attributes={**claims.attributes, **parameters.attributes},
        client_protocol=parameters.client.client_protocol,
        capabilities=list(parameters.client.capabilities),
    )
