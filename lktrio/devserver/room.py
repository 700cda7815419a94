"""A room: who is in it, what everybody gets, and what everybody is told.

Theory of operation: a room begins when somebody creates or joins it, and ends some time after the
last participant left, or after nobody came. What changes in it is told at once and in order: news
of a track reach a participant before the description that carries the track.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterator

import trio

from lktrio import proto
from lktrio.devserver.blobs import DataBlobs
from lktrio.devserver.codecs import OFFERED_CODECS
from lktrio.devserver.config import ServerConfig
from lktrio.devserver.data import DataExchange
from lktrio.devserver.data_tracks import DataTracks
from lktrio.devserver.dispatches import AgentDispatches
from lktrio.devserver.ids import new_room_sid
from lktrio.devserver.joining import JoinParameters
from lktrio.devserver.news import QualityNews, SpeakerNews
from lktrio.devserver.notifier import Notifier
from lktrio.devserver.participant import ParticipantLink, ServerParticipant
from lktrio.devserver.profiles import describe_refused
from lktrio.devserver.responses import join_response, reconnect_response
from lktrio.devserver.rpc import ApiCalls
from lktrio.devserver.tracks import PublishedTrack
from lktrio.net.network import Network

__all__ = ["ServerRoom"]

_EMPTY_TIMEOUT = 300  # seconds after which a room that nobody joined ends
_DEPARTURE_TIMEOUT = 20  # seconds after which a room that everybody left ends
_UPDATE_INTERVAL = 1.0  # seconds between two news of how many there are
_MAX_NONCES = 1024
_MAX_LEFT = 128  # participants of whose leaving those are told who were away meanwhile
_PASSWORD_LENGTH = 32  # bytes
_TRAILER_LENGTH = 32  # bytes

_Reason = proto.DisconnectReason
_Action = proto.LeaveRequest.Action


class ServerRoom:
    """One room.

    Args:
        request: How it was asked for.
        config: How the server is set up.
        notifier: Who tells webhooks.

    Attributes:
        info: As it is told to clients.
        participants: By identity; those that have ended are not among them.
        closed: Whether it has ended.
        dispatches: Which agents it is to have.
        calls: Calls of the server API to participants.
        data: Data packets between participants.
        data_tracks: Its data tracks.
        blobs: What participants store for each other.
    """

    def __init__(
        self, request: proto.CreateRoomRequest, config: ServerConfig, notifier: Notifier
    ) -> None:
        now = trio.current_time()
        self.info = _describe(request, config.network)
        self.participants: dict[str, ServerParticipant] = {}
        self.closed = False
        # As on LiveKit's server: a room that names no agents is for those without a name.
        wanted = request.agents or [proto.RoomAgentDispatch()]
        self.dispatches = AgentDispatches(self.name, wanted, config.network)
        self.calls = ApiCalls(config.network.random_bytes)
        self.data_tracks = DataTracks(self.participants, config.network.random_bytes)
        self.data = DataExchange(self.participants, self.data_tracks, self.calls)
        self.blobs = DataBlobs(self.participants)
        self._config = config
        self._notifier = notifier
        self._sif_trailer = config.network.random_bytes(_TRAILER_LENGTH)
        self._speakers = SpeakerNews()
        self._quality = QualityNews(now)
        self._nonces: dict[bytes, None] = {}
        self._left: deque[tuple[float, proto.ParticipantInfo]] = deque(maxlen=_MAX_LEFT)
        self._timeout = self.info.empty_timeout
        self._empty_since = now
        self._counts_told = (0, 0)
        self._told_at = 0.0

    @property
    def name(self) -> str:
        """Unique on the server."""
        return self.info.name

    @property
    def size(self) -> int:
        """How many participants there are."""
        return len(self.participants)

    @property
    def is_full(self) -> bool:
        """Whether nobody else may come."""
        limit = self.info.max_participants
        return 0 < limit <= len(self.participants)

    def tracks(self) -> Iterator[PublishedTrack]:
        """All published tracks."""
        for participant in self.participants.values():
            yield from participant.uptracks.tracks

    def _others(self, participant: ServerParticipant) -> list[ServerParticipant]:
        return [other for other in self.participants.values() if other is not participant]

    # Coming and going

    def admit(self, parameters: JoinParameters) -> ServerParticipant:
        """Let a participant in; an older session of the same identity ends."""
        older = self.participants.get(parameters.identity)
        participant = ServerParticipant(parameters, self._config, self, self._sif_trailer)
        if older is not None:
            leave = proto.LeaveRequest(reason=_Reason.DUPLICATE_IDENTITY)
            older.send(proto.SignalResponse(leave=leave))
            older.close(_Reason.DUPLICATE_IDENTITY, announce=False)
        self.participants[participant.identity] = participant
        self._timeout = self.info.departure_timeout
        self._count()
        return participant

    def begin(self, participant: ServerParticipant, link: ParticipantLink) -> None:
        """Begin the session of a participant that was let in.

        Raises:
            RemoteProtocolError: What came with its request is malformed.
        """
        welcome = join_response(
            self._config.node_id,
            self.info,
            participant.info,
            self._visible_to(participant),
            sif_trailer=self._sif_trailer,
            subscriber_primary=participant.subscriber_primary,
            fast_publish=participant.grants.may_publish,
        )
        participant.begin(link, welcome)

    def resume(self, participant: ServerParticipant, link: ParticipantLink) -> None:
        """Let a session go on on another link."""
        reconnect = reconnect_response(self._config.node_id, participant.inbox.last_sequence)
        left = [info for when, info in self._left if when >= participant.heard_at]
        everybody = [*self._visible_to(participant), participant.info]
        updates = [
            proto.SignalResponse(update=proto.ParticipantUpdate(participants=infos))
            for infos in (left, everybody)
            if infos
        ]
        news = (proto.SignalResponse(reconnect=reconnect), *updates, self._room_update())
        participant.resume(link, news)

    def refuse(self, parameters: JoinParameters) -> None:
        """Tell everybody of a participant that could not come in."""
        info = describe_refused(parameters, self._config.network)
        for participant in self.participants.values():
            _send_update(participant, info)

    def on_left(self, participant: ServerParticipant, *, announce: bool) -> None:
        """A participant's session has ended."""
        if self.participants.get(participant.identity) is participant:
            del self.participants[participant.identity]
        self.data_tracks.remove(participant)
        self.blobs.remove(participant)
        if announce and not participant.hidden:
            self._left.append((trio.current_time(), participant.info))
            for other in self._others(participant):
                _send_update(other, participant.info)
        self.reconcile_all()
        if not self.participants:
            self._empty_since = trio.current_time()
        self._count()
        self._notifier.participant_left(
            self.info, participant.info, was_active=participant.was_active
        )

    def on_active(self, participant: ServerParticipant) -> None:
        """A participant's primary connection is up."""
        self._notifier.participant_joined(self.info, participant.info)

    def close(self, reason: proto.DisconnectReason) -> None:
        """End the room and everybody's session in it."""
        if self.closed:
            return
        self.closed = True
        for participant in list(self.participants.values()):
            participant.leave(reason, _Action.DISCONNECT)

    # Who gets what

    def reconcile(self, participant: ServerParticipant) -> None:
        """Bring what a participant receives in line with what it wants and may have."""
        if participant.ended:  # it is leaving, and its own tracks end
            return
        participant.downtracks.reconcile(self.tracks())
        self.data_tracks.reconcile(participant)

    def reconcile_all(self) -> None:
        """Do that for everybody."""
        for participant in list(self.participants.values()):
            self.reconcile(participant)

    def on_published(self, participant: ServerParticipant, track: PublishedTrack) -> None:
        """A track was published: subscribe those who want it."""
        self._count()
        self.reconcile_all()
        self._notifier.track_published(self.info, participant.info, track.info)

    def on_unpublished(self, participant: ServerParticipant, track: PublishedTrack) -> None:
        """A track is gone."""
        self._count()
        self.reconcile_all()
        self._notifier.track_unpublished(self.info, participant.info, track.info)

    def on_data(self, participant: ServerParticipant, label: str, data: bytes) -> None:
        """A message of a participant arrived on a data channel."""
        self.data.take(participant, label, data)

    def is_repeated(self, nonce: bytes) -> bool:
        """Whether data with this nonce was sent before; empty ones are always new."""
        if not nonce:
            return False
        if nonce in self._nonces:
            return True
        self._nonces[nonce] = None
        if len(self._nonces) > _MAX_NONCES:
            del self._nonces[next(iter(self._nonces))]
        return False

    # News

    def on_changed(self, participant: ServerParticipant, *, to_self: bool) -> None:
        """Tell everybody about the present state of a participant."""
        receivers = [] if participant.hidden else self._others(participant)
        if to_self:
            receivers.append(participant)
        for receiver in receivers:
            _send_update(receiver, participant.info)

    def update_metadata(self, metadata: str) -> None:
        """Change the metadata and tell everybody."""
        self.info.metadata = metadata
        self._tell_room()

    def simulate_speaker(self, participant: ServerParticipant, seconds: float) -> None:
        """Tell everybody that a participant speaks, for as long as a client asked for a test."""
        until = trio.current_time() + seconds
        self._speakers.simulate(participant, self.participants.values(), until)

    def _visible_to(self, participant: ServerParticipant) -> list[proto.ParticipantInfo]:
        """Everybody else whom a participant may see."""
        return [other.info for other in self._others(participant) if not other.hidden]

    def _room_update(self) -> proto.SignalResponse:
        return proto.SignalResponse(room_update=proto.RoomUpdate(room=self.info))

    def _tell_room(self) -> None:
        for participant in self.participants.values():
            participant.send(self._room_update())

    def _count(self) -> None:
        visible = [p for p in self.participants.values() if not p.hidden]
        self.info.num_participants = len(visible)
        self.info.num_publishers = sum(p.info.is_publisher for p in visible)

    # Time

    def tick(self, now: float) -> None:
        """Do what is due."""
        for participant in list(self.participants.values()):
            participant.tick(now)
        for track in list(self.tracks()):
            track.update_quality(now)
        present = list(self.participants.values())
        self._speakers.tell(present, now)
        self._quality.tell(present, now)
        self._tell_counts(now)
        if not present and now - self._empty_since >= self._timeout:
            self.close(_Reason.ROOM_CLOSED)

    def _tell_counts(self, now: float) -> None:
        counts = (self.info.num_participants, self.info.num_publishers)
        if counts != self._counts_told and now - self._told_at >= _UPDATE_INTERVAL:
            self._counts_told, self._told_at = counts, now
            self._tell_room()


def _describe(request: proto.CreateRoomRequest, network: Network) -> proto.Room:
    now = network.wall_time()
    password = network.random_bytes(_PASSWORD_LENGTH)
    return proto.Room(
        sid=new_room_sid(network.random_bytes),
        name=request.name,
        empty_timeout=request.empty_timeout or _EMPTY_TIMEOUT,
        departure_timeout=request.departure_timeout or _DEPARTURE_TIMEOUT,
        max_participants=request.max_participants,
        creation_time=int(now),
        creation_time_ms=int(now * 1000),
        turn_password=base64.urlsafe_b64encode(password).rstrip(b"=").decode(),
        enabled_codecs=[proto.Codec(mime=mime) for mime in OFFERED_CODECS],
        metadata=request.metadata,
    )


def _send_update(to: ServerParticipant, info: proto.ParticipantInfo) -> None:
    to.send(proto.SignalResponse(update=proto.ParticipantUpdate(participants=[info])))
