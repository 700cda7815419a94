"""The ``lktrio`` command.

Each command is a module with a function ``configure(parser)`` that declares its arguments and, as
the default ``run``, what to do with them: a function from the parsed arguments to the exit code.
Modules load when their command is asked for, so that ``lktrio token`` does not load the WebRTC
stack.

Exit codes: 0 for success, 1 when something failed (one line on standard error says what), 2 for
wrong arguments, 130 after Ctrl-C, 143 after SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, cast

from lktrio._text import printable
from lktrio._version import __version__
from lktrio.cli.arguments import CommandFailed, CommandParser, UsageError, complaint
from lktrio.cli.output import write_anything
from lktrio.errors import LiveKitError

__all__ = ["COMMANDS", "build_parser", "main"]

COMMANDS = {
    "demo": "publish, record and compare real media through the whole stack, on this machine",
    "dev-server": "run the embedded LiveKit-compatible server, for development and tests",
    "dispatch": "send agents to rooms",
    "doctor": "see whether a server can be used from this machine, and if not, why",
    "egress": "record rooms, or stream them elsewhere",
    "ingress": "bring media from elsewhere into rooms",
    "room": "create, list, delete and join rooms, and manage who is in them",
    "sip": "manage telephony: trunks, dispatch rules, calls",
    "token": "make and verify access tokens",
    "webhook": "receive webhooks",
}
"""The commands, each with its one-line description."""

_ANYWHERE = {"--url": 2, "--api-key": 2, "--api-secret": 2, "--dev": 1, "--json": 1, "-j": 1}
"""Options that may stand before the command as well, with the number of their words."""
_DEFAULT_ACTION = ("room", "participants")
_PARTICIPANT_ACTIONS = ("list", "get", "remove", "update", "forward", "move")

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130  # what a shell expects after SIGINT


def build_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for a command line, with the arguments of the command that it begins with.

    Args:
        words: The command line without the program. If it is the beginning of one, such as
            ``["room"]`` or ``["room", "list"]``, the parser is that of this command.

    Returns:
        The parser of the innermost command that the words name.
    """
    parser = _build(words[0] if words else None)
    for word in words:
        choices = _subcommands(parser)
        if word not in choices:
            break
        parser = choices[word]
    return parser


def _build(wanted: str | None) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = CommandParser(
        prog="lktrio", description="A LiveKit SDK for trio programs, on the command line."
    )
    parser.add_argument("--version", action="version", version=f"lktrio {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, description in COMMANDS.items():
        command = commands.add_parser(name, help=description, description=description)
        if name == wanted:
            import_module(f"lktrio.cli.{name.replace('-', '_')}").configure(command)
    return parser


def _subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the only way to the subparsers
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as above
            return dict(cast("Any", action).choices)
    return {}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    words = _in_order(sys.argv[1:] if argv is None else argv)
    name = "lktrio"
    for stream in (sys.stdout, sys.stderr):
        write_anything(stream)
    try:
        if not all(map(_is_text, words)):
            raise UsageError("the arguments are not all UTF-8")
        parser = _build(next((word for word in words if not word.startswith("-")), None))
        arguments, extra = parser.parse_known_args(words)
        name = getattr(arguments, "prog", f"lktrio {arguments.command}")
        if extra:
            build_parser(words).error(complaint(extra))
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return FAILED
    except UsageError as error:
        return _complain(name, error, WRONG_USAGE)
    except (CommandFailed, LiveKitError, OSError) as error:
        return _complain(name, error, FAILED)
    except BaseExceptionGroup as group:
        leaves = list(_leaves(group))
        if not all(isinstance(leaf, CommandFailed | LiveKitError | OSError) for leaf in leaves):
            raise
        return _complain(name, leaves[0], FAILED)


def _in_order(words: Sequence[str]) -> list[str]:
    """The words with those options behind the command, and with an action that may be left out.

    LiveKit's tool takes ``--url`` and its like anywhere; a parser with subcommands does not.
    """
    count = 0
    while count < len(words) and words[count].startswith("-"):
        option, equals, _ = words[count].partition("=")
        if option not in _ANYWHERE:
            break
        count += 1 if equals else _ANYWHERE[option]
    leading, rest = list(words[:count]), list(words[count:])
    action = rest[2] if len(rest) > 2 and tuple(rest[:2]) == _DEFAULT_ACTION else "--help"
    if action not in (*_PARTICIPANT_ACTIONS, "-h", "--help"):
        rest.insert(2, "list")
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *leading, *rest[end:]]


def _is_text(word: str) -> bool:
    """Whether a word was UTF-8 on the command line; Python has marked the bytes that were not."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def _complain(name: str, error: BaseException, code: int) -> int:
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    print(f"{name}: {printable(text) or type(error).__name__}", file=sys.stderr)
    return code


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(cast("BaseExceptionGroup[BaseException]", error))
        else:
            yield error


def _silence_stdout() -> None:
    """Let nobody complain at exit that whoever read our output, such as ``head``, has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
