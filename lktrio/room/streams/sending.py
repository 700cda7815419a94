"""Sending streams: as a whole, from files, or piece by piece."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import trio

from lktrio import proto
from lktrio.errors import StreamAborted, StreamError
from lktrio.net.network import Network
from lktrio.room.streams.outgoing import (
    MAX_AT_ONCE,
    Abilities,
    StreamDescription,
    StreamOutlet,
    StreamWriter,
    small_stream,
)
from lktrio.room.streams.packing import CHUNK_SIZE, is_worth_deflating
from lktrio.room.streams.progress import Meter

__all__ = ["StreamSender", "size_of"]

_READ_SIZE = 16 * CHUNK_SIZE

Recipients: TypeAlias = "Callable[[Sequence[str]], Sequence[proto.ParticipantInfo]]"
"""What is known of those with these identities, or of everybody; empty if one is not known."""


def _nothing() -> None:
    pass


class StreamSender:
    """Sends the streams of a participant.

    Args:
        outlet: Where packets go.
        network: The machine, for its clock and its randomness.
        recipients: Who gets something.
    """

    def __init__(self, outlet: StreamOutlet, network: Network, recipients: Recipients) -> None:
        self._outlet = outlet
        self._network = network
        self._recipients = recipients

    def new_id(self) -> str:
        """An id for a stream, a random UUID."""
        return str(uuid.UUID(bytes=self._network.random_bytes(16), version=4))

    def describe(
        self,
        topic: str,
        destinations: Sequence[str],
        attributes: Mapping[str, str] | None,
        *,
        mime_type: str,
        id: str = "",  # noqa: A002 - LiveKit's name
        total_length: int | None = None,
        text: proto.DataStream.TextHeader | None = None,
        name: str = "",
    ) -> StreamDescription:
        """Describe a stream that begins now."""
        return StreamDescription(
            id=id or self.new_id(),
            topic=topic,
            timestamp=self._network.wall_time(),
            mime_type=mime_type,
            destinations=tuple(destinations),
            total_length=total_length,
            attributes=attributes or {},
            text=text,
            name=name,
        )

    async def send_whole(
        self,
        description: StreamDescription,
        content: bytes,
        meter: Meter | None = None,
        begun: Callable[[], object] = _nothing,
        *,
        compress: bool = True,
    ) -> None:
        """Send a stream whose content is known; cancelled, the receivers are told.

        Args:
            description: The stream.
            content: What is in it.
            meter: Counts its bytes.
            begun: Called when receivers know of the stream.
            compress: Whether it may be compressed.

        Raises:
            StreamAborted: The room was joined anew meanwhile.
        """
        meter = meter or Meter(len(content))
        abilities = self._abilities(description, compress=compress)
        if abilities.deflate and len(content) > MAX_AT_ONCE:
            deflate = is_worth_deflating(content)
            description = description.with_length(len(content))
            async with self._open(description, meter, deflate=deflate) as writer:
                begun()
                await writer.write(content)
                await writer.finish({})
            return
        packets = small_stream(description, content, abilities)
        writer = StreamWriter(description, self._outlet, meter)
        header, added = next(packets)
        await writer.send_header(header)
        writer.count(added)
        begun()
        async with _told_of_failure(writer):
            for packet, added in packets:
                await writer.send_part(packet)
                writer.count(added)
            writer.over = True

    def _abilities(self, description: StreamDescription, *, compress: bool) -> Abilities:
        abilities = Abilities.common(self._recipients(description.destinations))
        return abilities if compress else replace(abilities, deflate=False)

    async def send_file(
        self,
        description: StreamDescription,
        path: str | os.PathLike[str],
        meter: Meter,
        begun: Callable[[], object] = _nothing,
        *,
        compress: bool = True,
    ) -> None:
        """Send a file as a stream; cancelled, the receivers are told.

        Args:
            description: The stream.
            path: The file.
            meter: Counts its bytes; is told how many there will be, if it does not know.
            begun: Called when receivers know of the stream.
            compress: Whether it may be compressed.

        Raises:
            StreamError: The file cannot be read, or changed its length.
            StreamAborted: The room was joined anew meanwhile.
        """
        try:
            async with await trio.open_file(path, "rb") as file:
                size = os.fstat(file.wrapped.fileno()).st_size
                if meter.total is None:
                    meter.total = size
                data = await file.read(_READ_SIZE)
                deflate = self._abilities(description, compress=compress).deflate
                deflate = deflate and is_worth_deflating(data)
                description = description.with_length(size)
                async with self._open(description, meter, deflate=deflate) as writer:
                    begun()
                    while data:
                        await writer.write(data)
                        data = await file.read(_READ_SIZE)
                    await writer.finish({})
        except OSError as error:
            raise _unreadable(path, error) from error

    @asynccontextmanager
    async def open(self, description: StreamDescription) -> AsyncGenerator[StreamWriter, None]:
        """Send a stream piece by piece; a block that fails or is cancelled tells the receivers."""
        with Meter(description.total_length) as meter:
            async with self._open(description, meter) as writer:
                yield writer

    @asynccontextmanager
    async def _open(
        self, description: StreamDescription, meter: Meter, *, deflate: bool = False
    ) -> AsyncGenerator[StreamWriter, None]:
        writer = StreamWriter(description, self._outlet, meter, deflate=deflate)
        await writer.begin()
        async with _told_of_failure(writer):
            yield writer


@asynccontextmanager
async def _told_of_failure(writer: StreamWriter) -> AsyncGenerator[None, None]:
    try:
        yield
    except StreamAborted:
        writer.over = True
        raise
    except trio.Cancelled:
        await writer.abort("cancelled")  # noqa: ASYNC102 - has its own shield
        raise
    except BaseException:
        await writer.abort("the sender failed")  # noqa: ASYNC102, ASYNC120 - has its own shield
        raise


async def size_of(path: str | os.PathLike[str]) -> int:
    """How long a file is.

    Raises:
        StreamError: It cannot be read.
    """
    try:
        return (await trio.Path(path).stat()).st_size
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str | os.PathLike[str], error: OSError) -> StreamError:
    return StreamError(f"{Path(path)} cannot be sent: {error.strerror}")
