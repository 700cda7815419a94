"""Running a command's async function until it is done, or until somebody ends it.

Ctrl-C and SIGTERM cancel the function, so that everything is left in order: rooms by leaving them,
files with their end. Nothing is interrupted in the middle of a step.
"""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVarTuple, Unpack

import trio

from lktrio import LiveKitAPI
from lktrio._scope import open_service_nursery
from lktrio.cli.arguments import Group, UsageError, add_json, add_keys, given_keys
from lktrio.cli.output import Output

__all__ = [
    "ApiAction",
    "add_api_action",
    "add_connection",
    "open_api",
    "run_trio",
    "serve_trio",
    "server_url",
]

ArgsT = TypeVarTuple("ArgsT")

DEFAULT_URL = "http://localhost:7880"
"""Where a server is looked for if nobody says so, as in LiveKit's tool."""
TERMINATED = 143  # what a shell expects after SIGTERM
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

ApiAction = Callable[[LiveKitAPI, argparse.Namespace, Output], Awaitable[None]]
"""What a command does with a server's API."""


def run_trio(function: Callable[[Unpack[ArgsT]], Awaitable[int]], *args: *ArgsT) -> int:
    """Run an async function to its end and return its exit code.

    Raises:
        KeyboardInterrupt: Ctrl-C cancelled it.
    """
    received: list[int] = []
    code = trio.run(_run, function, args, received)
    if signal.SIGINT in received:
        raise KeyboardInterrupt
    return TERMINATED if received else code


def serve_trio(function: Callable[[Unpack[ArgsT]], Awaitable[int]], *args: *ArgsT) -> int:
    """Run an async function that is meant to be ended by Ctrl-C or SIGTERM."""
    try:
        code = run_trio(function, *args)
    except KeyboardInterrupt:
        return 0
    return 0 if code == TERMINATED else code


async def _run(
    function: Callable[[Unpack[ArgsT]], Awaitable[int]], args: tuple[*ArgsT], log: list[int]
) -> int:
    code = 0
    scope = trio.CancelScope()
    with trio.open_signal_receiver(*_SIGNALS) as signals:
        async with open_service_nursery() as watchers:
            watchers.start_soon(_watch, signals, scope, log)
            with scope:
                code = await function(*args)
    return code


async def _watch(signals: AsyncIterator[int], scope: trio.CancelScope, log: list[int]) -> None:
    async for number in signals:
        log.append(number)
        scope.cancel()


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Let the server and the key be named."""
    parser.add_argument("--url", help=f"the server (default: $LIVEKIT_URL, or {DEFAULT_URL})")
    add_keys(parser)


def add_api_action(
    group: Group,
    name: str,
    action: ApiAction,
    text: str,
    *,
    aliases: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """Add a subcommand that talks to a server's API."""

    def run(arguments: argparse.Namespace) -> int:
        return run_trio(_call, action, arguments)

    parser = group.add(name, run, text, aliases=aliases)
    add_connection(parser)
    add_json(parser)
    parser.add_argument(
        "--show-secrets", action="store_true", help="write passwords and stream keys, not ***"
    )
    return parser


async def _call(action: ApiAction, arguments: argparse.Namespace) -> int:
    output = Output(as_json=arguments.json, show_secrets=arguments.show_secrets)
    async with open_api(arguments) as lk:
        await action(lk, arguments, output)
    return 0


def server_url(arguments: argparse.Namespace) -> str:
    """The URL of the server that the arguments and the environment name."""
    variable = None if arguments.dev else os.environ.get("LIVEKIT_URL")
    return arguments.url or variable or DEFAULT_URL


@asynccontextmanager
async def open_api(arguments: argparse.Namespace) -> AsyncGenerator[LiveKitAPI, None]:
    """The API of the server that the arguments and the environment name.

    Raises:
        UsageError: They name none, or no key, or a proxy that cannot be used.
    """
    async with AsyncExitStack() as stack:
        try:
            api = LiveKitAPI(server_url(arguments), *given_keys(arguments))
            lk = await stack.enter_async_context(api)
        except ValueError as error:
            missing = "no API key" in str(error)
            hint = "; --dev takes those of a development server" if missing else ""
            raise UsageError(f"{error}{hint}") from error
        yield lk
