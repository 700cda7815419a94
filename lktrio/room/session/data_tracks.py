"""Data tracks of a session: those that we publish and those that we receive, over one link.

What both have in common is here: the data channel, and what the link's state means for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from lktrio import proto
from lktrio.room.options import RoomOptions
from lktrio.room.session.data_track_publishing import DataTrackPublisher, DataTrackRequests
from lktrio.room.session.data_track_sending import DataTrackOutlet, OutgoingDataTrack
from lktrio.room.session.data_track_subscribing import DataTrackSubscriptions
from lktrio.room.session.life import RoomLife
from lktrio.room.session.link import ServerLink
from lktrio.room.session.peer_connection import DATA_TRACK
from lktrio.room.state.room_state import RoomState

__all__ = ["DataTracks"]


class DataTracks:
    """The data tracks of a session.

    Args:
        state: What is known of the room.
        requests: What is asked of the server.
        life: The end of the room.
        options: Deadlines, and where randomness comes from.
        tell: Called when the state has news.
    """

    def __init__(
        self,
        state: RoomState,
        requests: DataTrackRequests,
        life: RoomLife,
        options: RoomOptions,
        tell: Callable[[], None],
    ) -> None:
        self._outlet = DataTrackOutlet(life, options.timeouts.data_channel)
        self._publisher = DataTrackPublisher(
            state.local_data_tracks,
            requests,
            life,
            self._outlet,
            options.network.random_bytes,
            tell,
        )
        self._link: ServerLink | None = None
        self._subscriptions = DataTrackSubscriptions(
            state.roster.data_tracks, state.data_stats, self._can_receive
        )

    def _can_receive(self) -> bool:
        channel = self._link.primary.channels.get(DATA_TRACK) if self._link is not None else None
        return channel is not None and channel.state == "open" and channel.acknowledged

    # The link

    def use(self, link: ServerLink) -> None:
        """Work over this link from now on, which comes of a new join."""
        self._link = link
        self._outlet.use(link)
        self._subscriptions.use_join()

    def release(self) -> None:
        """The link is gone for good."""
        self._link = None
        self._publisher.release()
        self._outlet.use(None)
        self._subscriptions.channel_changed()

    def changed(self) -> None:
        """The channel, its connection or the room has changed: look what that means."""
        self._outlet.changed()
        self._subscriptions.channel_changed()

    def say_again(self) -> Iterator[proto.SignalRequest]:
        """What may not have reached the server; after a resume."""
        self._subscriptions.resumed()
        yield from self._publisher.withdrawals()

    async def subscribe(self, send: Callable[[proto.SignalRequest], Awaitable[None]]) -> None:
        """Tell the server what is read, until cancelled."""
        while True:
            request = await self._subscriptions.wait_request()
            await send(proto.SignalRequest(update_data_subscription=request))

    @property
    def published(self) -> list[proto.PublishDataTrackResponse]:
        """What the server knows of ours; for ``SyncState``."""
        infos = self._publisher.published
        return [proto.PublishDataTrackResponse(info=info) for info in infos]

    @property
    def wanted(self) -> proto.UpdateDataSubscription:
        """What we want to receive; for ``SyncState``."""
        return self._subscriptions.wanted

    # What happens

    def handle(self, response: proto.SignalResponse) -> bool:
        """Take a message of the server; returns whether it was about data tracks alone."""
        if response.data_track_subscriber_handles is not None:
            self._subscriptions.take_handles(response.data_track_subscriber_handles)
            return True
        return self._publisher.handle(response)

    def receive(self, message: bytes) -> None:
        """Take a message of the data channel."""
        self._subscriptions.receive(message)

    def revoked(self) -> None:
        """We may not publish data any more."""
        self._publisher.revoked()

    # What programs do

    async def publish(self, request: proto.PublishDataTrackRequest) -> OutgoingDataTrack:
        """Publish a track; see ``DataTrackPublisher.publish``."""
        return await self._publisher.publish(request)

    async def publish_again(self) -> None:
        """Publish over a new link what was published over the last one."""
        await self._publisher.publish_again()
