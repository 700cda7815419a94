"""A program that waits for its first subscriber loses nothing to it, and waits no longer than due.

LiveKit's server tells of a subscriber when it has sent the answer with the track; a browser in one
peer connection has applied it up to 0.05 s later, and drops the media that comes before.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
import trio

from lktrio import proto
from lktrio.media import VP8
from lktrio.room.session.life import RoomLife
from lktrio.room.session.sending import OutgoingTrack
from lktrio.room.state.local import LocalTrackRecord, PublicationState

BROWSER = 0.05  # seconds that it was seen to take, on a busy machine
LATEST = 0.5  # seconds after which everybody would notice


def published() -> OutgoingTrack:
    nothing = cast("Any", None)  # no media is sent here
    record = LocalTrackRecord(proto.TrackInfo(sid="TR_1"), "cid", VP8, participant=nothing)
    record.move(PublicationState.PUBLISHED)
    return OutgoingTrack(record, nothing, nothing, nothing, RoomLife())


async def test_the_first_subscriber_has_time_to_get_ready(autojump_clock: object) -> None:
    track = published()
    begin = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(track.wait_subscribed)
        await trio.sleep(10)
        track.subscribed()
    waited = trio.current_time() - begin - 10
    assert 2 * BROWSER <= waited <= LATEST
    track.subscribed()
    await track.wait_subscribed()
    assert trio.current_time() - begin - 10 == waited


async def test_whoever_asks_later_waits_for_what_is_left_of_it(autojump_clock: object) -> None:
    track = published()
    begin = trio.current_time()
    track.subscribed()
    await trio.sleep(BROWSER)
    await track.wait_subscribed()
    assert 2 * BROWSER <= trio.current_time() - begin <= LATEST


async def test_the_end_of_the_track_ends_the_wait(autojump_clock: object) -> None:
    track = published()
    track.subscribed()
    begin = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end, track)
        with pytest.raises(trio.ClosedResourceError):
            await track.wait_subscribed()
    assert trio.current_time() == begin


async def _end(track: OutgoingTrack) -> None:
    await trio.lowlevel.checkpoint()
    track.record.move(PublicationState.UNPUBLISHED)
    track.end()
