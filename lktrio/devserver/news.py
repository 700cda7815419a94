"""What everybody in a room is told from time to time: who speaks, and how connections are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from lktrio import proto
from lktrio.devserver.tracks import PublishedTrack

__all__ = ["Listener", "QualityNews", "SpeakerNews"]

_QUALITY_INTERVAL = 5.0
_BEST_SCORE = 4.5
_SIMULATED_LEVEL = 0.9  # of speakers that a test asks for


class Listener(Protocol):
    """A participant that is told."""

    @property
    def sid(self) -> str:
        """``PA_…``."""
        ...

    @property
    def active(self) -> bool:
        """Whether its connection has been up."""
        ...

    @property
    def received_tracks(self) -> list[PublishedTrack]:
        """The tracks that it receives."""
        ...

    def take_level(self) -> float | None:
        """How loud it has been since the last call, None if it was silent."""
        ...

    def send(self, response: proto.SignalResponse) -> None:
        """Queue a message to its client."""
        ...


class SpeakerNews:
    """Tells who speaks, to whom it is heard."""

    def __init__(self) -> None:
        self._levels: dict[str, float] = {}
        self._simulated: dict[str, float] = {}
        """Until when somebody is said to speak."""

    def tell(self, listeners: Collection[Listener], now: float) -> None:
        """Look at all levels, and tell what has changed."""
        levels = {listener.sid: listener.take_level() for listener in listeners}
        self._simulated = {
            sid: until for sid, until in self._simulated.items() if now < until and sid in levels
        }
        levels.update(dict.fromkeys(self._simulated, _SIMULATED_LEVEL))
        changed = {s: level for s, level in levels.items() if self._levels.get(s) != level}
        self._levels = {sid: level for sid, level in levels.items() if level is not None}
        if changed:
            for listener in listeners:
                heard = _heard_by(listener)
                _tell(listener, {s: level for s, level in changed.items() if s in heard})

    def simulate(self, speaker: Listener, listeners: Iterable[Listener], until: float) -> None:
        """Tell everybody that somebody speaks, as a client asked for a test."""
        self._simulated[speaker.sid] = until
        self._levels[speaker.sid] = _SIMULATED_LEVEL
        for listener in listeners:
            _tell(listener, {speaker.sid: _SIMULATED_LEVEL})


def _heard_by(listener: Listener) -> set[str]:
    """Whom somebody hears, itself included."""
    tracks = listener.received_tracks
    return {listener.sid, *(track.publisher.sid for track in tracks if not track.is_video)}


def _tell(listener: Listener, levels: dict[str, float | None]) -> None:
    speakers = [
        proto.SpeakerInfo(sid=sid, level=level or 0.0, active=level is not None)
        for sid, level in levels.items()
    ]
    if speakers:
        changed = proto.SpeakersChanged(speakers=speakers)
        listener.send(proto.SignalResponse(speakers_changed=changed))


class QualityNews:
    """Tells once that a connection is excellent: on one machine it is.

    Args:
        now: The time.
    """

    def __init__(self, now: float) -> None:
        self._due = now + _QUALITY_INTERVAL
        self._told: dict[str, set[str]] = {}

    def tell(self, listeners: Collection[Listener], now: float) -> None:
        """Tell everybody of those whose connections are news, once in a while."""
        if now < self._due:
            return
        self._due = now + _QUALITY_INTERVAL
        there = [listener.sid for listener in listeners]
        self._told = {sid: told & {*there} for sid, told in self._told.items() if sid in there}
        for listener in listeners:
            if listener.active:
                told = self._told.setdefault(listener.sid, set())
                sent_by = {track.publisher.sid for track in listener.received_tracks}
                news = [sid for sid in there if sid in {listener.sid, *sent_by} and sid not in told]
                told.update(news)
                _tell_quality(listener, news)


def _tell_quality(listener: Listener, sids: list[str]) -> None:
    if sids:
        excellent = proto.ConnectionQuality.EXCELLENT
        infos = [
            proto.ConnectionQualityInfo(participant_sid=sid, quality=excellent, score=_BEST_SCORE)
            for sid in sids
        ]
        update = proto.ConnectionQualityUpdate(updates=infos)
        listener.send(proto.SignalResponse(connection_quality=update))
