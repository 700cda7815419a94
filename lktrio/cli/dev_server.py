"""``lktrio dev-server``: the embedded server as a program."""

from __future__ import annotations

import argparse
import json
import logging

import trio

from lktrio.cli.arguments import DEV_KEY, DEV_SECRET, CommandFailed, add_json, port
from lktrio.cli.running import serve_trio
from lktrio.devserver import open_dev_server

__all__ = ["configure", "run"]

DEFAULT_PORT = 7880
"""LiveKit's own."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--host", "--bind", default="127.0.0.1", help="address to listen on (default: loopback)"
    )
    parser.add_argument(
        "--port", type=port, default=DEFAULT_PORT, help=f"0 for any (default: {DEFAULT_PORT})"
    )
    parser.add_argument(
        "--api-key",
        default=DEV_KEY,
        metavar="KEY",
        help=f"key that tokens are signed with (default: {DEV_KEY})",
    )
    parser.add_argument(
        "--api-secret",
        default=DEV_SECRET,
        metavar="SECRET",
        help=f"its secret (default: {DEV_SECRET})",
    )
    parser.add_argument(
        "--webhook",
        action="append",
        default=[],
        metavar="URL",
        help="where to post events; may be repeated",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    if arguments.verbose:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
        logging.getLogger("lktrio").setLevel(logging.DEBUG)
    return serve_trio(_serve, arguments)


async def _serve(arguments: argparse.Namespace) -> int:
    try:
        server = open_dev_server(
            host=arguments.host,
            port=arguments.port,
            api_key=arguments.api_key,
            api_secret=arguments.api_secret,
            webhook_urls=arguments.webhook,
        )
        async with server as running:
            _announce(arguments, running.url)
            await trio.sleep_forever()
    except OSError as error:
        place = f"{arguments.host} port {arguments.port}"
        raise CommandFailed(f"cannot listen on {place}: {error.strerror or error}") from error


def _announce(arguments: argparse.Namespace, url: str) -> None:
    """Say where the server is; its secret only if everybody knows it."""
    if arguments.json:
        print(json.dumps({"url": url, "apiKey": arguments.api_key}), flush=True)
        return
    print(f"serving {url}; Ctrl-C ends it", flush=True)
    known = arguments.api_secret == DEV_SECRET
    secret = f" and the secret {DEV_SECRET!r}" if known else ""
    print(f"tokens are signed with the API key {arguments.api_key!r}{secret}", flush=True)
    if arguments.host not in _LOOPBACK:
        print("warning: this server is for development; do not expose it to a network", flush=True)
