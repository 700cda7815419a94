"""Arguments that several commands have, and how their values are written."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from lktrio.errors import RemoteProtocolError
from lktrio.proto import Message
from lktrio.proto._schema import schema_of
from lktrio.proto.codec import encode, from_json

__all__ = [
    "DEV_KEY",
    "DEV_SECRET",
    "CommandFailed",
    "CommandParser",
    "Group",
    "UsageError",
    "add_attributes",
    "add_identity",
    "add_json",
    "add_keys",
    "add_room",
    "comma_separated",
    "complaint",
    "count",
    "duration",
    "given_keys",
    "header",
    "key_value",
    "port",
    "read_attributes",
    "read_message",
]

DEV_KEY = "devkey"
DEV_SECRET = "secret"  # noqa: S105 - with the key, what LiveKit's server has in development
LAST_PORT = 65_535
MOST = 2**31 - 1
MessageT = TypeVar("MessageT", bound=Message)
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|h|m|s))+")
_LONG = re.compile(r"[^\s'\"]{25,}")  # may be a key or a token in the wrong place
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")


class CommandFailed(Exception):
    """The command could not do its work; the text says why."""


class UsageError(Exception):
    """The arguments cannot be carried out as they are; the exit code is that of wrong usage."""


class CommandParser(argparse.ArgumentParser):
    """A parser whose complaints are one line and repeat nothing that may be a secret."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["allow_abbrev"] = False  # a script must not break when an option is added
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Complain and exit."""
        self.exit(2, f"{self.prog}: {_LONG.sub('***', message)}; see {self.prog} --help\n")


def complaint(extra: Sequence[str]) -> str:
    """What is wrong with words that no parser has taken."""
    options = [word.partition("=")[0] for word in extra if word.startswith("-")]
    return f"unknown options: {' '.join(options)}" if options else "too many arguments"


class Group:
    """The subcommands of a command, one of which must be named."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parsers = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def add(
        self,
        name: str,
        run: Callable[[argparse.Namespace], int] | None,
        text: str,
        *,
        aliases: Sequence[str] = (),
    ) -> argparse.ArgumentParser:
        """Add a subcommand.

        Args:
            name: Its name.
            run: Carries it out; None if it has subcommands of its own.
            text: What it does, in a few words.
            aliases: Other names.
        """
        parser = self._parsers.add_parser(name, help=text, description=text, aliases=aliases)
        if run is not None:
            parser.set_defaults(run=run, prog=parser.prog)
        return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let the output be JSON."""
    parser.add_argument("-j", "--json", action="store_true", help="write JSON")


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Let the API key and its secret be given."""
    parser.add_argument("--api-key", metavar="KEY", help="API key (default: $LIVEKIT_API_KEY)")
    parser.add_argument(
        "--api-secret", metavar="SECRET", help="its secret (default: $LIVEKIT_API_SECRET)"
    )
    parser.add_argument(
        "--dev", action="store_true", help="those of a server in development, on this machine"
    )


def given_keys(arguments: argparse.Namespace) -> tuple[str | None, str | None]:
    """The API key and its secret as far as the command line has them."""
    key, secret = arguments.api_key, arguments.api_secret
    if arguments.dev:
        return key or DEV_KEY, secret or DEV_SECRET
    return key, secret


def add_room(parser: argparse.ArgumentParser) -> None:
    """Let a room be named."""
    parser.add_argument("-r", "--room", required=True, metavar="NAME", help="name of the room")


def add_identity(parser: argparse.ArgumentParser) -> None:
    """Let a participant be named."""
    parser.add_argument(
        "-i", "--identity", required=True, metavar="ID", help="identity of the participant"
    )


def add_attributes(parser: argparse.ArgumentParser, text: str) -> None:
    """Let attributes be given, one by one or in a file; `read_attributes` reads them.

    Args:
        parser: The parser of the command.
        text: What one of them is.
    """
    parser.add_argument(
        "--attribute",
        type=key_value,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"{text}; may be repeated",
    )
    parser.add_argument("--attribute-file", type=Path, metavar="FILE", help="attributes in JSON")


def duration(text: str) -> timedelta:
    """A time such as ``90s``, ``5m`` or ``1h10m``."""
    if not _DURATION.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 90s, 5m or 1h10m")
    return timedelta(
        seconds=sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    )


def key_value(text: str) -> tuple[str, str]:
    """A pair such as ``language=en``."""
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form key=value")
    return key, value


def header(text: str) -> tuple[str, str]:
    """A header such as ``X-Account:42``."""
    name, separator, value = text.partition(":")
    if not separator or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name:value")
    return name.strip(), value.strip()


def count(text: str) -> int:
    """A number that is not negative and not larger than LiveKit's messages can hold."""
    return _number(text, MOST)


def port(text: str) -> int:
    """A port to listen on; 0 is any."""
    return _number(text, LAST_PORT)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:10]) <= most and len(text) <= 10):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {most}")
    return int(text)


def comma_separated(text: str) -> list[str]:
    """Words with commas in between."""
    return [word.strip() for word in text.split(",") if word.strip()]


def read_attributes(pairs: Iterable[tuple[str, str]], file: Path | None) -> dict[str, str]:
    """Attributes from pairs and from a JSON file; those of the file win, as in LiveKit's tool."""
    attributes = dict(pairs)
    if file is not None:
        try:
            found: object = json.loads(file.read_bytes())
        except ValueError as error:
            raise UsageError(f"{file} is not JSON: {error}") from error
        values = cast("dict[str, object]", found) if isinstance(found, dict) else {"": found}
        if not all(isinstance(value, str) for value in values.values()):
            raise UsageError(f"{file} must hold a JSON object of strings")
        attributes.update(cast("dict[str, str]", values))
    return attributes


def read_message(cls: type[MessageT], source: str) -> MessageT:
    """A request in protobuf JSON: a file, ``-`` for standard input, or the JSON itself.

    Raises:
        UsageError: It is no such message.
    """
    text: str | bytes = source
    if not source.lstrip().startswith("{"):
        text = sys.stdin.read() if source == "-" else Path(source).read_bytes()
    try:
        message = from_json(cls, text)
        encode(message)  # which complains about halves of characters
    except (RemoteProtocolError, ValueError) as error:
        raise UsageError(f"the request cannot be used: {error}") from error
    unknown = next(_unknown_names(cls, json.loads(text)), None)
    if unknown is not None:
        raise UsageError(f"the request cannot be used: {cls.__name__} has no {unknown}")
    return message


def _unknown_names(cls: type[Message], value: object) -> Iterator[str]:
    """Names in a JSON value that a message does not have; a server would skip them silently."""
    fields = {name: field for field in schema_of(cls).fields for name in _names(field.name)}
    for name, item in cast("dict[str, object]", value).items():
        field = fields.get(name)
        if field is None:
            yield name
        elif isinstance(field.cls, type) and issubclass(field.cls, Message) and not field.key_type:
            parts = cast("list[object]", item) if isinstance(item, list) else [item]
            for part in parts:
                if isinstance(part, dict) and not field.well_known:
                    inner = _unknown_names(field.cls, cast("object", part))
                    yield from (f"{name}.{unknown}" for unknown in inner)


def _names(name: str) -> tuple[str, str]:
    """The two names of a field in JSON."""
    first, *rest = name.split("_")
    return name, first + "".join(word.capitalize() for word in rest)
