"""``lktrio room join``: be in a room, see what happens, and chat."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio

from lktrio._text import printable
from lktrio.cli.arguments import CommandFailed
from lktrio.cli.joining import open_joined_room
from lktrio.cli.lines import read_lines, write_line
from lktrio.cli.output import to_text
from lktrio.cli.room_events import NOISE, Shown, TextReceived, to_line, to_record
from lktrio.cli.running import serve_trio
from lktrio.errors import LiveKitError, RoomClosed
from lktrio.events import Disconnected
from lktrio.room import DisconnectReason, Room, TextStreamReader

__all__ = ["Console", "run"]

_WAITING_LINES = 64


def run(arguments: argparse.Namespace) -> int:
    """Be in the room until interrupted, or until it ends."""
    return serve_trio(_join, arguments)


async def _join(arguments: argparse.Namespace) -> int:
    async with (
        open_joined_room(arguments, subscribe=arguments.subscribe) as room,
        trio.open_nursery() as nursery,
    ):
        if not arguments.json:
            who = printable(room.local_participant.identity)
            print(f"in {printable(room.name)} as {who}", file=sys.stderr, flush=True)
        send, lines = trio.open_memory_channel[str](_WAITING_LINES)
        nursery.start_soon(read_lines, send)
        show = _show_json if arguments.json else partial(_show_line, everything=arguments.all)
        console = Console(room, show, arguments.topic)
        reason = await console.run(lines, leave_at_end=arguments.exit_after_input)
        nursery.cancel_scope.cancel()
    if console.dropped:
        print(f"{console.dropped} messages were not read in time, and dropped", file=sys.stderr)
    if reason is not DisconnectReason.CLIENT_INITIATED:
        raise CommandFailed(f"the room has ended: {reason}")
    return 0


async def _show_json(event: Shown) -> None:
    await write_line(to_text(to_record(event)))


async def _show_line(event: Shown, *, everything: bool) -> None:
    line = "" if isinstance(event, NOISE) and not everything else to_line(event)
    if line:
        await write_line(line)
    await trio.lowlevel.checkpoint()


class Console:
    """Shows what happens in a room, and sends what is typed.

    Args:
        room: The room.
        show: Shows what happens; it may take its time.
        topics: Topics of text streams that are shown.

    Attributes:
        dropped: Messages that were dropped because they could not be shown in time.
    """

    def __init__(
        self,
        room: Room,
        show: Callable[[Shown], Awaitable[None]],
        topics: Sequence[str],
    ) -> None:
        self.dropped = 0
        self._room = room
        self._show_one = show
        self._showing = trio.StrictFIFOLock()
        self._topics = topics

    async def run(
        self, lines: trio.MemoryReceiveChannel[str], *, leave_at_end: bool
    ) -> DisconnectReason:
        """Be in the room until it ends, or with ``leave_at_end`` until there are no more lines."""
        happening = self._room.events()
        reason = DisconnectReason.CLIENT_INITIATED
        async with trio.open_nursery() as nursery:
            for topic in dict.fromkeys(self._topics):
                await nursery.start(self._room.serve_text_streams, topic, self._show_text)
            nursery.start_soon(self._send, lines, nursery.cancel_scope, leave_at_end)
            async for event in happening:
                self.dropped = happening.dropped
                await self._show(event)
                if isinstance(event, Disconnected):
                    reason = event.reason
            nursery.cancel_scope.cancel()
        return reason

    async def _send(
        self, lines: trio.MemoryReceiveChannel[str], scope: trio.CancelScope, leave_at_end: bool
    ) -> None:
        me = self._room.local_participant
        try:
            async for line in lines:
                if line:
                    await me.send_chat_message(line)
            if leave_at_end:
                await me.wait_data_sent()
                scope.cancel()
        except RoomClosed:
            pass  # which the events say
        await trio.lowlevel.checkpoint()

    async def _show_text(self, stream: TextStreamReader) -> None:
        try:
            text = await stream.read_all()
        except LiveKitError as error:
            text = f"(incomplete: {error})"
        await self._show(TextReceived(text, stream.info.participant, stream.info.topic))

    async def _show(self, event: Shown) -> None:
        async with self._showing:
            await self._show_one(event)
