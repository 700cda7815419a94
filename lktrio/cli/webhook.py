"""``lktrio webhook``: receiving webhooks, to see what a server sends."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator

import trio

from lktrio._text import printable
from lktrio.auth._keys import key_pair
from lktrio.cli.arguments import (
    CommandFailed,
    Group,
    UsageError,
    add_json,
    add_keys,
    count,
    given_keys,
    port,
)
from lktrio.cli.output import hide_secrets, timestamp, to_text
from lktrio.cli.running import serve_trio
from lktrio.devserver.http import (
    HttpError,
    HttpHandlers,
    Request,
    Response,
    Upgrade,
    plain,
    serve_connection,
)
from lktrio.errors import DuplicateEvent, MalformedEvent, WebhookError
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.proto import WebhookEvent
from lktrio.proto.codec import to_json_value
from lktrio.webhooks import WebhookReceiver

__all__ = ["configure", "listen"]

DEFAULT_PORT = 8080
_REMEMBERED = 10_000  # events; servers repeat some


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    group = Group(parser)
    parser = group.add("listen", listen, "listen for webhooks, verify them and print their events")
    parser.add_argument(
        "--host", "--bind", default="127.0.0.1", help="address to listen on (default: loopback)"
    )
    parser.add_argument(
        "--port", type=port, default=DEFAULT_PORT, help=f"0 for any (default: {DEFAULT_PORT})"
    )
    parser.add_argument("--count", type=count, metavar="N", help="end after so many events")
    add_keys(parser)
    add_json(parser)


def listen(arguments: argparse.Namespace) -> int:
    """Print events until interrupted, or until there were enough."""
    if arguments.count == 0:
        raise UsageError("--count 0 would wait for no event")
    keys = None
    given = given_keys(arguments)
    if any(given) or not os.environ.get("LIVEKIT_KEYS"):
        try:
            keys = key_pair(*given)
        except ValueError as error:
            raise UsageError(str(error)) from error
    receiver = WebhookReceiver(keys, deduplicate=_REMEMBERED)
    return serve_trio(_listen, arguments, receiver)


async def _listen(arguments: argparse.Namespace, receiver: WebhookReceiver) -> int:
    try:
        listeners = await SYSTEM_NETWORK.listen_tcp(arguments.host, arguments.port)
    except OSError as error:
        place = f"{arguments.host} port {arguments.port}"
        raise CommandFailed(f"cannot listen on {place}: {error.strerror or error}") from error
    chosen = listeners[0].address[1]
    print(f"listening at http://{arguments.host}:{chosen}/", file=sys.stderr, flush=True)
    with trio.CancelScope() as scope:
        listener = _Listener(receiver, scope, arguments.count, as_json=arguments.json)
        await trio.serve_listeners(listener.serve, listeners)
    return 0


class _Listener:
    """Answers webhook requests.

    Args:
        receiver: Verifies them.
        scope: Is cancelled when there were enough.
        wanted: How many that is; None for any number.
        as_json: Print a JSON object per line.
    """

    def __init__(
        self,
        receiver: WebhookReceiver,
        scope: trio.CancelScope,
        wanted: int | None,
        *,
        as_json: bool,
    ) -> None:
        self._receiver = receiver
        self._scope = scope
        self._wanted = wanted
        self._as_json = as_json
        self._handlers = HttpHandlers(self._respond, _refuse_websocket)

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Serve one connection."""
        await serve_connection(stream, self._handlers)
        if self._wanted is not None and self._wanted <= 0:
            self._scope.cancel()

    async def _respond(self, request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        if request.method != "POST":
            return plain(405, "webhooks are posted")
        body = await request.read_body()
        try:
            event = self._receiver.receive(body, request.headers.get("authorization"))
        except DuplicateEvent:
            return plain(200, "")
        except WebhookError as error:
            print(f"refused: {printable(str(error))}", file=sys.stderr, flush=True)
            return plain(400 if isinstance(error, MalformedEvent) else 401, str(error))
        self._show(event)
        return self._accept()

    def _accept(self) -> Response:
        if self._wanted is None:
            return plain(200, "")
        self._wanted -= 1
        return Response(200, b"", (("Connection", "close"),) if self._wanted <= 0 else ())

    def _show(self, event: WebhookEvent) -> None:
        if self._as_json:
            print(to_text(hide_secrets(to_json_value(event))), flush=True)
        else:
            print(printable("  ".join(_words(event))), flush=True)


def _words(event: WebhookEvent) -> Iterator[str]:
    yield timestamp(event.created_at)
    yield event.event
    if event.room is not None:
        yield f"room={event.room.name}"
    if event.participant is not None:
        yield f"participant={event.participant.identity}"
    if event.track is not None:
        yield f"track={event.track.sid}"
    if event.egress_info is not None:
        yield f"egress={event.egress_info.egress_id}"
    if event.ingress_info is not None:
        yield f"ingress={event.ingress_info.ingress_id}"


async def _refuse_websocket(_request: Request) -> Upgrade:
    await trio.lowlevel.checkpoint()
    raise HttpError(404, "there is no WebSocket here")
