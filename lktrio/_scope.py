"""A nursery for background tasks that must outlive the body of a block by a moment.

Theory of operation: when the code around a block is cancelled, the tasks of a plain nursery are
cancelled together with the block's body, so nothing is left that could tell a server.
Here the tasks run shielded and end when the body has ended, cleanup included. The cleanup is the
caller's: a ``finally`` in the body, under a shield with a deadline of its own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import trio

__all__ = ["bare", "first_leaf", "open_service_nursery"]


@asynccontextmanager
async def open_service_nursery() -> AsyncGenerator[trio.Nursery, None]:
    """Open a nursery whose tasks are shielded, and cancelled when the body ends.

    What the body raises comes out bare; tasks that failed as well are told in notes on it. A
    single failure of a task comes out bare, several as a group; either cancels the body.
    """
    body: BaseException | None = None
    failures: BaseException | None = None
    try:
        async with trio.open_nursery() as outer:
            host = _Host()
            outer.start_soon(host.run)
            try:
                await host.ready.wait()
                yield host.nursery
            except BaseException as error:  # noqa: ASYNC103, BLE001 - raised again below
                body = error
            finally:
                host.scope.cancel()
    except BaseExceptionGroup as group:
        failures = _without_cancelled(group)
        if body is None and failures is None:
            raise
    try:
        if failures is not None and (body is None or _without_cancelled(body) is None):
            raise bare(failures)
        if body is not None:
            if failures is not None:
                body.add_note(f"a background task failed as well: {bare(failures)!r}")
            raise body
    finally:
        del body, failures  # else they and this frame keep each other alive


class _Host:
    """The task below which the others run. Started so that no cancellation falls between."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope(shield=True)
        self.ready = trio.Event()
        self.nursery: trio.Nursery

    async def run(self) -> None:
        with self.scope:
            async with trio.open_nursery() as self.nursery:
                self.ready.set()
                await trio.sleep_forever()


def _members(error: BaseException) -> tuple[BaseException, ...]:
    """What a group consists of; nothing for another exception."""
    if not isinstance(error, BaseExceptionGroup):
        return ()
    group = cast("BaseExceptionGroup[BaseException]", error)
    return group.exceptions


def first_leaf(error: BaseException) -> BaseException:
    """The first exception of nested groups that is no group itself."""
    while members := _members(error):
        error = members[0]
    return error


def bare(error: BaseException) -> BaseException:
    """The only exception of nested groups, or the group."""
    while len(members := _members(error)) == 1:
        error = members[0]
    return error


def _without_cancelled(error: BaseException) -> BaseException | None:
    """What is left of an error when every ``trio.Cancelled`` is taken out."""
    if isinstance(error, BaseExceptionGroup):
        split: Any = cast("BaseExceptionGroup[BaseException]", error).split(trio.Cancelled)
        return cast("BaseException | None", split[1])
    return None if isinstance(error, trio.Cancelled) else error
