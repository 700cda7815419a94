"""What the server does with each message of a client.

A table maps the cases of SignalRequest to functions; unknown cases are ignored, as newer clients
send some. What a client may not do, or asks for in vain, is answered as LiveKit's server answers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.devserver.participant import ServerParticipant
from lktrio.devserver.room import ServerRoom
from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.signal.trickle import parse_trickle

__all__ = ["SignalHandler"]

_MAX_MIRRORED = 64

_Reason = proto.RequestResponse.Reason
_Disconnect = proto.DisconnectReason
_Action = proto.LeaveRequest.Action
_log = logging.getLogger("lktrio.devserver")

_LEAVE_REASONS = (
    _Disconnect.CLIENT_INITIATED,
    _Disconnect.USER_UNAVAILABLE,
    _Disconnect.USER_REJECTED,
    _Disconnect.AGENT_ERROR,
)


class SignalHandler:
    """Handles the messages that arrive on one link of a participant.

    Args:
        participant: Who sends them.
        room: Where it is.
    """

    def __init__(self, participant: ServerParticipant, room: ServerRoom) -> None:
        self._participant = participant
        self._room = room

    def __call__(self, request: proto.SignalRequest) -> None:
        """Handle a message; errors of the client end its session, never the server."""
        participant = self._participant
        if participant.ended:
            return
        participant.heard_at = trio.current_time()
        identity = printable(participant.identity)
        try:
            for name, handler in _HANDLERS.items():
                value = getattr(request, name)
                if value is not None:
                    handler(self, value)
        except (RemoteProtocolError, LocalProtocolError) as error:
            _log.info("%s sent what makes no sense: %s", identity, printable(str(error)))
            participant.leave(_Disconnect.STATE_MISMATCH, _Action.RECONNECT)
        except Exception:  # noqa: BLE001 - logged; the others go on
            _log.exception("a message of %s could not be handled", identity)
            participant.fail()

    def _offer(self, offer: proto.SessionDescription) -> None:
        self._participant.on_offer(offer)

    def _answer(self, answer: proto.SessionDescription) -> None:
        self._participant.downtracks.sections.on_answer(answer)

    def _trickle(self, request: proto.TrickleRequest) -> None:
        participant = self._participant
        try:
            trickled = parse_trickle(request)
            subscriber = request.target == proto.SignalTarget.SUBSCRIBER
            side = participant.downtracks if subscriber else participant.uptracks
            side.connection.peer.add_remote_candidate(trickled.candidate, trio.current_time())
            side.connection.flush()
        except RemoteProtocolError as error:
            participant.respond(
                proto.RequestResponse(
                    reason=_Reason.UNCLASSIFIED_ERROR,
                    message=printable(str(error)),
                    trickle=request,
                )
            )

    def _add_track(self, request: proto.AddTrackRequest) -> None:
        self._participant.uptracks.add(request)

    def _mute(self, request: proto.MuteTrackRequest) -> None:
        info = self._participant.uptracks.find_info(request.sid)
        if info is None:
            refusal = proto.RequestResponse(reason=_Reason.NOT_FOUND, mute=request)
            self._participant.respond(refusal)
        else:
            self._participant.set_muted(info, request.muted)

    def _subscription(self, request: proto.UpdateSubscription) -> None:
        sids = list(request.track_sids)
        for group in request.participant_tracks:
            sids += group.track_sids
        self._participant.downtracks.subscribe(sids, request.subscribe)

    def _track_setting(self, request: proto.UpdateTrackSettings) -> None:
        self._participant.downtracks.update_settings(request)

    def _leave(self, request: proto.LeaveRequest) -> None:
        reason = request.reason
        if reason not in _LEAVE_REASONS:
            reason = _Disconnect.CLIENT_INITIATED
        self._participant.leave(reason, _Action.DISCONNECT)

    def _subscription_permission(self, request: proto.SubscriptionPermission) -> None:
        self._participant.set_permitted(request)

    def _sync_state(self, state: proto.SyncState) -> None:
        participant = self._participant
        if not self._knows_all(state):
            participant.leave(_Disconnect.STATE_MISMATCH, _Action.RECONNECT)
            return
        disabled = proto.UpdateTrackSettings(track_sids=state.track_sids_disabled, disabled=True)
        participant.downtracks.update_settings(disabled)
        if state.subscription is not None:
            self._subscription(state.subscription)

    def _knows_all(self, state: proto.SyncState) -> bool:
        """Whether everything that a client says to have published is known here."""
        participant = self._participant
        infos = [published.track for published in state.publish_tracks]
        data_infos = [published.info for published in state.publish_data_tracks]
        data_sids = {info.sid for info in participant.info.data_tracks}
        return all(
            info is not None and participant.uptracks.find_info(info.sid) is not None
            for info in infos
        ) and all(info is not None and info.sid in data_sids for info in data_infos)

    def _simulate(self, scenario: proto.SimulateScenario) -> None:
        participant = self._participant
        if scenario.speaker_update is not None:
            self._room.simulate_speaker(participant, scenario.speaker_update)
        elif scenario.node_failure:
            self._vanish(_Disconnect.SERVER_SHUTDOWN)
        elif scenario.migration:
            self._vanish(_Disconnect.MIGRATION)
        elif scenario.server_leave:
            participant.leave(_Disconnect.SERVER_SHUTDOWN, _Action.DISCONNECT)
        elif scenario.leave_request_full_reconnect:
            participant.leave(_Disconnect.UNKNOWN_REASON, _Action.RECONNECT)
        elif scenario.disconnect_signal_on_resume:
            participant.breaks_resume = "answered"
        elif scenario.disconnect_signal_on_resume_no_messages:
            participant.breaks_resume = "unanswered"

    def _vanish(self, reason: proto.DisconnectReason) -> None:
        """End the session as if the server had failed: without a leave."""
        if self._participant.link is not None:
            self._participant.link.close()
        self._participant.close(reason)

    def _ping(self, timestamp: int) -> None:
        self._participant.send(proto.SignalResponse(pong=_milliseconds()))

    def _ping_req(self, ping: proto.Ping) -> None:
        pong = proto.Pong(last_ping_timestamp=ping.timestamp, timestamp=_milliseconds())
        self._participant.send(proto.SignalResponse(pong_resp=pong))

    def _update_metadata(self, request: proto.UpdateParticipantMetadata) -> None:
        participant = self._participant
        refusal = None
        if not participant.grants.can_update_own_metadata:
            refusal = _Reason.NOT_ALLOWED, "does not have permission to update own metadata"
        refusal = refusal or participant.update(
            request.name, request.metadata, dict(request.attributes)
        )
        reason, message = refusal or (_Reason.OK, "")
        participant.respond(
            proto.RequestResponse(
                request_id=request.request_id,
                reason=reason,
                message=message,
                update_metadata=request,
            )
        )

    def _update_audio_track(self, request: proto.UpdateLocalAudioTrack) -> None:
        info = self._participant.uptracks.find_info(request.track_sid)
        if info is None:
            refusal = proto.RequestResponse(reason=_Reason.NOT_FOUND, update_audio_track=request)
            self._participant.respond(refusal)
        else:
            info.audio_features = list(request.features[:_MAX_MIRRORED])
            self._participant.touch()

    def _update_video_track(self, request: proto.UpdateLocalVideoTrack) -> None:
        info = self._participant.uptracks.find_info(request.track_sid)
        if info is None:
            refusal = proto.RequestResponse(reason=_Reason.NOT_FOUND, update_video_track=request)
            self._participant.respond(refusal)
        else:
            info.width, info.height = request.width, request.height
            self._participant.touch()

    def _publish_data_track(self, request: proto.PublishDataTrackRequest) -> None:
        self._room.data_tracks.publish(self._participant, request)

    def _unpublish_data_track(self, request: proto.UnpublishDataTrackRequest) -> None:
        self._room.data_tracks.unpublish(self._participant, request)

    def _update_data_subscription(self, request: proto.UpdateDataSubscription) -> None:
        self._room.data_tracks.subscribe(self._participant, request)

    def _store_data_blob(self, request: proto.StoreDataBlobRequest) -> None:
        self._room.blobs.store(self._participant, request)

    def _get_data_blob(self, request: proto.GetDataBlobRequest) -> None:
        self._room.blobs.fetch(self._participant, request)


_HANDLERS: dict[str, Callable[[SignalHandler, Any], None]] = {
    name: getattr(SignalHandler, f"_{function}")
    for name, function in (
        ("offer", "offer"),
        ("answer", "answer"),
        ("trickle", "trickle"),
        ("add_track", "add_track"),
        ("mute", "mute"),
        ("subscription", "subscription"),
        ("track_setting", "track_setting"),
        ("leave", "leave"),
        ("subscription_permission", "subscription_permission"),
        ("sync_state", "sync_state"),
        ("simulate", "simulate"),
        ("ping", "ping"),
        ("update_metadata", "update_metadata"),
        ("ping_req", "ping_req"),
        ("update_audio_track", "update_audio_track"),
        ("update_video_track", "update_video_track"),
        ("publish_data_track_request", "publish_data_track"),
        ("unpublish_data_track_request", "unpublish_data_track"),
        ("update_data_subscription", "update_data_subscription"),
        ("store_data_blob_request", "store_data_blob"),
        ("get_data_blob_request", "get_data_blob"),
    )
}


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
