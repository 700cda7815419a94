"""Joining a room's signalling, and resuming it.

Theory of operation: `open_signal` tries ``v1``; a server that does not know that path (404) is
tried with ``v0`` at once, other refusals are explained by the server and raised. The stream belongs
to a task from the moment it is connected, and that task is shielded from cancellation: when the
caller is cancelled the link lives on just long enough to tell the server that we leave, so that no
participant without a program behind it stays in the room.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from lktrio import proto
from lktrio._scope import open_service_nursery
from lktrio._timeouts import Timeouts
from lktrio.errors import (
    ConnectError,
    ConnectTimeout,
    JoinRejected,
    LiveKitError,
    RemoteProtocolError,
    ServerUnreachable,
)
from lktrio.net.network import StreamOpener
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.signal.connection import LinkEnd, SignalConnection
from lktrio.signal.joining import join_query
from lktrio.signal.options import Resume, SignalOptions, SignalVersion
from lktrio.signal.refusals import explain_refusal, is_unknown_path
from lktrio.signal.urls import SignalUrl
from lktrio.signal.websocket import (
    Upgrade,
    UpgradeRefused,
    open_stream,
    serve_websocket,
)

if TYPE_CHECKING:
    import httpx

__all__ = ["LeaveReceived", "MakeOffer", "open_signal"]

MakeOffer = Callable[[], "proto.SessionDescription | None"]
"""Makes the first offer of a single peer connection; called only when ``v1`` is tried."""


class LeaveReceived(JoinRejected):
    """The server answered a join or a resume with ``leave``.

    Attributes:
        leave: What it wants us to do, and why. After a resume it is ``RECONNECT`` as a rule: the
            session is gone, join afresh.
    """

    def __init__(self, message: str, leave: proto.LeaveRequest) -> None:
        super().__init__(message)
        self.leave = leave


@asynccontextmanager
async def open_signal(
    url: str,
    token: str,
    options: SignalOptions | None = None,
    *,
    make_offer: MakeOffer | None = None,
    add_tracks: Sequence[proto.AddTrackRequest] = (),
    resume: Resume | None = None,
    timeouts: Timeouts | None = None,
    ssl_context: ssl.SSLContext | None = None,
    http: httpx.AsyncClient | None = None,
    connect: StreamOpener = SYSTEM_NETWORK.open_tcp_stream,
    wall_time: Callable[[], float] = SYSTEM_NETWORK.wall_time,
) -> AsyncGenerator[SignalConnection, None]:
    """Join the room that a token names, or resume a session, and leave at the end of the block.

    The block is not cancelled when the link ends; ``responses`` ends then. The block's own
    exception comes out bare. Cancelled while joining, nothing stays behind: a server that is asked
    to let us in is told that we leave, as soon as it answers, and then the stream is closed, all
    within `Timeouts.leave`. To stay in the room for a resume, call `SignalConnection.aclose`
    before the end of the block.

    Args:
        url: The server's: ``wss://``, ``ws://``, ``https://`` or ``http://``; a path is kept.
        token: An access token with the grant to join.
        options: The preferences of a join.
        make_offer: Makes the offer that is sent with a ``v1`` join. The answer to it is one of the
            first ``responses``. A ``v0`` join has no place for it, nor for ``add_tracks``.
        add_tracks: Tracks that we publish from the start.
        resume: The session to take over in place of joining.
        timeouts: The deadlines of the phases.
        ssl_context: For TLS; None trusts what the system trusts.
        http: The client that asks why a join was refused; None makes one.
        connect: Opens the byte stream; for tunnels and simulated networks.
        wall_time: Tells the time of day, in seconds since 1970.

    Raises:
        AuthenticationFailed: The server refused the token.
        JoinRejected: It refused the join for another reason; `LeaveReceived` if by ``leave``.
        ServerUnreachable: No LiveKit server answers at the URL; `ProxyFailed` if a proxy on the way
            did not let us through.
        ConnectTimeout: A phase took too long; the message names it.
        RemoteProtocolError: The server's answer to the join lacks the room or the participant.
        ValueError: The URL or the token cannot be one.
    """
    opening = _Opening(
        SignalUrl.parse(url),
        _checked(token),
        options or SignalOptions(),
        make_offer,
        add_tracks,
        resume,
        timeouts or Timeouts(),
        ssl_context,
        http,
        connect,
        wall_time,
    )
    async with open_service_nursery() as services:
        try:
            yield await opening.run(services)
        finally:
            if opening.connection is not None:
                # It has its own shield.
                await opening.finish(opening.connection)  # noqa: ASYNC102


def _checked(token: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("the token is not a JWT: pass what AccessToken.to_jwt returned")
    return token


@dataclass(slots=True)
class _Opening:
    """One call of `open_signal`."""

    url: SignalUrl
    token: str
    options: SignalOptions
    make_offer: MakeOffer | None
    add_tracks: Sequence[proto.AddTrackRequest]
    resume: Resume | None
    timeouts: Timeouts
    ssl_context: ssl.SSLContext | None
    http: httpx.AsyncClient | None
    connect: StreamOpener
    wall_time: Callable[[], float]
    connection: SignalConnection | None = None
    """Set as soon as the server knows us."""
    failed: bool = False
    """Whether the server did not give us what we asked for."""
    deadline: float | None = None
    """When leaving has to be over, if we were cancelled early."""

    async def run(self, services: trio.Nursery) -> SignalConnection:
        try:
            return await self._try_versions(services)
        except LiveKitError:
            self.failed = True
            raise

    async def _try_versions(self, services: trio.Nursery) -> SignalConnection:
        version, *others = self._versions()
        refused = await self._upgrade(services, version, self._query(version))
        if refused is not None and others and is_unknown_path(refused):
            version = others[0]
            refused = await self._upgrade(services, version, self._query(version))
        if refused is not None:
            raise await self._explain(version, refused)
        return await self._wait_answered()

    async def finish(self, connection: SignalConnection) -> None:
        """Leave; a session whose resume has failed is left alone, as it can be tried again."""
        silent = self.failed and self.resume is not None
        reason = None if silent else proto.DisconnectReason.CLIENT_INITIATED
        await connection.finish(reason, deadline=self.deadline)

    def _versions(self) -> tuple[SignalVersion, ...]:
        if self.resume is not None:
            return (self.resume.version,)
        return ("v1", "v0") if self.options.single_peer_connection else ("v0",)

    def _query(self, version: SignalVersion) -> str:
        offer = None
        if version == "v1" and self.resume is None and self.make_offer is not None:
            offer = self.make_offer()
        return join_query(
            version, self.options, resume=self.resume, offer=offer, add_tracks=self.add_tracks
        )

    async def _upgrade(
        self, services: trio.Nursery, version: SignalVersion, query: str
    ) -> UpgradeRefused | None:
        """Open the link; None when it is open."""
        timeouts = self.timeouts
        stream = await open_stream(self.url, self.ssl_context, self.connect, timeouts.connect)
        upgrade = Upgrade()
        resource = self.url.resource(version, query)
        services.start_soon(serve_websocket, stream, self.url, resource, self.token, upgrade)
        try:
            with trio.move_on_after(timeouts.upgrade):
                await upgrade.over.wait()
        except trio.Cancelled:
            # A server starts the session before it answers. Whoever hangs up in between may stay in
            # LiveKit's list of participants for as long as the room lives: leave in order.
            self.deadline = trio.current_time() + timeouts.leave
            with trio.CancelScope(shield=True, deadline=self.deadline):
                await upgrade.over.wait()
            raise
        finally:
            if upgrade.link is None:
                upgrade.abort()
            else:
                self.connection = SignalConnection(
                    upgrade.link,
                    version,
                    self.token,
                    resume=self.resume,
                    timeouts=timeouts,
                    wall_time=self.wall_time,
                )
                services.start_soon(self.connection.serve)
        if upgrade.link is None and upgrade.refused is None:
            raise ConnectTimeout(
                f"{self.url.place} did not open the WebSocket within {timeouts.upgrade:g} s"
            )
        return upgrade.refused if upgrade.link is None else None

    async def _wait_answered(self) -> SignalConnection:
        connection, seconds = self.connection, self.timeouts.first_message
        assert connection is not None
        with trio.move_on_after(seconds) as scope:
            await connection.wait_answered()
        if scope.cancelled_caught:
            what = "join" if self.resume is None else "resume"
            raise ConnectTimeout(f"{self.url.place} did not answer our {what} within {seconds:g} s")
        if connection.join is not None:
            _check_join(connection.join)
        if connection.join is not None or connection.reconnect is not None:
            return connection
        if (leave := connection.server_leave) is not None:
            raise LeaveReceived(_leave_message(leave, self.url), leave)
        if connection.close_reason is not None:
            raise self._ended_early(connection.close_reason)
        return connection  # resumed without an answer

    def _ended_early(self, end: LinkEnd) -> ConnectError:
        message = f"{self.url.place} opened the WebSocket but did not answer our join ({end})"
        if end.cause == "closed":
            return JoinRejected(message)
        return ServerUnreachable(message)

    async def _explain(self, version: SignalVersion, refused: UpgradeRefused) -> ConnectError:
        # Without the offer: URLs are logged, and it holds the password of our ICE agent.
        query = join_query(version, self.options, resume=self.resume)
        return await explain_refusal(
            refused,
            self.url,
            self.url.resource(version, query, validate=True),
            self.token,
            seconds=self.timeouts.validate,
            http=self.http,
            connect=self.connect,
            ssl_context=self.ssl_context,
        )


def _check_join(join: proto.JoinResponse) -> None:
    for name in ("room", "participant"):
        if getattr(join, name) is None:
            raise RemoteProtocolError(f"the server's answer to our join tells no {name}")


def _leave_message(leave: proto.LeaveRequest, url: SignalUrl) -> str:
    reason = (leave.reason.name or str(int(leave.reason))).lower().replace("_", " ")
    action = (leave.action.name or str(int(leave.action))).lower()
    return f"the server at {url.place} ended the join at once ({reason}, action {action})"
