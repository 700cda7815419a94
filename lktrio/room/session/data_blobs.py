"""Data blobs: small values that we store at the server, for others to fetch (``DataBlob``).

A blob belongs to one session at the server, which forgets it with that. So what was stored is kept,
and stored once more after a new join.
"""

from __future__ import annotations

import logging
from typing import Protocol

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import LiveKitError, RoomClosed
from lktrio.proto.codec import encode

__all__ = ["BlobRequests", "DataBlobs"]

_log = logging.getLogger("lktrio.room")


class BlobRequests(Protocol):
    """What is asked of the server about blobs."""

    async def store_data_blob(self, blob: proto.DataBlob) -> None:
        """Store a blob."""
        ...

    async def get_data_blob(self, identity: str, key: proto.DataBlobKey) -> bytes:
        """Fetch a blob."""
        ...


class DataBlobs:
    """The blobs of a session.

    Args:
        requests: What is asked of the server.
    """

    def __init__(self, requests: BlobRequests) -> None:
        self._requests = requests
        self._stored: dict[bytes, proto.DataBlob] = {}  # the server's limit bounds it

    async def store(self, key: proto.DataBlobKey, contents: bytes) -> None:
        """Store a blob, in place of one of the same key."""
        blob, name = proto.DataBlob(key=key, contents=contents), encode(key)
        before = self._stored.get(name)
        self._stored[name] = blob  # already now, lest a new join brings back the old one
        try:
            await self._requests.store_data_blob(blob)
        except BaseException:
            if self._stored.get(name) is blob:
                self._put_back(name, before)
            raise

    def _put_back(self, name: bytes, before: proto.DataBlob | None) -> None:
        if before is None:
            del self._stored[name]
        else:
            self._stored[name] = before

    async def fetch(self, identity: str, key: proto.DataBlobKey) -> bytes:
        """Fetch a blob of a participant."""
        return await self._requests.get_data_blob(identity, key)

    async def store_again(self) -> None:
        """Store everything at the server of a new join."""
        for name in list(self._stored):
            try:
                if name in self._stored:
                    await self._requests.store_data_blob(self._stored[name])
            except RoomClosed:
                break
            except LiveKitError as error:
                _log.warning("a data blob is lost with the link: %s", printable(str(error)))
        await trio.lowlevel.checkpoint()
