"""Which section of a peer connection carries whose track.

Theory of operation: after every exchange of descriptions each section is looked at anew. The track
it carries is named by the server's map from mids to track SIDs, or by the track id of its msid. A
section may be recycled for another track, so the binding is to the section's current track, never
to its mid. A track may arrive before the participant update that announces it; it waits.

When the link with the server is replaced by a new join, tracks lose their sections, and are bound
again to those of the next link: their readers go on. LiveKit's server then subscribes us to every
track once media can flow, also to those that the program has unsubscribed, and it does not heed
what it was told before. So the section of a track that is not wanted is not bound, but answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lktrio.room.session.capture_times import SenderClocks
from lktrio.room.session.peer_connection import PeerConnection
from lktrio.room.session.receiving import TrackMedia
from lktrio.room.state.remote import RemoteTrackRecord
from lktrio.room.state.roster import Roster
from lktrio.room.state.stream_stats import InboundStreamStats
from lktrio.rtc.rtp.inbound import InboundStream
from lktrio.rtc.transceiver import Transceiver

__all__ = ["Subscriptions"]

_TRACK_PREFIX = "TR_"


class Subscriptions:
    """The remote tracks that are received.

    Args:
        roster: Who publishes what.
        tell: Called when the state has news.
        on_first_reader: Called with a track when somebody begins to read it.
        on_unwanted: Called with a track that arrives although the program has unsubscribed it.
    """

    def __init__(
        self,
        roster: Roster,
        tell: Callable[[], None],
        on_first_reader: Callable[[RemoteTrackRecord], None],
        on_unwanted: Callable[[RemoteTrackRecord], None],
    ) -> None:
        self._on_first_reader = on_first_reader
        self._on_unwanted = on_unwanted
        self._roster = roster
        self._tell = tell
        self._clocks = SenderClocks()
        self._bound: dict[Transceiver, TrackMedia] = {}
        self._detached: dict[RemoteTrackRecord, TrackMedia] = {}
        self._waiting: dict[Transceiver, tuple[PeerConnection, str]] = {}
        self._refused: set[Transceiver] = set()

    def release(self) -> None:
        """The link is gone, and every section with it."""
        self._detached = {track: one for track, one in self._detached.items() if not one.ended}
        for media in self._bound.values():
            if not media.ended:
                media.detach()
                self._detached[media.record] = media
        self._bound.clear()
        self._waiting.clear()
        self._refused.clear()

    def end_unwanted(self) -> None:
        """After a new join: what was unsubscribed meanwhile does not come back."""
        for track in list(self._detached):
            if track.wanted is False:
                del self._detached[track]
                self._roster.unsubscribed(track)

    def rebind(self, connection: PeerConnection, mid_to_track_id: Mapping[str, str]) -> None:
        """Follow what a new description says about the sections of a connection."""
        for transceiver in connection.peer.transceivers:
            sid = _track_sid(transceiver, mid_to_track_id)
            bound = self._bound.get(transceiver)
            if bound is not None and bound.sid != sid:
                self._unbind(transceiver, bound)
            self._waiting.pop(transceiver, None)
            self._refused.discard(transceiver)
            if sid is not None and not self._is_bound(transceiver):
                self._waiting[transceiver] = (connection, sid)
        self.retry()

    def _is_bound(self, transceiver: Transceiver) -> bool:
        bound = self._bound.get(transceiver)
        return bound is not None and not bound.ended

    def retry(self) -> None:
        """Bind the sections whose tracks are known, and wanted, by now."""
        for transceiver, (connection, sid) in list(self._waiting.items()):
            track = self._roster.find_track(sid)
            if track is None or (track.track is not None and track not in self._detached):
                continue
            if track.wanted is False:
                self._refuse(transceiver, track)
            else:
                del self._waiting[transceiver]
                self._bind(connection, transceiver, track)
        self._tell()

    def _refuse(self, transceiver: Transceiver, track: RemoteTrackRecord) -> None:
        if transceiver not in self._refused:
            self._refused.add(transceiver)
            self._on_unwanted(track)

    def _bind(
        self, connection: PeerConnection, transceiver: Transceiver, track: RemoteTrackRecord
    ) -> None:
        media = self._detached.pop(track, None)
        goes_on = media is not None and not media.ended
        if media is None or media.ended:
            media = TrackMedia(
                track,
                transceiver.codecs,
                connection.request_keyframe,
                self._on_first_reader,
                self._clocks.of(track.participant),
            )
        else:
            media.move(transceiver.codecs, connection.request_keyframe)
        self._bound[transceiver] = media
        for stream in connection.peer.inbound(transceiver):
            media.attach(stream)
        if not goes_on:
            self._roster.subscribed(track, media)

    def _unbind(self, transceiver: Transceiver, media: TrackMedia) -> None:
        del self._bound[transceiver]
        track = self._roster.find_track(media.sid)
        if track is not None and track.receiver is media:
            self._roster.unsubscribed(track)

    def stats(self, now: float) -> list[InboundStreamStats]:
        """What is known of the streams that are received now."""
        return [one for media in self._bound.values() for one in media.stats(now)]

    def attach(self, transceiver: Transceiver, stream: InboundStream) -> None:
        """A stream was found in a section."""
        if self._is_bound(transceiver):
            self._bound[transceiver].attach(stream)

    def deliver(self, transceiver: Transceiver, stream: InboundStream) -> None:
        """A stream received something."""
        media = self._bound.get(transceiver)
        if media is not None and not media.ended:
            media.deliver(stream)
        else:
            stream.frames = []
            stream.packets = []


def _track_sid(transceiver: Transceiver, mid_to_track_id: Mapping[str, str]) -> str | None:
    msid = transceiver.remote_track if transceiver.receiving else None
    if msid is None:
        return None
    for sid in (mid_to_track_id.get(transceiver.mid or ""), msid.track_id):
        if sid and sid.startswith(_TRACK_PREFIX):
            return sid
    stream, _, track = msid.stream_id.partition("|")
    return track if stream and track.startswith(_TRACK_PREFIX) else None
