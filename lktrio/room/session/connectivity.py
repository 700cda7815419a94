"""Whether the peer connections of one link work, and what is done if they do not.

Theory of operation: a transport tells when it has failed or was closed. What it does not tell is
looked for: a path over which nothing was heard for seconds, whatever its state, and addresses of
this machine that come and go. All of it ends in a `LinkLoss`, which says whether the session may go
on (a resume, with ICE restarted) or a new join is needed.

A server that sends us away also closes the peer connections, and that may be seen first. So a peer
connection that was closed counts only when the signalling had a moment to tell why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio

from lktrio import proto
from lktrio.errors import (
    ConnectError,
    ConnectTimeout,
    DtlsFailed,
    IceFailed,
    LiveKitError,
    ServerUnreachable,
)
from lktrio.room.options import RoomOptions
from lktrio.room.session.link import ServerLink
from lktrio.room.session.peer_connection import LOSSY, RELIABLE, UDP_BLOCKED, PeerConnection
from lktrio.room.session.states import LinkLoss
from lktrio.room.state.enums import DisconnectReason, ReconnectKind
from lktrio.rtc.transport import TransportState, TransportStateChanged

__all__ = ["Connectivity"]

_log = logging.getLogger("lktrio.room")

_TIME_TO_TELL = 1.0  # seconds for the signalling to say why the peer connections were closed
_CHECK_INTERVAL = 2.0  # seconds; livekit-client takes 4


class Connectivity:
    """Watches the peer connections of a link.

    Args:
        link: The link.
        options: The network, and deadlines.
        lose: Called when the link works no more.
    """

    def __init__(
        self, link: ServerLink, options: RoomOptions, lose: Callable[[LinkLoss], None]
    ) -> None:
        self._link = link
        self._options = options
        self._lose_link = lose
        self._closed = trio.Event()

    async def wait_media(self, kind: ReconnectKind | None) -> None:
        """Wait for the connections without which nothing works; in vain, the link is lost."""
        needed = [self._link.primary]
        if kind is ReconnectKind.RESUME:
            needed = [one for one in self._link.connections if one.in_use]
        seconds = self._options.timeouts.transport
        with trio.move_on_after(seconds) as scope:
            for connection in needed:
                await connection.connected.wait()
        if scope.cancelled_caught:
            message = f"no encrypted path to the server within {seconds:g} s: {UDP_BLOCKED}"
            self.lose(ConnectTimeout(message))
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()

    def lose(
        self,
        error: LiveKitError,
        reason: proto.ReconnectReason = proto.ReconnectReason.RR_UNKNOWN,
        *,
        restart: bool = True,
    ) -> None:
        """Media does not get through."""
        kind = ReconnectKind.RESTART if restart else ReconnectKind.RESUME
        self._lose_link(LinkLoss(kind, DisconnectReason.MEDIA_FAILURE, error, reason))

    def move(self, error: LiveKitError) -> None:
        """Other paths are to be looked for, although nothing has failed."""
        self._link.moved = True
        self.lose(error, restart=False)

    # What the connections tell

    def follow(self, connection: PeerConnection, event: TransportStateChanged) -> None:
        """The transport of a connection is in another state."""
        _log.debug("%s connection is %s", connection.target.name, event.state.value)
        if event.state is TransportState.FAILED:
            reason = self._failure_of(connection)
            self.lose(_transport_error(event), reason, restart=event.cause == "dtls")
        elif event.state is TransportState.CLOSED:
            self._closed.set()

    def _failure_of(self, connection: PeerConnection) -> proto.ReconnectReason:
        """What the server is told; paths that fail soon or often make it prefer TCP, then TURN."""
        ours = connection is self._link.outgoing
        reasons = proto.ReconnectReason
        return reasons.RR_PUBLISHER_FAILED if ours else reasons.RR_SUBSCRIBER_FAILED

    def channel_closed(self, connection: PeerConnection, label: str) -> None:
        """The server has closed a data channel."""
        if connection is self._link.outgoing and label in (RELIABLE, LOSSY):
            self._closed.set()

    # What is looked for

    async def watch_closed(self) -> None:
        """Lose the link when the server has closed a connection and does not say why."""
        await self._closed.wait()
        await trio.sleep(_TIME_TO_TELL)
        self.lose(ServerUnreachable("the server closed the peer connection"))

    async def check(self, others: Callable[[], None]) -> None:
        """Look from time to time whether what carries media works, as we believe.

        Args:
            others: Called each time, for who else wants to look.
        """
        while True:
            broken = [one for one in self._link.connections if one.in_use and not one.works]
            await trio.sleep(_CHECK_INTERVAL)
            others()
            broken = [one for one in broken if not one.works]
            if broken:
                error = IceFailed(f"nothing was heard of the media path for seconds: {UDP_BLOCKED}")
                self.lose(error, self._failure_of(broken[0]), restart=False)

    async def watch_addresses(self) -> None:
        """Follow the machine to other networks."""
        link = self._link
        known = link.addresses
        while True:
            before = set(known)
            known = await self._options.network.wait_addresses_changed(
                known, loopback=link.loopback
            )
            changed = [one.driver.set_addresses(known) for one in link.connections]
            if not any(changed):
                continue
            _log.info("the addresses of this machine have changed")
            if before - set(known):  # of what has gone, the signalling may not know for long
                self.move(IceFailed("the addresses of this machine have changed"))
            elif link.negotiation.used:
                link.negotiation.request_ice_restart()


def _transport_error(failure: TransportStateChanged) -> ConnectError:
    if failure.cause == "dtls":
        return DtlsFailed(f"the media path could not be secured: {failure.reason}")
    return IceFailed(f"{failure.reason}: {UDP_BLOCKED}")
