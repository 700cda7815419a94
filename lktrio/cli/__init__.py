"""The ``lktrio`` command.

Each command is a module with two functions: ``configure(parser)`` declares its arguments, ``run``
takes them and returns the exit code. Modules load when their command is asked for, so that
``lktrio token`` does not load the WebRTC stack.

Exit codes: 0 for success, 1 when something failed (one line on standard error says what), 2 for
wrong arguments, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from lktrio._version import __version__
from lktrio.errors import LiveKitError

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "demo": "publish, record and compare real media through the whole stack, on this machine",
    "dev-server": "run the embedded LiveKit-compatible server, for development and tests",
}
"""The commands, each with its one-line description."""

_INTERRUPTED = 130  # what a shell expects after SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="lktrio", description="A LiveKit SDK for trio programs, on the command line."
    )
    parser.add_argument("--version", action="version", version=f"lktrio {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    words = list(sys.argv[1:] if argv is None else argv)
    wanted = next((word for word in words if not word.startswith("-")), None)
    for name, description in COMMANDS.items():
        command = commands.add_parser(name, help=description, description=description)
        if name == wanted:
            module = import_module(f"lktrio.cli.{name.replace('-', '_')}")
            module.configure(command)
            command.set_defaults(run=module.run)
    arguments = parser.parse_args(words)
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    except (LiveKitError, OSError) as error:
        print(f"lktrio {arguments.command}: {error}", file=sys.stderr)
        return 1
