"""Data blobs: small values that participants store for others to fetch, such as schemas.

LiveKit's server has to be told to take them (``enable_participant_data_blob``); this one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lktrio import proto
from lktrio.devserver.limits import MAX_NAME
from lktrio.proto import codec

__all__ = ["BlobMember", "DataBlobs"]

_MAX_BYTES = 64_000  # of all blobs of a participant and their keys
_Reason = proto.RequestResponse.Reason


class BlobMember(Protocol):
    """A participant that stores and fetches blobs."""

    @property
    def identity(self) -> str:
        """Its identity."""
        ...

    def send(self, response: proto.SignalResponse) -> None:
        """Queue a message to its client."""
        ...

    def respond(self, response: proto.RequestResponse) -> None:
        """Queue an answer to its client."""
        ...


class DataBlobs:
    """The blobs of one room.

    Args:
        members: The participants by identity, as they are at any time.
    """

    def __init__(self, members: Mapping[str, BlobMember]) -> None:
        self._members = members
        self._stored: dict[BlobMember, dict[bytes, bytes]] = {}

    def store(self, member: BlobMember, request: proto.StoreDataBlobRequest) -> None:
        """Take a blob."""
        blob = request.blob or proto.DataBlob()
        key = codec.encode(blob.key) if blob.key is not None else b""
        stored = self._stored.get(member, {})
        size = sum(len(one) + len(contents) for one, contents in stored.items())
        if not 0 < len(key) <= 2 * MAX_NAME or not blob.contents:
            reason, message = _Reason.INVALID_REQUEST, "data blob is invalid"
        elif size + len(key) + len(blob.contents) > _MAX_BYTES:
            reason, message = _Reason.LIMIT_EXCEEDED, "too much data"
        else:
            self._stored.setdefault(member, {})[key] = blob.contents
            answer = proto.StoreDataBlobResponse(request_id=request.request_id, key=blob.key)
            member.send(proto.SignalResponse(store_data_blob_response=answer))
            return
        _refuse(member, request.request_id, reason, message)

    def fetch(self, member: BlobMember, request: proto.GetDataBlobRequest) -> None:
        """Answer with a blob of somebody."""
        publisher = self._members.get(request.participant_identity)
        key = codec.encode(request.key) if request.key is not None else b""
        contents = self._stored.get(publisher, {}).get(key) if publisher is not None else None
        if not key:
            _refuse(member, request.request_id, _Reason.INVALID_REQUEST, "key is required")
        elif contents is None:
            missing = "participant" if publisher is None else "data blob"
            _refuse(member, request.request_id, _Reason.NOT_FOUND, f"{missing} not found")
        else:
            blob = proto.DataBlob(key=request.key, contents=contents)
            answer = proto.GetDataBlobResponse(request_id=request.request_id, blob=blob)
            member.send(proto.SignalResponse(get_data_blob_response=answer))

    def remove(self, member: BlobMember) -> None:
        """Forget a participant that has left."""
        self._stored.pop(member, None)


def _refuse(
    member: BlobMember, request_id: int, reason: proto.RequestResponse.Reason, message: str
) -> None:
    member.respond(proto.RequestResponse(request_id=request_id, reason=reason, message=message))
