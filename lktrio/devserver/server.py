"""The server as a whole: its port, its paths, its beginning and its end.

Theory of operation: one TCP port takes HTTP and WebSocket connections; every peer connection has
UDP sockets of its own, and may have TCP connections from one more port. All tasks run in one
nursery that outlives cancellation by a moment, so that clients hear of the end:
LEAVE{SERVER_SHUTDOWN}, within two seconds, then nothing is left.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, TypedDict, Unpack

import trio

from lktrio import proto
from lktrio._running import require_trio
from lktrio._scope import open_service_nursery
from lktrio.auth import DEFAULT_TTL, AccessToken, VideoGrants
from lktrio.devserver.absent_services import ABSENT_SERVICES
from lktrio.devserver.access import authenticate
from lktrio.devserver.config import ServerConfig
from lktrio.devserver.core import Declined, ServerCore
from lktrio.devserver.dispatch_service import dispatch_service
from lktrio.devserver.faults import Faults
from lktrio.devserver.http import (
    HttpError,
    HttpHandlers,
    Request,
    Response,
    Upgrade,
    plain,
    serve_connection,
)
from lktrio.devserver.ice_tcp import IceTcpPort, open_ice_tcp
from lktrio.devserver.ids import new_node_id
from lktrio.devserver.joining import check_claims, parse_join
from lktrio.devserver.link import SignalLink, serve_link
from lktrio.devserver.notifier import Notifier
from lktrio.devserver.participant import ServerParticipant
from lktrio.devserver.room_service import room_service
from lktrio.devserver.twirp import TwirpServer
from lktrio.net.network import Network, TcpListener, TcpStream
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.webhooks import WebhookSender

__all__ = ["DevServer", "DevServerOptions", "open_dev_server", "serve_dev_server"]

DEFAULT_KEY = "devkey"
DEFAULT_SECRET = "secret"  # noqa: S105 - the public credentials of LiveKit's development mode
_LEAVE_SECONDS = 2.0
MAX_CONNECTIONS = 512
"""TCP connections at one time."""
_ANY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound

_log = logging.getLogger("lktrio.devserver")


class DevServer:
    """A running server.

    Attributes:
        url: Where clients connect, ``ws://…``.
        api_key: The key that tokens are signed with.
        api_secret: Its secret.
    """

    def __init__(self, core: ServerCore, host: str, port: int) -> None:
        self._core = core
        self.host = host
        self.port = port
        self.api_key, self.api_secret = core.config.first_key

    def __repr__(self) -> str:
        return f"<DevServer {self.url}>"

    @property
    def url(self) -> str:
        """The URL for clients."""
        host = "127.0.0.1" if self.host in _ANY_ADDRESS else self.host
        return f"ws://[{host}]:{self.port}" if ":" in host else f"ws://{host}:{self.port}"

    @property
    def http_url(self) -> str:
        """The URL for server APIs; `url` works for them as well."""
        return f"http{self.url.removeprefix('ws')}"

    @property
    def faults(self) -> Faults:
        """What it is made to do wrong; for tests of clients."""
        return self._core.faults

    def cut_signalling(self, identity: str, room: str) -> None:
        """Break the signalling of a participant off without a word; its session goes on.

        Raises:
            LookupError: There is no such participant.
        """
        self._participant(identity, room).cut_link()

    def drop_media(self, identity: str, room: str) -> None:
        """Neither hear a participant's media connections nor answer, until its session resumes.

        Its signalling goes on, and so does its session until the server has noticed.

        Raises:
            LookupError: There is no such participant.
        """
        self._participant(identity, room).drop_media()

    def send_leave(
        self,
        identity: str,
        room: str,
        action: proto.LeaveRequest.Action,
        reason: proto.DisconnectReason = proto.DisconnectReason.UNKNOWN_REASON,
        regions: Sequence[str] = (),
    ) -> None:
        """Tell a participant to leave, to resume, or to join anew.

        Args:
            identity: The participant's.
            room: Its room.
            action: What it is to do.
            reason: Why.
            regions: URLs of servers where it is to come back, the best first.

        Raises:
            LookupError: There is no such participant.
        """
        participant = self._participant(identity, room)
        leave = proto.LeaveRequest(reason=reason, action=action)
        if regions:
            leave.regions = proto.RegionSettings(
                regions=[proto.RegionInfo(url=url) for url in regions]
            )
        participant.send(proto.SignalResponse(leave=leave))
        if action != proto.LeaveRequest.Action.RESUME:
            participant.close(reason)
            return
        if participant.link is not None:
            participant.link.close()

    def _participant(self, identity: str, room: str) -> ServerParticipant:
        found = self._core.rooms.get(room)
        participant = found.participants.get(identity) if found is not None else None
        if participant is None:
            raise LookupError(f"there is no participant {identity!r} in a room {room!r}")
        return participant

    def token(
        self,
        identity: str,
        room: str,
        *,
        name: str = "",
        metadata: str = "",
        attributes: Mapping[str, str] | None = None,
        kind: str = "",
        ttl: timedelta = DEFAULT_TTL,
        **grants: Any,
    ) -> str:
        """A token for a participant.

        Args:
            identity: Who it is.
            room: Which room it may join.
            name: Display name.
            metadata: Metadata of the participant.
            attributes: Attributes of the participant.
            kind: Such as ``agent``; empty is ``standard``.
            ttl: How long it is valid.
            **grants: Fields of `VideoGrants`, such as ``can_publish=False``.
        """
        fields: dict[str, Any] = {"room_join": True, "room": room, **grants}
        return AccessToken(
            identity=identity,
            name=name,
            metadata=metadata,
            attributes=attributes or {},
            kind=kind,
            ttl=ttl,
            video=VideoGrants(**fields),
        ).to_jwt(self.api_key, self.api_secret)


class _Router:
    """Answers requests by their path."""

    def __init__(self, core: ServerCore) -> None:
        self._core = core
        services = {
            "RoomService": room_service(core),
            "AgentDispatchService": dispatch_service(core),
        }
        self._twirp = TwirpServer(services, ABSENT_SERVICES)

    async def respond(self, request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        path = request.path
        if path in ("/rtc/validate", "/rtc/v1/validate"):
            return self._validate(request, v1=path == "/rtc/v1/validate")
        claims = authenticate(request, self._core.config.keys)
        if path == "/":
            return plain(200, "OK")
        if path in ("/rtc", "/rtc/v1", "/agent"):
            return Response(404)
        answer = await self._twirp.respond(request, claims)
        if answer is None:
            raise _not_found()
        return answer

    def _validate(self, request: Request, *, v1: bool) -> Response:
        anybody = ("Access-Control-Allow-Origin", "*")
        try:
            claims = check_claims(authenticate(request, self._core.config.keys))
            parameters = parse_join(request.query, claims, v1=v1, strict=True)
            self._core.check_room(parameters.room)
            answer = plain(200, "success")
        except HttpError as error:
            answer = error.response()
        return Response(answer.status, answer.body, (*answer.headers, anybody))

    async def upgrade(self, request: Request) -> Upgrade:
        claims = authenticate(request, self._core.config.keys)
        if request.path not in ("/rtc", "/rtc/v1"):
            raise _not_found()
        v1 = request.path == "/rtc/v1"
        parameters = parse_join(request.query, check_claims(claims), v1=v1, strict=False)
        link = SignalLink()
        try:
            self._core.join(parameters, link)
        except Declined as declined:
            link.send(proto.SignalResponse(leave=declined.leave))
            link.close()
        await trio.lowlevel.checkpoint()
        return partial(_take_over, link)


async def _take_over(link: SignalLink, stream: trio.abc.Stream) -> None:
    await serve_link(stream, link)


def _not_found() -> HttpError:
    return HttpError(404, "404 page not found\n", ("X-Content-Type-Options", "nosniff"))


async def serve_dev_server(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    api_key: str = DEFAULT_KEY,
    api_secret: str = DEFAULT_SECRET,
    media_addresses: Sequence[str] | None = None,
    auto_create_rooms: bool = True,
    ice_lite: bool = True,
    ice_tcp: bool = False,
    webhook_urls: Sequence[str] = (),
    network: Network = SYSTEM_NETWORK,
    task_status: trio.TaskStatus[DevServer] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve LiveKit's protocols until cancelled; for ``nursery.start``.

    Args:
        host: Address to listen on. The default is reachable from this machine only.
        port: Port to listen on, 0 for any free one.
        api_key: The key that tokens must be signed with.
        api_secret: Its secret.
        media_addresses: Local addresses for media; None for ``host``, or for all interfaces if
            ``host`` stands for all.
        auto_create_rooms: Whether a room is made when somebody joins it.
        ice_lite: Whether to leave the search for a network path to the clients.
        ice_tcp: Whether media and data may come by TCP too, for clients without UDP.
        webhook_urls: Where to post events of rooms, participants and tracks; not by ``network``.
        network: The machine's network; tests may simulate one.
        task_status: Is given the `DevServer` once clients can connect.

    When cancelled it tells every client that it shuts down, which takes at most two seconds.

    Raises:
        OSError: The address cannot be listened on.
    """
    listeners = await network.listen_tcp(host, port)
    addresses = media_addresses
    if addresses is None:
        addresses = _addresses(host, listeners, network)
    media_port: IceTcpPort | None = None
    try:
        if ice_tcp:
            media_port = await open_ice_tcp(addresses, network)
        async with AsyncExitStack() as stack:
            senders = [
                await stack.enter_async_context(WebhookSender(url, api_key, api_secret))
                for url in webhook_urls
            ]
            nursery = await stack.enter_async_context(open_service_nursery())
            config = ServerConfig(
                keys={api_key: api_secret},
                network=network,
                media_addresses=tuple(addresses),
                node_id=new_node_id(network.random_bytes),
                auto_create=auto_create_rooms,
                ice_lite=ice_lite,
                ice_tcp=media_port,
            )
            core = ServerCore(nursery, config, Notifier(senders, network))
            server = DevServer(core, host, listeners[0].address[1])
            connections = _Connections(core)
            for listener in listeners:
                nursery.start_soon(connections.listen, listener)
            if media_port is not None:
                nursery.start_soon(media_port.listen)
            nursery.start_soon(core.tick)
            try:
                task_status.started(server)
                await trio.sleep_forever()
            finally:
                core.shut_down()
                with trio.CancelScope(shield=True, deadline=trio.current_time() + _LEAVE_SECONDS):
                    await connections.finish()
    finally:
        for listener in listeners:
            listener.close()
        if media_port is not None:
            media_port.close()


