"""Small pieces of data that participants keep at the server for others, such as schemas.

Each is stored under a key of its participant and stays until the participant leaves.
"""

from __future__ import annotations

from lktrio import proto
from lktrio.proto import codec

__all__ = ["BAD_ENCODING", "Blobs", "is_named"]

_MAX_KEY = 256  # bytes
_MAX_TOTAL = 64_000  # bytes of all keys and contents of one participant
_MAX_CUSTOM = 32  # bytes of the name of an encoding that has no number
BAD_ENCODING = "encoding identifier is empty or exceeds the maximum length"
"""What is said of an encoding that is not `is_named`."""

_Reason = proto.RequestResponse.Reason


def is_named(custom: str | None) -> bool:
    """Whether the name of an encoding is acceptable; None is none of its own."""
    return custom is None or 0 < len(custom.encode()) <= _MAX_CUSTOM


class Blobs:
    """What one participant keeps."""

    def __init__(self) -> None:
        self._kept: dict[bytes, proto.DataBlob] = {}

    def find(self, key: proto.DataBlobKey) -> proto.DataBlob | None:
        """What is kept under a key."""
        return self._kept.get(codec.encode(key))

    def store(self, blob: proto.DataBlob | None) -> tuple[proto.RequestResponse.Reason, str] | None:
        """Keep something.

        Returns:
            Why it is refused, or None if all is well.
        """
        key = codec.encode(blob.key) if blob is not None and blob.key is not None else b""
        if blob is None or blob.key is None or not key or len(key) > _MAX_KEY:
            return _Reason.INVALID_REQUEST, "data blob is invalid"
        schema = blob.key.schema_id
        encoding = schema.encoding if schema is not None else None
        if encoding is not None and not is_named(encoding.custom):
            return _Reason.INVALID_REQUEST, BAD_ENCODING
        if not blob.contents:
            return _Reason.INVALID_REQUEST, "data blob is empty"
        size = sum(len(name) + len(known.contents) for name, known in self._kept.items())
        if size + len(key) + len(blob.contents) > _MAX_TOTAL:
            return _Reason.LIMIT_EXCEEDED, "async attribute definition exceeds limit"
        self._kept[key] = blob
        return None
