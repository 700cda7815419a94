"""Requests to the server, for which the end of the signalling is the end of the room."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.room.channels.events import Broadcast
from lktrio.room.session.life import RoomLife
from lktrio.room.state.enums import ParticipantState
from lktrio.room.state.events import ParticipantActive, ParticipantDisconnected, RoomEvent
from lktrio.room.state.participant import Participant
from lktrio.signal import SignalConnection

__all__ = ["SignalRequests"]

_NOT_YET_ACTIVE = (ParticipantState.JOINING, ParticipantState.JOINED, ParticipantState.UNKNOWN)


class SignalRequests:
    """What is asked of the server.

    Args:
        signal: The signalling.
        life: The end of the room.
        events: The events of the room.
        lost: Called when the signalling turns out to have ended; ends the room.

    Every method raises ``RoomClosed`` when the room has ended.
    """

    def __init__(
        self,
        signal: SignalConnection,
        life: RoomLife,
        events: Broadcast[RoomEvent],
        lost: Callable[[], None],
    ) -> None:
        self._signal = signal
        self._events = events
        self._life = life
        self._lost = lost

    @contextmanager
    def _errors(self) -> Generator[None]:
        """Turn the end of the signalling into the end of the room, and that into an error."""
        self._life.check_open()
        try:
            yield
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._lost()
            self._life.check_open()

    async def send(self, request: proto.SignalRequest) -> None:
        """Send a request that is not answered, or is answered by other messages."""
        with self._errors():
            await self._signal.send(request)

    async def send_offer(self, offer: proto.SessionDescription) -> None:
        """Offer a description of the outgoing connection."""
        await self.send(proto.SignalRequest(offer=offer))

    async def add_track(self, request: proto.AddTrackRequest) -> proto.TrackInfo:
        """Announce a track; see ``SignalConnection.add_track``.

        Raises:
            PublishError: The server refused it or did not answer.
        """
        with self._errors():
            return await self._signal.add_track(request)
        raise AssertionError("the block above returns or raises")

    async def mute_track(self, sid: str, *, muted: bool) -> None:
        """Tell that a track of ours is muted, or no longer."""
        mute = proto.MuteTrackRequest(sid=sid, muted=muted)
        await self.send(proto.SignalRequest(mute=mute))

    async def update_metadata(
        self, *, name: str = "", metadata: str = "", attributes: Mapping[str, str] | None = None
    ) -> None:
        """Change what others see of the local participant; see ``LocalParticipant.set_name``."""
        with self._errors():
            await self._signal.update_metadata(name=name, metadata=metadata, attributes=attributes)

    async def update_subscription(
        self, participant_sid: str, track_sid: str, *, subscribe: bool
    ) -> None:
        """Begin or stop receiving a track."""
        tracks = proto.ParticipantTracks(participant_sid=participant_sid, track_sids=[track_sid])
        update = proto.UpdateSubscription(
            track_sids=[track_sid], subscribe=subscribe, participant_tracks=[tracks]
        )
        await self.send(proto.SignalRequest(subscription=update))

    async def update_track_settings(self, settings: proto.UpdateTrackSettings) -> None:
        """Say how a track is wanted."""
        await self.send(proto.SignalRequest(track_setting=settings))

    def send_nowait(self, request: proto.SignalRequest) -> bool:
        """Send a request if that is possible at once; returns whether it was."""
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
