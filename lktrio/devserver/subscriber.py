"""What one participant receives: subscriptions, and the sections of its peer connection for them.

Theory of operation: which tracks a participant should get follows from its wishes, its permission
and the publishers' permissions; `Subscriber.reconcile` brings the down tracks in line with that
whenever one of them changes. A down track needs a section. With a subscriber connection of its own
the server offers one. With a single connection only the client offers: down tracks wait until a
description of the client has a free section, and the client is asked for more when there are not
enough (MediaSectionsRequirement). Sections of tracks that are gone are used again.

The participant's negotiation task calls `negotiate`; one exchange at a time is under way.
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

import trio

from lktrio import proto
from lktrio.devserver.connection import MediaConnection
from lktrio.devserver.downtrack import SILENCE_STEP, DownTrack
from lktrio.devserver.tracks import PublishedTrack
from lktrio.rtc.capabilities import CodecCapability, MediaKind
from lktrio.rtc.transceiver import Transceiver

if TYPE_CHECKING:
    from lktrio.devserver.participant import Participant

__all__ = ["Subscriber"]

_NOT_FOUND_AFTER = 60.0  # seconds for which a subscription waits for its track
_MAX_WISHES = 4096
_FIRST_OFFER_IDS = range(2, 258)  # LiveKit's server begins at a random one

_log = logging.getLogger("lktrio.devserver")


class Subscriber:
    """The subscriptions of one participant.

    Args:
        participant: Whose.
        connection: The peer connection that sends to the client.
        offers: Whether the server offers on it.

    Attributes:
        downtracks: By the sid of their track.
    """

    def __init__(
        self, participant: Participant, connection: MediaConnection, *, offers: bool
    ) -> None:
        self.participant = participant
        self.connection = connection
        self.downtracks: dict[str, DownTrack] = {}
        self.answered = trio.Event()
        self._offers = offers
        self._wishes: dict[str, bool] = {}
        self._settings: dict[str, proto.UpdateTrackSettings] = {}
        self._missing_since: dict[str, float] = {}
        self._allowed: dict[str, bool] = {}
        self._offer_id = random.choice(_FIRST_OFFER_IDS)  # noqa: S311 - not a secret
        self._ready = offers
        self._muted = trio.Event()
        self._restart = False
        self._awaited = False

    # Wishes

    def subscribe(self, sids: list[str], wanted: bool, now: float) -> None:
        """Take wishes of the client, or of the API for it."""
        for sid in sids:
            if len(self._wishes) < _MAX_WISHES or sid in self._wishes:
                self._wishes[sid] = wanted
                if wanted and self.participant.room.find_track(sid) is None:
                    self._missing_since.setdefault(sid, now)
        self.reconcile()

    def update_settings(self, settings: proto.UpdateTrackSettings) -> None:
        """Take what the client wants of tracks, which may not be there yet."""
        now = trio.current_time()
        for sid in settings.track_sids:
            if len(self._settings) < _MAX_WISHES or sid in self._settings:
                self._settings[sid] = settings
                if sid in self.downtracks:
                    self.downtracks[sid].apply(settings, now)
                    self._muted.set()

    def _wants(self, track: PublishedTrack) -> bool:
        participant = self.participant
        if track.participant is participant or not participant.may_subscribe:
            return False
        return self._wishes.get(track.sid, participant.parameters.auto_subscribe)

    def reconcile(self) -> None:
        """Bring the down tracks in line with what the participant is to get."""
        changed = False
        tracks = {track.sid: track for track in self.participant.room.tracks()}
        for sid, downtrack in list(self.downtracks.items()):
            track = tracks.get(sid)
            if track is None or not self._is_due(track):
                self._remove(downtrack)
                changed = True
        for sid, track in tracks.items():
            if self._wants(track):
                self._tell_permission(track)
                if sid not in self.downtracks and self._is_due(track):
                    self._add(track)
                    changed = True
        self._forget(tracks)
        if changed:
            self.participant.negotiate_soon()

    def _is_due(self, track: PublishedTrack) -> bool:
        return self._wants(track) and track.participant.permits(self.participant, track.sid)

    def _tell_permission(self, track: PublishedTrack) -> None:
        allowed = track.participant.permits(self.participant, track.sid)
        if self._allowed.get(track.sid) == allowed:
            return
        self._allowed[track.sid] = allowed
        update = proto.SubscriptionPermissionUpdate(
            participant_sid=track.participant.sid, track_sid=track.sid, allowed=allowed
        )
        self.participant.send(proto.SignalResponse(subscription_permission_update=update))

    def _forget(self, tracks: dict[str, PublishedTrack]) -> None:
        self._missing_since = {s: t for s, t in self._missing_since.items() if s not in tracks}
        self._allowed = {
            sid: allowed
            for sid, allowed in self._allowed.items()
            if sid in tracks and self._wants(tracks[sid])
        }

    def _add(self, track: PublishedTrack) -> None:
        downtrack = DownTrack(track, self.participant)
        self.downtracks[track.sid] = downtrack
        track.downtracks.append(downtrack)
        now = trio.current_time()
        settings = self._settings.get(track.sid)
        if settings is None:
            quality = proto.VideoQuality.HIGH
            if self.participant.parameters.adaptive_stream:
                quality = proto.VideoQuality.LOW
            settings = proto.UpdateTrackSettings(quality=quality)
        downtrack.apply(settings, now)

    def _remove(self, downtrack: DownTrack) -> None:
        del self.downtracks[downtrack.track.sid]
        if downtrack in downtrack.track.downtracks:
            downtrack.track.downtracks.remove(downtrack)
        if downtrack.transceiver is not None:
            self.connection.peer.clear_local_track(downtrack.transceiver)
            self.connection.flush()

    def set_muted(self, track: PublishedTrack) -> None:
        """The publisher muted or unmuted a track."""
        downtrack = self.downtracks.get(track.sid)
        if downtrack is not None:
            downtrack.set_muted(track.info.muted or downtrack.disabled, trio.current_time())
            self._muted.set()

    async def send_silence(self) -> None:
        """Send silence after tracks were muted, until cancelled."""
        while True:
            await self._muted.wait()
            self._muted = trio.Event()
            while datagrams := self._silence():
                self.participant.send_media(datagrams)
                await trio.sleep(SILENCE_STEP)

    def _silence(self) -> list[bytes]:
        now, trailer = trio.current_time(), self.participant.room.sif_trailer
        made = [downtrack.silence(trailer, now) for downtrack in self.downtracks.values()]
        return [datagram for datagram in made if datagram is not None]

    def tick(self, now: float) -> None:
        """Look after subscriptions that wait for something."""
        for downtrack in self.downtracks.values():
            downtrack.choose(now)
        for sid, since in list(self._missing_since.items()):
            if now - since >= _NOT_FOUND_AFTER:
                del self._missing_since[sid]
                self._tell_error(sid, proto.SubscriptionError.SE_TRACK_NOTFOUND)

    def _tell_error(self, sid: str, error: proto.SubscriptionError) -> None:
        answer = proto.SubscriptionResponse(track_sid=sid, err=error)
        self.participant.send(proto.SignalResponse(subscription_response=answer))

    def close(self) -> None:
        """Leave every track."""
        for downtrack in self.downtracks.values():
            if downtrack in downtrack.track.downtracks:
                downtrack.track.downtracks.remove(downtrack)
        self.downtracks.clear()

    # Negotiation

    def negotiate(self) -> bool:
        """Begin an exchange of descriptions; whether an answer (or an offer) is to come."""
        if self._offers:
            self._send_offer()
            return True
        if not self._ready:
            return False  # the client's first offer is on its way
        counts = {kind: len(self._waiting(kind)) - self._free(kind) for kind in _KINDS}
        requirement = proto.MediaSectionsRequirement(
            num_audios=max(0, counts["audio"]), num_videos=max(0, counts["video"])
        )
        self.answered = trio.Event()
        self.participant.send(proto.SignalResponse(media_sections_requirement=requirement))
        return True

    def restart_ice(self) -> None:
        """Look for a new path with the next offer of the server."""
        self._restart = True
        self.connection.peer.cancel_offer()
        self.answered.set()
        self.participant.negotiate_soon()

    def _waiting(self, kind: MediaKind) -> list[DownTrack]:
        video = kind == "video"
        return [
            downtrack
            for downtrack in self.downtracks.values()
            if downtrack.transceiver is None
            and not downtrack.refused
            and downtrack.track.is_video == video
        ]

    def _free(self, kind: MediaKind) -> int:
        return sum(
            transceiver.kind == kind and _is_free(transceiver)
            for transceiver in self.connection.peer.transceivers
        )

    def assign(self) -> None:
        """Give waiting down tracks the free sections of the client's description."""
        for kind in _KINDS:
            free = [
                transceiver
                for transceiver in self.connection.peer.transceivers
                if transceiver.kind == kind and _is_free(transceiver)
            ]
            for downtrack in self._waiting(kind):
                if not free:
                    break
                fitting = [section for section in free if _takes(section, downtrack.track)]
                if fitting:
                    free.remove(fitting[0])
                    self._place(downtrack, fitting[0])
                else:
                    self._refuse(downtrack)

    def _refuse(self, downtrack: DownTrack) -> None:
        """Give up on a track of which the client takes no codec."""
        _log.info("%s cannot take %s", self.participant.identity, downtrack.track.sid)
        downtrack.refused = True
        if downtrack.transceiver is not None:
            self.connection.peer.clear_local_track(downtrack.transceiver)
            downtrack.transceiver = None
            self.participant.negotiate_soon()
        self._tell_error(downtrack.track.sid, proto.SubscriptionError.SE_CODEC_UNSUPPORTED)

    def _place(self, downtrack: DownTrack, transceiver: Transceiver) -> None:
        track = downtrack.track
        downtrack.transceiver = transceiver
        stream_id = f"{track.participant.sid}|{track.sid}"
        self.connection.peer.set_local_track(transceiver, stream_id, track.sid)

    def _send_offer(self) -> None:
        peer = self.connection.peer
        for kind in _KINDS:
            codecs = peer.capabilities.codecs(kind)
            for downtrack in self._waiting(kind):
                transceiver = self._reusable(kind) or peer.add_transceiver(kind, "sendonly")
                transceiver.capabilities = _preferring(codecs, downtrack.track.codecs)
                self._place(downtrack, transceiver)
        restart, self._restart = self._restart, False
        peer.cancel_offer()  # one that nobody answered, as the client was gone
        sdp = peer.create_offer(trio.current_time(), ice_restart=restart)
        self.connection.flush()
        self._offer_id += 1
        self._awaited = True
        self.answered = trio.Event()
        offer = proto.SessionDescription(
            type="offer", sdp=sdp, id=self._offer_id, mid_to_track_id=self.mid_to_track_id()
        )
        self.participant.send(proto.SignalResponse(offer=offer))

    def _reusable(self, kind: MediaKind) -> Transceiver | None:
        for transceiver in self.connection.peer.transceivers:
            unused = transceiver.local_track is None and transceiver.current_direction is not None
            if transceiver.kind == kind and unused and not transceiver.stopped:
                return transceiver
        return None

    def mid_to_track_id(self) -> dict[str, str]:
        """Which section carries which track."""
        return {
            downtrack.transceiver.mid: sid
            for sid, downtrack in self.downtracks.items()
            if downtrack.transceiver is not None and downtrack.transceiver.mid is not None
        }

    def on_answer(self, answer: proto.SessionDescription) -> None:
        """Take the client's answer to an offer of the server; one to no offer is ignored.

        Raises:
            RemoteProtocolError: It is malformed.
        """
        if not self._awaited or answer.id not in (0, self._offer_id):
            _log.debug("%s answered no offer of ours", self.participant.identity)
            return
        self._awaited = False
        self.connection.peer.set_answer(answer.sdp, trio.current_time())
        self.connection.flush()
        self.answered.set()
        self.bind()

    def on_answered(self) -> None:
        """An offer of the client was answered, which is when its sections can be used."""
        self._ready = True
        self.answered.set()
        self.bind()
        if self._waiting("audio") or self._waiting("video"):
            self.participant.negotiate_soon()

    def bind(self) -> None:
        """Begin to forward where the client agreed to receive, once something can reach it."""
        if not self.connection.connected_once:
            return
        now = trio.current_time()
        for downtrack in list(self.downtracks.values()):
            transceiver = downtrack.transceiver
            if transceiver is None or downtrack.bound:
                continue
            if transceiver.sending:
                if not self._bind(downtrack, transceiver, now):
                    self._refuse(downtrack)
            elif transceiver.stopped:
                self._refuse(downtrack)

    def _bind(self, downtrack: DownTrack, transceiver: Transceiver, now: float) -> bool:
        """Take the first codec of the track that the client accepted, if there is one."""
        for mime in downtrack.track.codecs:
            if transceiver.codec_for(mime) is not None:
                stream = self.connection.peer.outbound(transceiver, mime)
                downtrack.bind(stream, mime, now)
                self.participant.on_subscribed(downtrack)
                return True
        return False

    def change_codec(self, downtrack: DownTrack) -> None:
        """A track is not to be had any more in the codec in which the client gets it."""
        mime, transceiver = downtrack.track.codecs[0], downtrack.transceiver
        if transceiver is None or not downtrack.bound or downtrack.mime.lower() == mime.lower():
            return
        if transceiver.sending and transceiver.codec_for(mime) is not None:
            stream = self.connection.peer.change_codec(transceiver, mime)
            downtrack.change_codec(stream, mime, trio.current_time())
        else:
            self._remove(downtrack)
            self.reconcile()

    def on_keyframe_requested(self, transceiver: Transceiver) -> None:
        """The client asks for a keyframe in one of its sections."""
        for downtrack in self.downtracks.values():
            if downtrack.transceiver is transceiver:
                downtrack.on_keyframe_requested(trio.current_time())


_KINDS: tuple[MediaKind, ...] = ("audio", "video")


def _is_free(transceiver: Transceiver) -> bool:
    """Whether the client would receive in a section that carries nothing."""
    remote = transceiver.remote
    return (
        remote is not None
        and not remote.rejected
        and remote.direction in ("recvonly", "sendrecv")
        and transceiver.local_track is None
        and transceiver.remote_track is None
    )


def _takes(transceiver: Transceiver, track: PublishedTrack) -> bool:
    """Whether a section that the client offered has a codec of the track."""
    return any(transceiver.codec_for(mime) is not None for mime in track.codecs)


def _preferring(
    codecs: tuple[CodecCapability, ...], mimes: list[str]
) -> tuple[CodecCapability, ...]:
    """All codecs, those of a track first; some clients take no codec that came late."""
    rank = {mime.lower(): number for number, mime in enumerate(mimes)}
    return tuple(sorted(codecs, key=lambda codec: rank.get(codec.mime.lower(), len(rank))))
