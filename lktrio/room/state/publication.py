"""What is known of a track without receiving it: LiveKit's ``TrackInfo``, as a snapshot."""

from __future__ import annotations

from dataclasses import dataclass

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import CodecUnavailable
from lktrio.media import Codec, find_codec
from lktrio.room.state.enums import EncryptionType, TrackKind, TrackSource

__all__ = ["TrackPublication", "TrackRecord"]


@dataclass(slots=True, eq=False)
class TrackRecord:
    """What the state keeps of a published track."""

    info: proto.TrackInfo
    """LiveKit's message about the track, as it last was."""


class TrackPublication:
    """A track that a participant publishes. Attributes are a snapshot of the server's view."""

    def __init__(self, record: TrackRecord) -> None:
        self._record = record

    def __repr__(self) -> str:
        muted = " muted" if self.muted else ""
        return f"<{type(self).__name__} {printable(self.sid)} {self.kind} {self.name!r}{muted}>"

    @property
    def info(self) -> proto.TrackInfo:
        """LiveKit's message about the track, as it last was."""
        return self._record.info

    @property
    def sid(self) -> str:
        """SID of the track, ``TR_…``."""
        return self.info.sid

    @property
    def name(self) -> str:
        """Name that the publisher gave."""
        return self.info.name

    @property
    def kind(self) -> TrackKind:
        """What it carries."""
        return TrackKind.from_proto(self.info.type)

    @property
    def source(self) -> TrackSource:
        """Where its media comes from."""
        return TrackSource.from_proto(self.info.source)

    @property
    def muted(self) -> bool:
        """Whether nothing is sent at present."""
        return self.info.muted

    @property
    def mime_type(self) -> str:
        """Media type such as ``"video/VP8"``, empty while the server has not said."""
        return self.info.mime_type

    @property
    def codec(self) -> Codec | None:
        """The codec announced first, or None if it is not known or none of ``lktrio.media``."""
        try:
            return find_codec(self.info.mime_type)
        except CodecUnavailable:
            return None

    @property
    def width(self) -> int:
        """Width of video in pixels, 0 if the publisher did not say."""
        return self.info.width

    @property
    def height(self) -> int:
        """Height of video in pixels, 0 if the publisher did not say."""
        return self.info.height

    @property
    def encryption_type(self) -> EncryptionType:
        """How the media is encrypted from end to end (``TrackInfo.encryption``)."""
        return EncryptionType.from_proto(self.info.encryption)

    @property
    def encrypted(self) -> bool:
        """Whether the media is end-to-end encrypted, in whichever way."""
        return self.encryption_type is not EncryptionType.NONE
