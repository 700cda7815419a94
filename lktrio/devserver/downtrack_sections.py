"""The sections of a peer connection that carry tracks to one participant.

Theory of operation: a down track needs a section. With a subscriber connection of its own the
server offers one. With a single connection only the client offers: down tracks wait until a
description of the client has a free section, and the client is asked for more when there are not
enough (MediaSectionsRequirement). Sections of tracks that are gone are used again. One exchange of
descriptions at a time is under way.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

import trio

from lktrio import proto
from lktrio.devserver.connection import MediaConnection
from lktrio.devserver.downtrack import DownTrack
from lktrio.devserver.tracks import PublishedTrack
from lktrio.rtc.capabilities import CodecCapability, MediaKind
from lktrio.rtc.transceiver import Transceiver

__all__ = ["DownTrackSections", "SectionsOwner"]

_FIRST_OFFER_IDS = range(2, 258)  # LiveKit's server begins at a random one
_KINDS: tuple[MediaKind, ...] = ("audio", "video")

_log = logging.getLogger("lktrio.devserver")


class SectionsOwner(Protocol):
    """Whose down tracks are carried."""

    def send(self, response: proto.SignalResponse) -> None:
        """Queue a message to the client."""
        ...

    def negotiate_soon(self) -> None:
        """Descriptions have to be exchanged."""
        ...

    def on_bound(self, downtrack: DownTrack) -> None:
        """The client agreed to receive a track."""
        ...

    def on_refused(self, downtrack: DownTrack) -> None:
        """The client takes no codec of a track."""
        ...


class DownTrackSections:
    """The sections of one participant.

    Args:
        owner: Whose.
        connection: The peer connection that sends to the client.
        downtracks: What is to be carried, by the sid of the track.
        offers: Whether the server offers on that connection.

    Attributes:
        answered: Set when no exchange of descriptions is under way.
    """

    def __init__(
        self,
        owner: SectionsOwner,
        connection: MediaConnection,
        downtracks: Mapping[str, DownTrack],
        *,
        offers: bool,
    ) -> None:
        self.answered = trio.Event()
        self._owner = owner
        self._connection = connection
        self._downtracks = downtracks
        self._offers = offers
        self._ready = offers
        self._offer_id = _FIRST_OFFER_IDS[connection.random(1)[0]]
        self._restart = False
        self._awaited = False

    # Exchanging descriptions

    def negotiate(self) -> bool:
        """Begin an exchange of descriptions; whether an answer (or an offer) is to come."""
        if self._offers:
            self._send_offer()
            return True
        if not self._ready:
            return False  # the client's first offer is on its way
        counts = {kind: len(self._waiting(kind)) - len(self._free(kind)) for kind in _KINDS}
        requirement = proto.MediaSectionsRequirement(
            num_audios=max(0, counts["audio"]), num_videos=max(0, counts["video"])
        )
        self.answered = trio.Event()
        self._owner.send(proto.SignalResponse(media_sections_requirement=requirement))
        return True

    def restart_ice(self) -> None:
        """Look for a new path with the next offer of the server."""
        self._restart = True
        self._connection.peer.cancel_offer()
        self.answered.set()
        self._owner.negotiate_soon()

    def _send_offer(self) -> None:
        peer = self._connection.peer
        for kind in _KINDS:
            codecs = peer.capabilities.codecs(kind)
            for downtrack in self._waiting(kind):
                transceiver = self._reusable(kind) or peer.add_transceiver(kind, "sendonly")
                transceiver.capabilities = _preferring(codecs, downtrack.track.codecs)
                self._place(downtrack, transceiver)
        restart, self._restart = self._restart, False
        peer.cancel_offer()  # one that nobody answered, as the client was gone
        sdp = peer.create_offer(trio.current_time(), ice_restart=restart)
        self._connection.flush()
        self._offer_id += 1
        self._awaited = True
        self.answered = trio.Event()
        offer = proto.SessionDescription(
            type="offer", sdp=sdp, id=self._offer_id, mid_to_track_id=self.mid_to_track_id()
        )
        self._owner.send(proto.SignalResponse(offer=offer))

    def on_answer(self, answer: proto.SessionDescription) -> None:
        """Take the client's answer to an offer of the server; one to no offer is ignored.

        Raises:
            RemoteProtocolError: It is malformed.
        """
        if not self._awaited or answer.id not in (0, self._offer_id):
            _log.debug("%s: an answer to no offer", self._connection.name)
            return
        self._awaited = False
        self._connection.peer.set_answer(answer.sdp, trio.current_time())
        self._connection.flush()
        self.answered.set()
        self.bind()

    def on_answered(self) -> None:
        """An offer of the client was answered, which is when its sections can be used."""
        self._ready = True
        self.answered.set()
        self.bind()
        if self._waiting("audio") or self._waiting("video"):
            self._owner.negotiate_soon()

    def mid_to_track_id(self) -> dict[str, str]:
        """Which section carries which track."""
        return {
            downtrack.transceiver.mid: sid
            for sid, downtrack in self._downtracks.items()
            if downtrack.transceiver is not None and downtrack.transceiver.mid is not None
        }

    # Sections

    def _waiting(self, kind: MediaKind) -> list[DownTrack]:
        video = kind == "video"
        return [
            downtrack
            for downtrack in self._downtracks.values()
            if downtrack.transceiver is None
            and not downtrack.refused
            and downtrack.track.is_video == video
        ]

    def _free(self, kind: MediaKind) -> list[Transceiver]:
        transceivers = self._connection.peer.transceivers
        return [section for section in transceivers if section.kind == kind and _is_free(section)]

    def assign(self) -> None:
        """Give waiting down tracks the free sections of the client's description."""
        for kind in _KINDS:
            free = self._free(kind)
            for downtrack in self._waiting(kind):
                if not free:
                    break
                fitting = [section for section in free if _takes(section, downtrack.track)]
                if fitting:
                    free.remove(fitting[0])
                    self._place(downtrack, fitting[0])
                else:
                    self._refuse(downtrack)

    def _place(self, downtrack: DownTrack, transceiver: Transceiver) -> None:
        track = downtrack.track
        downtrack.transceiver = transceiver
        stream_id = f"{track.publisher.sid}|{track.sid}"
        self._connection.peer.set_local_track(transceiver, stream_id, track.sid)

    def _reusable(self, kind: MediaKind) -> Transceiver | None:
        for transceiver in self._connection.peer.transceivers:
            unused = transceiver.local_track is None and transceiver.current_direction is not None
            if transceiver.kind == kind and unused and not transceiver.stopped:
                return transceiver
        return None

    def release(self, downtrack: DownTrack) -> None:
        """Let the section of a down track be used for others."""
        if downtrack.transceiver is not None:
            self._connection.peer.clear_local_track(downtrack.transceiver)
            self._connection.flush()
            downtrack.transceiver = None

    def _refuse(self, downtrack: DownTrack) -> None:
        """Give up on a track of which the client takes no codec."""
        downtrack.refused = True
        if downtrack.transceiver is not None:
            self.release(downtrack)
            self._owner.negotiate_soon()
        self._owner.on_refused(downtrack)

    # Forwarding

    def bind(self) -> None:
        """Begin to forward where the client agreed to receive, once something can reach it."""
        if not self._connection.connected_once:
            return
        now = trio.current_time()
        for downtrack in list(self._downtracks.values()):
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
                stream = self._connection.peer.outbound(transceiver, mime)
                downtrack.bind(stream, mime, now)
                self._owner.on_bound(downtrack)
                return True
        return False

    def change_codec(self, downtrack: DownTrack) -> bool:
        """Go on with the codec that its track has now; whether its section can carry that."""
        mime, transceiver = downtrack.track.codecs[0], downtrack.transceiver
        if transceiver is None or not downtrack.bound or downtrack.mime.lower() == mime.lower():
            return True
        if not transceiver.sending or transceiver.codec_for(mime) is None:
            return False
        stream = self._connection.peer.change_codec(transceiver, mime)
        downtrack.change_codec(stream, mime, trio.current_time())
        return True


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
