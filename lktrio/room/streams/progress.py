"""How far a stream is, to be looked at or waited for by anybody.

Theory of operation: who moves the bytes has a `Meter`; programs get a view of it. A step is no
event: whoever looks sees how far it is now, so a slow one misses steps and holds up nobody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType

import trio

__all__ = ["Meter", "StreamProgress"]


class Meter:
    """Counts the bytes of a stream, until the end of its block if it has one.

    Args:
        total: How many there will be, if that is known.

    Attributes:
        transferred: Bytes so far.
        total: How many there will be; may become known later.
        over: Whether there will be no more.
    """

    def __init__(self, total: int | None) -> None:
        self.transferred = 0
        self.total = total
        self.over = False
        self._changed = trio.lowlevel.ParkingLot()

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def add(self, size: int) -> None:
        """More bytes were moved."""
        self.transferred += size
        self._changed.unpark_all()

    def end(self) -> None:
        """That was all, or it failed. Idempotent."""
        self.over = True
        self._changed.unpark_all()

    async def wait_changed(self) -> None:
        """Wait for the next change."""
        await self._changed.park()


class StreamProgress:
    """How far a stream is.

    ::

        progress = await nursery.start(partial(me.send_file, "film.mp4", topic="files"))
        async for sent in progress:
            print(f"{sent} of {progress.total} bytes")

    Iterating gives the number of bytes as it is, and again whenever it has changed. It ends with
    the stream, also with one that fails; the error is told by the call or by the reader. Several
    tasks may iterate, each at its own pace.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __repr__(self) -> str:
        return f"<StreamProgress {self.transferred} of {self.total} bytes>"

    @property
    def transferred(self) -> int:
        """Bytes so far: handed to the connection, or received."""
        return self._meter.transferred

    @property
    def total(self) -> int | None:
        """Bytes that there will be, None if that is not known."""
        return self._meter.total

    @property
    def fraction(self) -> float | None:
        """The part that is done, between 0 and 1, None if the total is not known."""
        if self.total is None:
            return None
        return min(self.transferred / self.total, 1.0) if self.total else 1.0

    @property
    def over(self) -> bool:
        """Whether there will be no more."""
        return self._meter.over

    def __aiter__(self) -> AsyncIterator[int]:
        return _Steps(self._meter)


class _Steps:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._told = -1

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        await trio.lowlevel.checkpoint_if_cancelled()
        meter = self._meter
        while meter.transferred == self._told and not meter.over:
            await meter.wait_changed()
        told, self._told = self._told, meter.transferred
        await trio.lowlevel.cancel_shielded_checkpoint()
        if told == self._told:
            raise StopAsyncIteration
        return self._told
