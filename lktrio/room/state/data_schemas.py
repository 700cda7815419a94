"""What data tracks say about their frames: an encoding, and a schema that describes them.

LiveKit has numbers for well-known encodings, and takes any other name as it is. Here both are text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from lktrio import proto
from lktrio.room.state.enums import DataTrackFrameEncoding, DataTrackSchemaEncoding

__all__ = [
    "DataTrackSchemaId",
    "blob_key",
    "check_track_name",
    "frame_encoding_from_proto",
    "frame_encoding_to_proto",
    "schema_from_proto",
]

_MAX_CUSTOM = 32  # bytes of the name of an encoding that has no number
_MAX_NAME = 256  # bytes of the name of a schema, or of the key of a blob
_FRAME_PREFIX = "WELL_KNOWN_FRAME_ENCODING_"
_SCHEMA_PREFIX = "WELL_KNOWN_SCHEMA_ENCODING_"

_WellKnownFrame = proto.DataTrackFrameEncoding.WellKnownFrameEncoding
_WellKnownSchema = proto.DataTrackSchemaEncoding.WellKnownSchemaEncoding

W = TypeVar("W", bound=IntEnum)


@dataclass(frozen=True, slots=True)
class DataTrackSchemaId:
    """The name of a schema; its definition is stored apart (``LocalParticipant.define_schema``)."""

    name: str
    """Its name, of 1 to 256 bytes."""
    encoding: DataTrackSchemaEncoding | str = ""
    """The language it is written in: a `DataTrackSchemaEncoding`, another name of up to 32 bytes,
    or nothing."""

    def to_proto(self) -> proto.DataTrackSchemaId:
        """LiveKit's message.

        Raises:
            ValueError: A name is empty or too long.
        """
        _check(self.name, _MAX_NAME, "the name of a schema")
        number, custom = _to_proto(self.encoding, _WellKnownSchema, _SCHEMA_PREFIX)
        encoding = None
        if self.encoding:
            encoding = proto.DataTrackSchemaEncoding(well_known=number, custom=custom)
        return proto.DataTrackSchemaId(name=self.name, encoding=encoding)


def schema_from_proto(schema: proto.DataTrackSchemaId | None) -> DataTrackSchemaId | None:
    """Take over LiveKit's message."""
    if schema is None:
        return None
    encoding = schema.encoding or proto.DataTrackSchemaEncoding()
    text = _from_proto(encoding.well_known, encoding.custom, _SCHEMA_PREFIX)
    known = text in set(DataTrackSchemaEncoding)
    return DataTrackSchemaId(schema.name, DataTrackSchemaEncoding(text) if known else text)


def frame_encoding_to_proto(
    encoding: DataTrackFrameEncoding | str,
) -> proto.DataTrackFrameEncoding | None:
    """LiveKit's message for an encoding of frames, None for nothing.

    Raises:
        ValueError: The name is too long.
    """
    if not encoding:
        return None
    number, custom = _to_proto(encoding, _WellKnownFrame, _FRAME_PREFIX)
    return proto.DataTrackFrameEncoding(well_known=number, custom=custom)


def frame_encoding_from_proto(
    encoding: proto.DataTrackFrameEncoding | None,
) -> DataTrackFrameEncoding | str:
    """Take over LiveKit's message; empty for nothing."""
    encoding = encoding or proto.DataTrackFrameEncoding()
    text = _from_proto(encoding.well_known, encoding.custom, _FRAME_PREFIX)
    known = text in set(DataTrackFrameEncoding)
    return DataTrackFrameEncoding(text) if known else text


def check_track_name(name: str) -> None:
    """Refuse what cannot be the name of a data track.

    Raises:
        ValueError: It is empty or too long.
        TypeError: It is no text.
    """
    _check(name, _MAX_NAME, "the name of a data track")


def blob_key(key: str | DataTrackSchemaId) -> proto.DataBlobKey:
    """LiveKit's message for the key of a blob.

    Raises:
        ValueError: A name is empty or too long.
    """
    if isinstance(key, DataTrackSchemaId):
        return proto.DataBlobKey(schema_id=key.to_proto())
    _check(key, _MAX_NAME, "the key of a data blob")
    return proto.DataBlobKey(generic=key)


def _to_proto(text: str, numbers: type[W], prefix: str) -> tuple[W | None, str | None]:
    """The number of a well-known name, or the name of another encoding."""
    name = prefix + text.upper()
    if name in numbers.__members__ and not name.endswith("_UNSPECIFIED"):
        return numbers[name], None
    if text:
        _check(text, _MAX_CUSTOM, "the name of an encoding")
    return None, text


def _from_proto(number: IntEnum | None, custom: str | None, prefix: str) -> str:
    if number is None:
        return custom or ""
    name = (number.name or "").removeprefix(prefix)  # new numbers are without a name
    return "" if name == "UNSPECIFIED" else name.lower()


def _check(text: str, limit: int, what: str) -> None:
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{what} is text, not {text!r}")
    if not 0 < len(text.encode()) <= limit:
        raise ValueError(f"{what} has 1 to {limit} bytes: {text[:300]!r}")
