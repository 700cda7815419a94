"""What the server says, turned into state and events.

Theory of operation: one task reads the signalling and hands each message to ``handle``, which looks
its kind up in a table and works synchronously: the state has changed before the event is out, and
nothing awaits in between. Replies are queued in ``replies``, for the reader to send afterwards.
Kinds that are not in the table are for others, or newer than this program: they are ignored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from lktrio import proto
from lktrio.errors import LiveKitError, RemoteProtocolError
from lktrio.room.events import (
    ActiveSpeakersChanged,
    ConnectionQualityChanged,
    RecordingStatusChanged,
    RoomMetadataChanged,
    RoomUpdated,
    TokenRefreshed,
    TrackStreamStateChanged,
    TrackSubscriptionFailed,
    TrackSubscriptionPermissionChanged,
)
from lktrio.rtc.capabilities import MediaKind
from lktrio.rtc.sdp import MAX_SECTIONS
from lktrio.signal import parse_trickle

if TYPE_CHECKING:
    from lktrio.room.participant import Participant
    from lktrio.room.session import RoomSession

__all__ = ["ServerMessages"]

_log = logging.getLogger("lktrio.room")

_RESERVED_SECTIONS = 8  # kept for tracks of ours and for data when others ask for sections
_QUALITIES = {0: "poor", 1: "good", 2: "excellent", 3: "lost"}  # ConnectionQuality
_SUBSCRIPTION_ERRORS = {1: "codec_unsupported", 2: "track_not_found"}  # SubscriptionError


class ServerMessages:
    """The messages of one stay.

    Args:
        session: The stay.

    Attributes:
        replies: Requests to be sent, in order; taken by whoever calls ``handle``.
    """

    def __init__(self, session: RoomSession) -> None:
        self.replies: list[proto.SignalRequest] = []
        self._session = session

    def handle(self, response: proto.SignalResponse) -> None:
        """Take a message. One that makes no sense is logged; a connection that does not, fails."""
        for name, handle in self._HANDLERS.items():
            message = getattr(response, name)
            if message is not None:
                try:
                    handle(self, message)
                except RemoteProtocolError as error:
                    _log.warning("the server's %s cannot be used: %s", name, error)
                return

    # Peer connections

    def _on_answer(self, answer: proto.SessionDescription) -> None:
        session = self._session
        try:
            taken = session.negotiation.answered(answer)
        except RemoteProtocolError as error:
            self._negotiation_failed("answer", error)
            return
        if taken:
            session.subscriptions.rebind(session.link.outgoing, answer.mid_to_track_id)

    def _on_offer(self, offer: proto.SessionDescription) -> None:
        session = self._session
        incoming = session.link.incoming
        if incoming is None:
            raise RemoteProtocolError("an offer came, but we offer on the only connection")
        try:
            answer = incoming.answer(offer)
        except RemoteProtocolError as error:
            self._negotiation_failed("offer", error)
            return
        self.replies.append(proto.SignalRequest(answer=answer))
        session.subscriptions.rebind(incoming, offer.mid_to_track_id)

    def _negotiation_failed(self, what: str, error: LiveKitError) -> None:
        failure = RemoteProtocolError(f"the server's {what} cannot be used: {error}")
        failure.__cause__ = error
        self._session.fail("state_mismatch", failure)

    def _on_trickle(self, request: proto.TrickleRequest) -> None:
        trickled = parse_trickle(request)
        link = self._session.link
        subscriber = trickled.target == proto.SignalTarget.SUBSCRIBER
        connection = link.incoming if subscriber else link.outgoing
        if connection is not None and trickled.candidate:
            connection.add_remote_candidate(trickled.candidate)

    def _on_sections(self, requirement: proto.MediaSectionsRequirement) -> None:
        outgoing = self._session.link.outgoing
        wanted: dict[MediaKind, int] = {
            "audio": requirement.num_audios,
            "video": requirement.num_videos,
        }
        for kind, count in wanted.items():
            room = max(0, MAX_SECTIONS - _RESERVED_SECTIONS - len(outgoing.peer.transceivers))
            if count > room:
                _log.warning("%d %s tracks cannot be received: too many", count - room, kind)
            outgoing.add_receiving_sections((kind,) * min(count, room))
        self._session.negotiation.request()

    # Participants and tracks

    def _on_update(self, update: proto.ParticipantUpdate) -> None:
        local = self._session.local
        for info in update.participants:
            if info.sid == local.sid or info.identity == local.identity:
                self._on_own_update(info)
            else:
                self._session.roster.update(info)
        self._session.subscriptions.retry()

    def _on_own_update(self, info: proto.ParticipantInfo) -> None:
        local = self._session.local
        if info.sid != local.sid or local.is_stale(info):
            return
        if info.state == proto.ParticipantInfo.State.DISCONNECTED:
            return  # the server's leave says the same, with what to do about it
        for event in local.update(info):
            self._session.events.publish(event)
        self._session.publisher.update(info.tracks)

    def _on_track_unpublished(self, message: proto.TrackUnpublishedResponse) -> None:
        self._session.publisher.unpublished_by_server(message.track_sid)

    def _on_mute(self, message: proto.MuteTrackRequest) -> None:
        if self._session.publisher.muted_by_server(message.sid, message.muted):
            done = proto.MuteTrackRequest(sid=message.sid, muted=message.muted)
            self.replies.append(proto.SignalRequest(mute=done))

    def _on_track_subscribed(self, message: proto.TrackSubscribed) -> None:
        self._session.publisher.subscribed(message.track_sid)

    def _on_stream_states(self, message: proto.StreamStateUpdate) -> None:
        for state in message.stream_states:
            publication = self._session.roster.find_publication(state.track_sid)
            paused = state.state == proto.StreamState.PAUSED
            if publication is not None and publication.paused != paused:
                publication.paused = paused
                event = TrackStreamStateChanged(publication, publication.participant, paused)
                self._session.events.publish(event)

    def _on_subscription_permission(self, update: proto.SubscriptionPermissionUpdate) -> None:
        publication = self._session.roster.find_publication(update.track_sid)
        if publication is not None and publication.subscription_allowed != update.allowed:
            publication.subscription_allowed = update.allowed
            self._session.events.publish(
                TrackSubscriptionPermissionChanged(
                    publication, publication.participant, update.allowed
                )
            )

    def _on_subscription_response(self, response: proto.SubscriptionResponse) -> None:
        reason = _SUBSCRIPTION_ERRORS.get(int(response.err), "unknown")
        self._session.events.publish(TrackSubscriptionFailed(response.track_sid, reason))

    # The room

    def _on_room_update(self, update: proto.RoomUpdate) -> None:
        if update.room is None:
            return
        session = self._session
        before, session.info = session.info, update.room
        session.events.publish(RoomUpdated())
        if before.metadata != update.room.metadata:
            session.events.publish(RoomMetadataChanged(update.room.metadata, before.metadata))
        if before.active_recording != update.room.active_recording:
            session.events.publish(RecordingStatusChanged(update.room.active_recording))

    def _participant(self, sid: str) -> Participant[Any] | None:
        local = self._session.local
        return local if sid == local.sid else self._session.roster.by_sid(sid)

    def _on_speakers(self, message: proto.SpeakersChanged) -> None:
        for speaker in message.speakers:
            participant = self._participant(speaker.sid)
            if participant is not None:
                participant.is_speaking = speaker.active
                participant.audio_level = speaker.level
        self._session.events.publish(ActiveSpeakersChanged(self._session.active_speakers))

    def _on_quality(self, message: proto.ConnectionQualityUpdate) -> None:
        for update in message.updates:
            participant = self._participant(update.participant_sid)
            quality = _QUALITIES.get(int(update.quality))
            if participant is not None and quality is not None:
                participant.connection_quality = quality
                event = ConnectionQualityChanged(participant, quality, update.score)
                self._session.events.publish(event)

    def _on_leave(self, leave: proto.LeaveRequest) -> None:
        self._session.signal_ended()  # whatever it wants of us: there is no coming back yet

    def _on_refresh_token(self, token: str) -> None:
        if token:  # the signalling keeps it for itself as well
            self._session.events.publish(TokenRefreshed(token))

    _HANDLERS: ClassVar[Mapping[str, Callable[..., None]]] = {
        "answer": _on_answer,
        "offer": _on_offer,
        "trickle": _on_trickle,
        "update": _on_update,
        "mute": _on_mute,
        "speakers_changed": _on_speakers,
        "room_update": _on_room_update,
        "connection_quality": _on_quality,
        "stream_state_update": _on_stream_states,
        "subscription_permission_update": _on_subscription_permission,
        "leave": _on_leave,
        "refresh_token": _on_refresh_token,
        "track_unpublished": _on_track_unpublished,
        "subscription_response": _on_subscription_response,
        "track_subscribed": _on_track_subscribed,
        "media_sections_requirement": _on_sections,
    }
