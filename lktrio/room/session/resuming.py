"""What a client tells the server after a resume: where it stands, and what it wants.

The server may have lost what was under way when the link broke, or be another one that took the
session over. So it is told the descriptions that hold, the tracks and channels that there are
(``SyncState``), and once more everything that is state and was asked for: requests that were queued
when the link broke may not have reached it.
"""

from __future__ import annotations

from collections.abc import Iterator

from lktrio import proto
from lktrio.room.session.data_tracks import DataTracks
from lktrio.room.session.link import ServerLink
from lktrio.room.state.room_state import RoomState

__all__ = ["say_again_about_others", "say_again_about_us", "sync_state"]


def sync_state(
    link: ServerLink,
    state: RoomState,
    data_tracks: DataTracks,
    *,
    auto_subscribe: bool,
) -> proto.SyncState:
    """Where we stand (LiveKit's ``SyncState``).

    Args:
        link: The link that was resumed.
        state: What is known of the room.
        data_tracks: What is published and received of data tracks.
        auto_subscribe: Whether the server subscribes us to tracks by itself; it is then told those
            that we do not want, and otherwise those that we want.
    """
    described = link.outgoing if link.incoming is None else link.incoming
    ours, theirs = described.local_description, described.remote_description
    offer, answer = (ours, theirs) if link.incoming is None else (theirs, ours)
    tracks = list(state.roster.all_tracks())
    exceptions = [track for track in tracks if track.wanted is (not auto_subscribe)]
    return proto.SyncState(
        offer=_description("offer", offer),
        answer=_description("answer", answer),
        subscription=proto.UpdateSubscription(
            track_sids=[track.info.sid for track in exceptions], subscribe=not auto_subscribe
        ),
        publish_tracks=[
            proto.TrackPublishedResponse(cid=track.cid, track=track.info)
            for track in state.local_tracks.published
        ],
        data_channels=list(_data_channels(link)),
        datachannel_receive_states=state.receive_states(),
        track_sids_disabled=[track.info.sid for track in tracks if not track.enabled],
        publish_data_tracks=data_tracks.published,
        data_subscription=data_tracks.wanted,
    )


def _description(kind: str, sdp: str | None) -> proto.SessionDescription | None:
    return None if sdp is None else proto.SessionDescription(type=kind, sdp=sdp)


def _data_channels(link: ServerLink) -> Iterator[proto.DataChannelInfo]:
    for connection in link.connections:
        for label, channel in connection.channels.items():
            if channel.id is not None:
                yield proto.DataChannelInfo(label=label, id=channel.id, target=connection.target)


def say_again_about_us(state: RoomState) -> Iterator[proto.SignalRequest]:
    """What was asked for about our tracks and is state; for the session that was resumed."""
    for track in state.local_tracks.published:
        mute = proto.MuteTrackRequest(sid=track.info.sid, muted=track.info.muted)
        yield proto.SignalRequest(mute=mute)


def say_again_about_others(state: RoomState) -> Iterator[proto.SignalRequest]:
    """What was asked for about the tracks of others; also for the session of a new join."""
    for track in state.roster.all_tracks():
        if track.wanted is not None:
            yield proto.SignalRequest(subscription=track.subscription(subscribe=track.wanted))
        if track.settings_said:
            yield proto.SignalRequest(track_setting=track.settings())
