"""A room: who is in it, and what everybody is told.

Theory of operation: a room begins when somebody creates or joins it, and ends some time after the
last participant left, or after nobody came. What changes in it is told at once and in order: news
of a track reach a participant before the description that carries the track.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import trio

from lktrio import proto
from lktrio.devserver.codecs import OFFERED_CODECS
from lktrio.devserver.data_tracks import DataTracks
from lktrio.devserver.ids import new_dispatch_id, new_room_sid
from lktrio.devserver.participant import Participant
from lktrio.devserver.rpc import ApiCalls
from lktrio.devserver.tracks import PublishedTrack
from lktrio.proto import codec

if TYPE_CHECKING:
    from lktrio.devserver.core import ServerCore

__all__ = ["EMPTY_TIMEOUT", "DEPARTURE_TIMEOUT", "Room", "server_info"]

EMPTY_TIMEOUT = 300
"""Seconds after which a room that nobody joined ends."""
DEPARTURE_TIMEOUT = 20
"""Seconds after which a room that everybody left ends."""
SERVER_VERSION = "1.13.5"
"""The version of LiveKit's server that this one behaves like; clients insist on one."""
PROTOCOL = 17
PING_INTERVAL = 5
PING_TIMEOUT = 15
_ROOM_UPDATE_INTERVAL = 1.0
_QUALITY_INTERVAL = 5.0
_BEST_SCORE = 4.5

_State = proto.ParticipantInfo.State
_Reason = proto.DisconnectReason
_Action = proto.LeaveRequest.Action
_log = logging.getLogger("lktrio.devserver")


def server_info(node_id: str) -> proto.ServerInfo:
    """What the server says about itself."""
    return proto.ServerInfo(
        version=SERVER_VERSION, protocol=PROTOCOL, node_id=node_id, agent_protocol=1
    )