def _addresses(host: str, listeners: Sequence[TcpListener], network: Network) -> list[str]:
    """Where to open sockets for media: where the signalling is."""
    if host in _ANY_ADDRESS:
        return network.local_addresses(loopback=True)
    return [listener.address[0] for listener in listeners]


class _Connections:
    """The TCP connections of a server."""

    def __init__(self, core: ServerCore) -> None:
        router = _Router(core)
        self._handlers = HttpHandlers(router.respond, router.upgrade)
        self._open: set[TcpStream] = set()
        self._idle = trio.Event()
        self._ending = False

    async def listen(self, listener: TcpListener) -> None:
        """Accept connections until cancelled."""
        await trio.serve_listeners(self._serve, [listener])

    async def _serve(self, stream: TcpStream) -> None:
        full = len(self._open) >= MAX_CONNECTIONS and not self._handlers.waiting.close_oldest()
        if self._ending or full:
            await trio.aclose_forcefully(stream)
            return
        self._open.add(stream)
        self._idle = trio.Event()
        try:
            await serve_connection(stream, self._handlers, stream.remote_address[0])
        except Exception:  # noqa: BLE001 - logged; the others go on
            _log.exception("a connection broke down")
        finally:
            self._open.discard(stream)
            if not self._open:
                self._idle.set()
        await trio.lowlevel.checkpoint()

    async def finish(self) -> None:
        """Accept nothing more and wait until the open connections have ended."""
        self._ending = True
        self._handlers.waiting.close_all()
        if self._open:
            await self._idle.wait()
        await trio.lowlevel.checkpoint()


