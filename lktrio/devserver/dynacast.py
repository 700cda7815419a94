"""What a publisher is told to send: the codecs and qualities that anybody receives (dynacast).

More is asked for at once, less only after some seconds, as subscribers come and go.
"""

from __future__ import annotations

from collections.abc import Mapping

from lktrio import proto

__all__ = ["NOTHING", "QUALITY_HOLD", "Dynacast"]

QUALITY_HOLD = 5.0
"""Seconds for which a publisher goes on with a quality that nobody wants any more."""
NOTHING = -1
"""The quality of a codec that nobody receives."""
_QUALITIES = (proto.VideoQuality.LOW, proto.VideoQuality.MEDIUM, proto.VideoQuality.HIGH)


class Dynacast:
    """What the publisher of one track was told.

    Args:
        sid: The track.
        video: Whether it is video; audio has codecs, but no qualities.
    """

    def __init__(self, sid: str, *, video: bool) -> None:
        self._sid = sid
        self._video = video
        self._told: dict[str, int] = {}
        self._lower_since: float | None = None

    def update(self, wanted: Mapping[str, int], now: float) -> proto.SignalResponse | None:
        """What is to be told now, if anything.

        Args:
            wanted: The highest quality that anybody receives, by codec, the track's own first.
            now: The time.
        """
        told = self._told
        if dict(wanted) == told or (not told and set(wanted.values()) <= {NOTHING}):
            self._lower_since = None
            return None
        more = any(quality > told.get(mime, NOTHING) for mime, quality in wanted.items())
        if more or not self._video:
            return self._tell(wanted)
        if self._lower_since is None:
            self._lower_since = now
        if now - self._lower_since >= QUALITY_HOLD:
            return self._tell(wanted)
        return None

    def _tell(self, wanted: Mapping[str, int]) -> proto.SignalResponse:
        self._told, self._lower_since = dict(wanted), None
        if not self._video:
            audio = [
                proto.SubscribedAudioCodec(codec=_short(mime), enabled=quality > NOTHING)
                for mime, quality in wanted.items()
            ]
            update = proto.SubscribedAudioCodecUpdate(
                track_sid=self._sid, subscribed_audio_codecs=audio
            )
            return proto.SignalResponse(subscribed_audio_codec_update=update)
        codecs = [
            proto.SubscribedCodec(codec=_short(mime), qualities=_qualities(quality))
            for mime, quality in wanted.items()
        ]
        return proto.SignalResponse(
            subscribed_quality_update=proto.SubscribedQualityUpdate(
                track_sid=self._sid,
                subscribed_qualities=list(codecs[0].qualities),
                subscribed_codecs=codecs,
            )
        )


def _short(mime: str) -> str:
    return mime.rpartition("/")[2].lower()


def _qualities(highest: int) -> list[proto.SubscribedQuality]:
    return [
        proto.SubscribedQuality(quality=quality, enabled=quality <= highest)
        for quality in _QUALITIES
    ]
