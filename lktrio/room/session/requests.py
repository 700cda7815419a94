"""Requests to the server, over whichever signalling there is.

Theory of operation: while the link with the server is being replaced there is nobody to ask, and
requests wait. What becomes of one that was under way when the link was lost depends on its kind:

=================================  =============================================================
request                            when the link is lost
=================================  =============================================================
subscriptions, settings, mute      they are state: said again after a resume or a restart, so the
                                   call returns as soon as they were queued once
data blobs                         answered: asked again until there is an answer, and stored
                                   again after a restart
name, metadata, attributes         answered: asked again until there is an answer
publication of a data track        answered: ``LinkInterrupted``, as the name may be taken by then
announcement of a track            answered, but names a section of the lost link's connection:
                                   ``LinkInterrupted``, and the publisher begins anew
descriptions, candidates           belong to one link, and do not come here
=================================  =============================================================
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import PublishTimeout, ServerError
from lktrio.room.channels.events import Broadcast
from lktrio.room.session.life import RoomLife
from lktrio.room.state.enums import ParticipantState
from lktrio.room.state.events import ParticipantActive, ParticipantDisconnected, RoomEvent
from lktrio.room.state.local import LocalTrackRecord
from lktrio.room.state.participant import Participant
from lktrio.room.state.remote import RemoteTrackRecord
from lktrio.signal import SignalConnection

__all__ = ["LinkInterrupted", "SignalRequests"]

_NOT_YET_ACTIVE = (ParticipantState.JOINING, ParticipantState.JOINED, ParticipantState.UNKNOWN)

_SILENCE = 8.0
"""Seconds without a word of the server, which answers pings every few seconds, after which a
request without an answer is one over a link that is lost, though not known to be."""

T = TypeVar("T")


class LinkInterrupted(Exception):
    """The link was lost before a request for this link alone was answered."""


class SignalRequests:
    """What is asked of the server.

    Args:
        life: The end of the room.
        events: The events of the room.

    Every method waits while there is no link, and raises ``RoomClosed`` when the room has ended.
    """

    def __init__(self, life: RoomLife, events: Broadcast[RoomEvent]) -> None:
        self._signal: SignalConnection | None = None
        self.losses = 0
        """How often there was no link any more."""
        self._changed = trio.lowlevel.ParkingLot()
        self._events = events
        self._life = life

    def use(self, signal: SignalConnection | None) -> None:
        """Ask over this connection from now on; None: let requests wait."""
        self.losses += signal is None
        self._signal = signal
        self._changed.unpark_all()

    async def wait_open(self) -> SignalConnection:
        """Wait until there is a server to ask."""
        self._life.check_open()
        while self._signal is None:
            await self._changed.park()
            self._life.check_open()
        return self._signal  # noqa: ASYNC910 - whoever waits goes on to ask

    async def _ask(self, ask: Callable[[SignalConnection], Awaitable[T]], *, again: bool) -> T:
        """Ask something; when the link is lost meanwhile, again over the next one or not."""
        while True:
            signal = await self.wait_open()
            try:
                return await ask(signal)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                if self._signal is signal:  # whoever reads the connection will see it soon
                    self._signal = None
                self._life.check_open()
                if not again:
                    raise LinkInterrupted from None
            except (PublishTimeout, ServerError):
                if signal.silent_for < _SILENCE:
                    raise
                if not again:
                    raise LinkInterrupted from None

    async def _send(self, make: Callable[[], proto.SignalRequest]) -> None:
        """Send a request without an answer, made when there is a link: SIDs change with it."""
        await self._ask(lambda signal: signal.send(make()), again=True)

    async def add_track(self, request: proto.AddTrackRequest) -> proto.TrackInfo:
        """Announce a track; see ``SignalConnection.add_track``.

        Raises:
            PublishError: The server refused it or did not answer.
            LinkInterrupted: The link was lost before the answer.
        """
        return await self._ask(lambda signal: signal.add_track(request), again=False)

    async def publish_data_track(
        self, request: proto.PublishDataTrackRequest
    ) -> proto.DataTrackInfo:
        """Announce a data track; see ``SignalConnection.publish_data_track``.

        Raises:
            PublishError: The server refused it or did not answer.
            LinkInterrupted: The link was lost before the answer.
        """
        return await self._ask(lambda signal: signal.publish_data_track(request), again=False)

    async def store_data_blob(self, blob: proto.DataBlob) -> None:
        """Store a blob; see ``SignalConnection.store_data_blob``."""
        await self._ask(lambda signal: signal.store_data_blob(blob), again=True)

    async def get_data_blob(self, identity: str, key: proto.DataBlobKey) -> bytes:
        """Fetch a blob; see ``SignalConnection.get_data_blob``."""
        return await self._ask(lambda signal: signal.get_data_blob(identity, key), again=True)

    async def mute_track(self, track: LocalTrackRecord, *, muted: bool) -> None:
        """Tell that a track of ours is muted, or no longer."""

        def mute() -> proto.SignalRequest:
            return proto.SignalRequest(mute=proto.MuteTrackRequest(sid=track.info.sid, muted=muted))

        await self._send(mute)

    async def update_metadata(
        self, *, name: str = "", metadata: str = "", attributes: Mapping[str, str] | None = None
    ) -> None:
        """Change what others see of the local participant; see ``LocalParticipant.set_name``."""
        await self._ask(
            lambda signal: signal.update_metadata(
                name=name, metadata=metadata, attributes=attributes
            ),
            again=True,
        )

    async def update_subscription(self, track: RemoteTrackRecord, *, subscribe: bool) -> None:
        """Begin or stop receiving a track."""
        await self._send(
            lambda: proto.SignalRequest(subscription=track.subscription(subscribe=subscribe))
        )

    async def update_track_settings(self, track: RemoteTrackRecord) -> None:
        """Say how a track is wanted."""
        await self._send(lambda: proto.SignalRequest(track_setting=track.settings()))

    async def simulate(self, fault: proto.SimulateScenario) -> None:
        """Ask the server for a fault."""
        await self._send(lambda: proto.SignalRequest(simulate=fault))

    def send_nowait(self, request: proto.SignalRequest) -> bool:
        """Send a request if that is possible at once; returns whether it was."""
        if self._signal is None:
            return False
        try:
            self._signal.send_nowait(request)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.WouldBlock):
            return False
        return True

    async def wait_active(self, participant: Participant[Any]) -> None:
        """Wait until a participant can receive; see ``Participant.wait_active``."""
        self._life.check_open()
        with self._events.subscribe(ParticipantActive, ParticipantDisconnected) as events:
            while participant.state in _NOT_YET_ACTIVE:
                try:
                    await events.receive()
                except trio.EndOfChannel:
                    self._life.check_open()
                    raise
        await trio.lowlevel.checkpoint()
        if participant.state is ParticipantState.DISCONNECTED:
            raise trio.BrokenResourceError(f"{printable(participant.identity)} has left the room")
