"""``lktrio dev-server``: the embedded server as a program."""

from __future__ import annotations

import argparse

import trio

from lktrio.devserver import open_dev_server

__all__ = ["configure", "run"]

DEFAULT_PORT = 7880  # LiveKit's own


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: loopback)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 for any free one")
    parser.add_argument("--api-key", default="devkey", help="key that tokens are signed with")
    parser.add_argument("--api-secret", default="secret", help="its secret")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    trio.run(_serve, arguments)
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    async with open_dev_server(
        host=arguments.host,
        port=arguments.port,
        api_key=arguments.api_key,
        api_secret=arguments.api_secret,
    ) as server:
        print(f"serving {server.url} for the API key {server.api_key!r}; Ctrl-C ends it")
        if arguments.host not in ("127.0.0.1", "::1", "localhost"):
            print("warning: this server is for development; do not expose it to a network")
        await trio.sleep_forever()