class DevServerOptions(TypedDict, total=False):
    """What `open_dev_server` takes: the arguments of `serve_dev_server`."""

    host: str
    port: int
    api_key: str
    api_secret: str
    media_addresses: Sequence[str] | None
    auto_create_rooms: bool
    ice_lite: bool
    ice_tcp: bool
    webhook_urls: Sequence[str]
    network: Network


@asynccontextmanager
async def open_dev_server(**options: Unpack[DevServerOptions]) -> AsyncGenerator[DevServer, None]:
    """Run a server for the duration of a block.

    Args:
        **options: As `serve_dev_server` takes them.

    Yields:
        The server, which clients can connect to.

    Raises:
        OSError: The address cannot be listened on.
    """
    require_trio("open_dev_server()")
    async with open_service_nursery() as nursery:
        scope = trio.CancelScope()
        done = trio.Event()

        async def serve(  # noqa: ASYNC128 - hands its task_status on
            *, task_status: trio.TaskStatus[DevServer]
        ) -> None:
            try:
                with scope:
                    await serve_dev_server(**options, task_status=task_status)
            finally:
                done.set()

        server: DevServer = await nursery.start(serve)
        try:
            yield server
        finally:
            scope.cancel()
            with trio.CancelScope(shield=True):  # ends within _LEAVE_SECONDS
                await done.wait()