class Room:
    """One room.

    Args:
        server: The server it belongs to.
        request: How it was asked for.

    Attributes:
        info: As it is told to clients.
        participants: By identity; those that have ended are not among them.
        closed: Whether it has ended.
        sif_trailer: The end of frames that the server makes itself.
    """

    def __init__(self, server: ServerCore, request: proto.CreateRoomRequest) -> None:
        now = time.time()
        self.server = server
        self.info = proto.Room(
            sid=new_room_sid(),
            name=request.name,
            empty_timeout=request.empty_timeout or EMPTY_TIMEOUT,
            departure_timeout=request.departure_timeout or DEPARTURE_TIMEOUT,
            max_participants=request.max_participants,
            creation_time=int(now),
            creation_time_ms=int(now * 1000),
            turn_password=secrets.token_urlsafe(32),
            enabled_codecs=[proto.Codec(mime=mime) for mime in OFFERED_CODECS],
            metadata=request.metadata,
        )
        self.participants: dict[str, Participant] = {}
        self.closed = False
        self.dispatches: dict[str, proto.AgentDispatch] = {}
        self.data_tracks = DataTracks(self)
        self.api_calls = ApiCalls()
        self._nonces: dict[bytes, None] = {}
        self.sif_trailer = secrets.token_bytes(32)
        self._anybody_came = False
        self._empty_since = trio.current_time()
        self._counts_told = (0, 0)
        self._told_at = 0.0
        self._speakers: dict[str, float] = {}
        self._quality_due = trio.current_time() + _QUALITY_INTERVAL
        self._quality_told: dict[Participant, set[str]] = {}
        # As on LiveKit's server: a room that names no agents is for those without a name.
        for wanted in request.agents or [proto.RoomAgentDispatch()]:
            self.add_dispatch(wanted)

    @property
    def name(self) -> str:
        """Unique on the server."""
        return self.info.name

    def tracks(self) -> Iterator[PublishedTrack]:
        """All published tracks."""
        for participant in self.participants.values():
            yield from participant.publisher.tracks

    def find_track(self, sid: str) -> PublishedTrack | None:
        """The published track with that sid."""
        return next((track for track in self.tracks() if track.sid == sid), None)

    def by_sid(self, sid: str) -> Participant | None:
        """The participant with that sid."""
        return next((p for p in self.participants.values() if p.sid == sid), None)

    def _others(self, participant: Participant) -> list[Participant]:
        return [other for other in self.participants.values() if other is not participant]

    # Coming and going

    def admit(self, participant: Participant) -> None:
        """Let a participant in; an older session of the same identity ends."""
        older = self.participants.get(participant.identity)
        if older is not None:
            leave = proto.LeaveRequest(reason=_Reason.DUPLICATE_IDENTITY)
            older.send(proto.SignalResponse(leave=leave))
            older.close(_Reason.DUPLICATE_IDENTITY, announce=False)
        self.participants[participant.identity] = participant
        self._anybody_came = True
        self._count()

    @property
    def is_full(self) -> bool:
        """Whether nobody else may come."""
        limit = self.info.max_participants
        return 0 < limit <= len(self.participants)

    def on_left(self, participant: Participant, *, announce: bool) -> None:
        """A participant's session has ended."""
        if self.participants.get(participant.identity) is participant:
            del self.participants[participant.identity]
        self.data_tracks.remove(participant)
        self._speakers.pop(participant.sid, None)
        self._quality_told.pop(participant, None)
        if announce and not participant.hidden:
            for other in self._others(participant):
                self._send_update(other, [participant.info])
        for other in self._others(participant):
            other.subscriber.reconcile()
        if not self.participants:
            self._empty_since = trio.current_time()
        self._count()
        self.server.notifier.participant_left(self, participant)

    def on_active(self, participant: Participant) -> None:
        """A participant's primary connection is up."""
        self.server.notifier.participant_joined(self, participant)

    def close(self, reason: proto.DisconnectReason) -> None:
        """End the room and everybody's session in it."""
        if self.closed:
            return
        self.closed = True
        for participant in list(self.participants.values()):
            participant.leave(reason, _Action.DISCONNECT)

    # Tracks

    def on_published(self, track: PublishedTrack) -> None:
        """A track was published: subscribe those who want it."""
        self._count()
        for other in self._others(track.participant):
            other.subscriber.reconcile()
        self.server.notifier.track_published(self, track)

    def on_unpublished(self, track: PublishedTrack) -> None:
        """A track is gone."""
        self._count()
        for other in self._others(track.participant):
            other.subscriber.reconcile()
        self.server.notifier.track_unpublished(self, track)

    # Server APIs

    def is_repeated(self, nonce: bytes, limit: int) -> bool:
        """Whether data with this nonce was sent before; empty ones are always new."""
        if not nonce:
            return False
        if nonce in self._nonces:
            return True
        self._nonces[nonce] = None
        if len(self._nonces) > limit:
            del self._nonces[next(iter(self._nonces))]
        return False

    def add_dispatch(self, wanted: proto.RoomAgentDispatch) -> proto.AgentDispatch:
        """Note that an agent is wanted in the room."""
        dispatch = proto.AgentDispatch(
            id=new_dispatch_id(),
            agent_name=wanted.agent_name,
            room=self.name,
            metadata=wanted.metadata,
            state=proto.AgentDispatchState(created_at=time.time_ns()),
            restart_policy=wanted.restart_policy,
            deployment=wanted.deployment,
            attributes=dict(wanted.attributes),
        )
        self.dispatches[dispatch.id] = dispatch
        return dispatch

    # News

    def _send_update(self, to: Participant, infos: list[proto.ParticipantInfo]) -> None:
        to.send(proto.SignalResponse(update=proto.ParticipantUpdate(participants=infos)))

    def broadcast_update(self, participant: Participant, *, to_self: bool) -> None:
        """Tell everybody about the present state of a participant."""
        receivers = [] if participant.hidden else self._others(participant)
        if to_self:
            receivers.append(participant)
        for receiver in receivers:
            self._send_update(receiver, [participant.info])

    def announce_refused(self, info: proto.ParticipantInfo) -> None:
        """Tell everybody of a participant that could not come in."""
        for participant in self.participants.values():
            self._send_update(participant, [info])

    def visible_to(self, participant: Participant) -> list[proto.ParticipantInfo]:
        """Everybody else whom a participant may see."""
        return [other.info for other in self._others(participant) if not other.hidden]

    def send_everybody(self, to: Participant) -> None:
        """Tell a participant about everybody, itself included."""
        self._send_update(to, [*self.visible_to(to), to.info])

    def send_room(self, to: Participant) -> None:
        """Tell a participant about the room."""
        to.send(proto.SignalResponse(room_update=proto.RoomUpdate(room=self.info)))

    def update_metadata(self, metadata: str) -> None:
        """Change the metadata and tell everybody."""
        self.info.metadata = metadata
        for participant in self.participants.values():
            self.send_room(participant)

    def _count(self) -> None:
        visible = [p for p in self.participants.values() if not p.hidden]
        self.info.num_participants = len(visible)
        self.info.num_publishers = sum(p.info.is_publisher for p in visible)

    def join_response(self, participant: Participant) -> proto.JoinResponse:
        """What a client is told first."""
        return proto.JoinResponse(
            room=self.info,
            participant=participant.info,
            other_participants=self.visible_to(participant),
            server_version=SERVER_VERSION,
            subscriber_primary=participant.subscriber_primary,
            ping_timeout=PING_TIMEOUT,
            ping_interval=PING_INTERVAL,
            server_info=server_info(self.server.node_id),
            sif_trailer=self.sif_trailer,
            enabled_publish_codecs=self.info.enabled_codecs,
            fast_publish=participant.grants.may_publish,
        )

    def reconnect_response(self, participant: Participant) -> proto.ReconnectResponse:
        """What a client is told first when it resumes."""
        return proto.ReconnectResponse(
            server_info=server_info(self.server.node_id),
            last_message_seq=participant.data.last_sequence,
        )

    # Data

    def deliver(
        self,
        packet: proto.DataPacket,
        *,
        sender: Participant | None,
        lossy: bool,
        sids: frozenset[str] = frozenset(),
    ) -> None:
        """Send a data packet to those it names, or to everybody but its sender."""
        named = set(packet.destination_identities)
        data = codec.encode(packet)
        for participant in list(self.participants.values()):
            meant = participant.identity in named or participant.sid in sids
            if participant is not sender and (meant or not (named or sids)):
                participant.data.deliver(data, lossy=lossy)

    # Time

    def tick(self, now: float) -> None:
        """Do what is due."""
        for participant in list(self.participants.values()):
            participant.tick(now)
        for track in list(self.tracks()):
            track.update_quality(now)
        self._tell_speakers()
        self._tell_counts(now)
        if now >= self._quality_due:
            self._quality_due = now + _QUALITY_INTERVAL
            self._tell_quality()
        self._end_if_empty(now)

    def _end_if_empty(self, now: float) -> None:
        if self.participants:
            return
        patience = self.info.departure_timeout if self._anybody_came else self.info.empty_timeout
        if now - self._empty_since >= patience:
            self.close(_Reason.ROOM_CLOSED)

    def _tell_counts(self, now: float) -> None:
        counts = (self.info.num_participants, self.info.num_publishers)
        if counts != self._counts_told and now - self._told_at >= _ROOM_UPDATE_INTERVAL:
            self._counts_told, self._told_at = counts, now
            for participant in self.participants.values():
                self.send_room(participant)

    def _tell_speakers(self) -> None:
        levels: dict[str, float] = {}
        changed: list[tuple[Participant, proto.SpeakerInfo]] = []
        for participant in self.participants.values():
            level = participant.publisher.take_level()
            if level is not None:
                levels[participant.sid] = level
            if self._speakers.get(participant.sid) != level:
                info = proto.SpeakerInfo(
                    sid=participant.sid, level=level or 0.0, active=level is not None
                )
                changed.append((participant, info))
        self._speakers = levels
        if changed:
            for receiver in self.participants.values():
                self._send_speakers(receiver, changed)

    def simulate_speaker(self, participant: Participant) -> None:
        """Tell everybody that a participant speaks, as a client asked for a test."""
        info = proto.SpeakerInfo(sid=participant.sid, level=1.0, active=True)
        self._speakers[participant.sid] = 1.0
        for receiver in self.participants.values():
            update = proto.SpeakersChanged(speakers=[info])
            receiver.send(proto.SignalResponse(speakers_changed=update))

    def _send_speakers(
        self, receiver: Participant, changed: list[tuple[Participant, proto.SpeakerInfo]]
    ) -> None:
        heard = [
            info for speaker, info in changed if receiver is speaker or _hears(receiver, speaker)
        ]
        if heard:
            update = proto.SpeakersChanged(speakers=heard)
            receiver.send(proto.SignalResponse(speakers_changed=update))

    def _tell_quality(self) -> None:
        for receiver in self.participants.values():
            if not receiver.active:
                continue
            told = self._quality_told.setdefault(receiver, set())
            news = [
                proto.ConnectionQualityInfo(
                    participant_sid=other.sid,
                    quality=proto.ConnectionQuality.EXCELLENT,
                    score=_BEST_SCORE,
                )
                for other in self.participants.values()
                if other.sid not in told and (other is receiver or _receives(receiver, other))
            ]
            told.update(info.participant_sid for info in news)
            if news:
                update = proto.ConnectionQualityUpdate(updates=news)
                receiver.send(proto.SignalResponse(connection_quality=update))


def _hears(receiver: Participant, speaker: Participant) -> bool:
    return any(
        downtrack.track.participant is speaker and not downtrack.track.is_video
        for downtrack in receiver.subscriber.downtracks.values()
    )


def _receives(receiver: Participant, other: Participant) -> bool:
    return any(
        downtrack.track.participant is other
        for downtrack in receiver.subscriber.downtracks.values()
    )
