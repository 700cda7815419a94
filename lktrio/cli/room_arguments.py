"""The arguments of the commands that join a room; what they do loads when one of them is run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path

from lktrio.cli.arguments import Group, add_json, duration
from lktrio.cli.running import add_connection

__all__ = ["configure"]

_CHAT = "lk.chat"
_PATIENCE = timedelta(seconds=10)
_RESPONSE_TIMEOUT = timedelta(seconds=15)


def configure(group: Group) -> None:
    """Declare the arguments of ``join``, ``send-text``, ``send-file`` and ``rpc``."""
    _configure_join(group)
    parser = _add_errand(group, "send-text", "send a text, as a stream")
    parser.add_argument("text", help="the text; - for standard input")
    _add_topic(parser)
    parser = _add_errand(group, "send-file", "send a file, as a stream")
    parser.add_argument("file", type=Path, help="the file")
    _add_topic(parser)
    parser.add_argument("--name", metavar="NAME", help="its name for receivers (default: its own)")
    parser = _add_errand(group, "rpc", "call a method of a participant, and print its answer")
    parser.add_argument("method", help="name of the method")
    parser.add_argument("payload", nargs="?", default="", help="the request; - for standard input")
    parser.add_argument(
        "--timeout",
        type=duration,
        default=_RESPONSE_TIMEOUT,
        metavar="TIME",
        help="how long to wait for the answer (default: 15s)",
    )


def _configure_join(group: Group) -> None:
    parser = group.add(
        "join",
        _when_asked("room_join", "run"),
        "be in a room: see what happens there, and send lines of standard input as chat",
    )
    parser.add_argument("room", nargs="?", help="name of the room, unless a token says it")
    _add_joining(parser)
    parser.add_argument(
        "--topic",
        action="append",
        default=[],
        metavar="NAME",
        help="show the text streams of this topic too; may be repeated",
    )
    parser.add_argument("--subscribe", action="store_true", help="receive the tracks of others")
    parser.add_argument(
        "--all", action="store_true", help="show every event, also those that come all the time"
    )
    parser.add_argument(
        "--exit-after-input", action="store_true", help="leave at the end of standard input"
    )


def _add_errand(group: Group, name: str, text: str) -> argparse.ArgumentParser:
    """Add a command that joins for one thing, and leaves again."""
    run = _when_asked("room_errands", f"run_{name.replace('-', '_')}")
    parser = group.add(name, run, text)
    parser.add_argument("-r", "--room", metavar="NAME", help="name of the room")
    parser.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="ID",
        help="to whom; may be repeated (default: everybody)",
    )
    parser.add_argument(
        "--wait",
        type=duration,
        default=_PATIENCE,
        metavar="TIME",
        help="how long to wait until they are there (default: 10s)",
    )
    _add_joining(parser)
    return parser


def _add_topic(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--topic", default=_CHAT, metavar="NAME", help=f"its topic (default: {_CHAT}, the chat)"
    )


def _add_joining(parser: argparse.ArgumentParser) -> None:
    """Let the server be named, and who joins: by a key or by a token."""
    add_connection(parser)
    parser.add_argument(
        "-i", "--identity", metavar="ID", help="who to be (default: cli- and some letters)"
    )
    parser.add_argument(
        "--token",
        help="an access token, which says the room and who to be (default, where no room is named: "
        "$LIVEKIT_TOKEN)",
    )
    parser.add_argument(
        "--packet-log",
        type=Path,
        metavar="FILE",
        help="write all packets of media and data there for Wireshark, decrypted",
    )
    add_json(parser)


def _when_asked(module: str, function: str) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        return int(getattr(import_module(f"lktrio.cli.{module}"), function)(arguments))

    return run
