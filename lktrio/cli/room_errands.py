"""``lktrio room send-text``, ``send-file``, ``rpc``: join a room for one thing, and leave again."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import trio

from lktrio._text import printable
from lktrio.cli.arguments import UsageError
from lktrio.cli.joining import open_joined_room, wait_for_recipients
from lktrio.cli.output import Output
from lktrio.cli.progress import Bar, open_progress
from lktrio.cli.running import run_trio
from lktrio.room import Room, StreamProgress

__all__ = ["call_method", "run_rpc", "run_send_file", "run_send_text", "send_file", "send_text"]

Errand = Callable[[Room, argparse.Namespace], Awaitable[None]]
"""What a command does in a room."""


def run_send_text(arguments: argparse.Namespace) -> int:
    """Send a text."""
    arguments.text = _or_stdin(arguments.text)
    return run_trio(_run, send_text, arguments)


def run_send_file(arguments: argparse.Namespace) -> int:
    """Send a file."""
    with arguments.file.open("rb"):
        pass  # before anybody is bothered
    return run_trio(_run, send_file, arguments)


def run_rpc(arguments: argparse.Namespace) -> int:
    """Call a method."""
    if len(arguments.to) != 1:
        raise UsageError("a call is for one participant: name it with --to")
    arguments.payload = _or_stdin(arguments.payload)
    return run_trio(_run, call_method, arguments)


def _or_stdin(text: str) -> str:
    return sys.stdin.read() if text == "-" else text


async def _run(errand: Errand, arguments: argparse.Namespace) -> int:
    async with open_joined_room(arguments) as room:
        await wait_for_recipients(room, arguments.to, arguments.wait)
        await errand(room, arguments)
    return 0


async def send_text(room: Room, arguments: argparse.Namespace) -> None:
    """Send a text, and wait until the server has it."""
    me = room.local_participant
    stream_id = await me.send_text(
        arguments.text, topic=arguments.topic, destination_identities=arguments.to
    )
    await me.wait_data_sent()
    size = len(arguments.text.encode())
    _done(room, arguments, {"id": stream_id, "size": size}, "the text")


async def send_file(room: Room, arguments: argparse.Namespace) -> None:
    """Send a file, show how far it is, and wait until the server has it."""
    path: Path = arguments.file
    name = arguments.name or path.name
    me = room.local_participant
    began = trio.current_time()
    sent: list[str] = []

    async def send(  # noqa: ASYNC128 - the stream is what has started
        task_status: trio.TaskStatus[StreamProgress],
    ) -> None:
        stream_id = await me.send_file(
            path,
            topic=arguments.topic,
            name=name,
            destination_identities=arguments.to,
            task_status=task_status,
        )
        sent.append(stream_id)

    with open_progress(silent=arguments.json) as shown:
        async with trio.open_nursery() as nursery:
            progress: StreamProgress = await nursery.start(send)
            await _follow(progress, shown.bar(printable(name), progress.total or 0, unit="bytes"))
        await me.wait_data_sent()
    seconds = round(trio.current_time() - began, 3)
    values = {"id": sent[0], "name": name, "size": progress.total, "seconds": seconds}
    _done(room, arguments, values, name)


async def _follow(progress: StreamProgress, bar: Bar) -> None:
    shown = 0
    async for sent in progress:
        if sent > shown:
            bar.advance(sent - shown)
            shown = sent


def _done(
    room: Room, arguments: argparse.Namespace, values: Mapping[str, object], what: str
) -> None:
    if arguments.json:
        whom = arguments.to or sorted(room.remote_participants)
        Output(as_json=True).value({**values, "topic": arguments.topic, "to": whom})
    else:
        whom = ", ".join(arguments.to) or "everybody"
        print(printable(f"sent {what} to {whom} in {room.name}"))


async def call_method(room: Room, arguments: argparse.Namespace) -> None:
    """Call a method, and print its answer."""
    answer = await room.local_participant.perform_rpc(
        arguments.to[0],
        arguments.method,
        arguments.payload,
        response_timeout=arguments.timeout.total_seconds(),
    )
    if arguments.json:
        Output(as_json=True).value({"answer": _parsed(answer)})
        return
    for line in answer.split("\n"):
        print(printable(line, len(line)))


def _parsed(answer: str) -> object:
    """What an answer in JSON says; another one as it is."""
    try:
        found: object = json.loads(answer)
    except (ValueError, RecursionError):
        return answer
    return found
